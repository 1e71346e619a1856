"""Gets the next certificate in good time, and an agent that was away too long back in.

Invariants: the request is signed by the agent's own key, never by the certificate, so an ended one can be renewed. The key
and request are kept until they are answered: an answer that got lost costs no certificate. The old one stays in
use until the new one is on the disk.
"""

import random
from collections.abc import Callable
from pathlib import Path

from config.base.backoff import Backoff
from config.base.clock import US_PER_S, Clock
from config.base.errors import InvalidInput, NightlightError, PermissionDenied, Unavailable
from config.base.logs import get_logger
from config.wire.enrolment import CertificateRequest
from edge_agent.centre import Centre
from edge_agent.enrolment.credentials import NOT_ENROLLED, Certificate, Credentials, asked_in
from edge_agent.lifecycle import Worker
from edge_agent.messages import Sealer

PENDING_FILE = "certificate-pending.pem"
LOOK_EVERY_S = 20.0
RETRY_FIRST_S, RETRY_LIMIT_S = 15.0, 3_600.0
ASK_OPERATOR = "agent_revoked", "certificate_too_old", "certificate_superseded", "unknown_certificate", "unknown_agent"

log = get_logger("enrolment")


def due_us(certificate: Certificate, share: float) -> int:
    """When to renew: between 7/12 and 2/3 of the life, by ``share`` of [0, 1), so that agents do not come at once."""
    life_us = certificate.ends_us - certificate.starts_us
    return certificate.starts_us + int(life_us * (8 - share) / 12)


class CertificateRenewal(Worker):
    """One thread."""

    def __init__(
        self,
        credentials: Credentials,
        sealer: Sealer,
        centre: Centre,
        clock: Clock,
        state_dir: Path,
        renewed: Callable[[], None],
    ) -> None:
        """``clock``: the agent's disciplined one; ``renewed``: makes the next connection with the new certificate."""
        super().__init__("certificate")
        self._credentials = credentials
        self._sealer = sealer
        self._centre = centre
        self._clock = clock
        self._pending = state_dir / PENDING_FILE
        self._renewed = renewed
        self._share = random.random()  # noqa: S311 - spreads load, guards nothing
        self._backoff = Backoff(RETRY_FIRST_S, RETRY_LIMIT_S)

    def run(self) -> None:
        if self._credentials.certificate is None:
            log.error("no_certificate", advice=NOT_ENROLLED)
        while not self.stopping.is_set():
            self.stopping.wait(self.look())

    def look(self) -> float:
        """Renews where it is time; seconds until the next look."""
        present = self._credentials.certificate
        if present is None or self._clock.utc_us() < due_us(present, self._share):
            return LOOK_EVERY_S
        try:
            ends_us = self._renew(present)
        except Unavailable as error:
            wait_s, left_s = self._backoff.next_s(), (present.ends_us - self._clock.utc_us()) // US_PER_S
            log.warning("certificate_waits", why=str(error), left_s=left_s, again_in_s=round(wait_s, 1))
            return wait_s
        except (InvalidInput, PermissionDenied) as error:
            if error.code not in ASK_OPERATOR:
                self._pending.unlink(missing_ok=True)  # the next request is a new one
            advice = "ask the operator for a code, then: sudo nightlight-agent enrol. Recording goes on"
            log.error("certificate_refused", code=error.code, why=str(error), advice=advice)  # noqa: TRY400 - no fault
            return RETRY_LIMIT_S
        except NightlightError as error:
            log.exception("certificate_not_renewed", why=str(error))
            return RETRY_LIMIT_S
        self._backoff.reset()
        log.info("certificate_renewed", ends_us=ends_us)
        self._renewed()
        return LOOK_EVERY_S

    def _renew(self, present: Certificate) -> int:
        asked = asked_in(self._pending)
        request = CertificateRequest(
            **self._sealer.who(),
            csr=asked.csr_pem,
            serial=present.serial,
        )
        answer = self._centre.certificate(self._sealer.seal(request))
        fresh = self._credentials.check(answer.certificate, asked, self._sealer.agent_id)
        self._credentials.install(answer.certificate, asked.key_pem)
        self._pending.unlink(missing_ok=True)
        return fresh.ends_us
