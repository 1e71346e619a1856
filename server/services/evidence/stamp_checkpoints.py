"""Has a timestamp authority stamp each site's newest checkpoint once a day (RFC 3161), where one is configured.

Invariant: only an answer that holds (the authority's root, our nonce, our text) is stored. A stamp proves that the ledger
held by then what it counts; without one nothing else is less true.

Source: RFC 3161, sections 2.4 and 3.4 (HTTP).
"""

from dataclasses import dataclass, field

import urllib3
from cryptography import x509
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from config.base.clock import US_PER_DAY, US_PER_MINUTE, Clock
from config.base.errors import ConfigurationError, IntegrityViolation, Unavailable
from config.base.logs import get_logger
from config.evidence.note import SignedNote
from config.evidence.timestamp import RESPONSE_BYTES_MAX, check_stamp
from config.settings.loader import read_secret
from config.settings.server import ServerSettings
from storage.database import ledger
from storage.database.unit_of_work import Database

EVERY_US = US_PER_DAY - 60 * US_PER_MINUTE
APART_US_MAX = 5 * US_PER_MINUTE
CONNECT_S, READ_S = 5.0, 15.0

log = get_logger("timestamp")


@dataclass(frozen=True)
class CheckpointStamper:
    """Call ``stamp_all`` now and then."""

    database: Database
    clock: Clock
    url: str
    roots: list[x509.Certificate]
    http: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(num_pools=1, retries=False))

    def stamp_all(self) -> int:
        """Stamps what is due; how many. Raises Unavailable, or IntegrityViolation where an answer does not hold."""
        with self.database.reading() as session:
            sites = ledger.unstamped_since(session, self.clock.utc_us() - EVERY_US)
        for site_id in sites:
            self._stamp(site_id)
        return len(sites)

    def _stamp(self, site_id: str) -> None:
        with self.database.reading() as session:
            newest = ledger.latest_checkpoint(session, site_id)
        if newest is None:
            return
        text = SignedNote.parse(newest.note).text
        asked = TimestampRequestBuilder(text.encode()).hash_algorithm(HashAlgorithm.SHA256).build()
        answer = self._ask(asked.as_bytes())
        stamp = check_stamp(answer, text, self.roots, asked.nonce)
        now_us = self.clock.utc_us()
        if abs(stamp.at_us - now_us) > APART_US_MAX:
            log.warning(
                "timestamp_apart", apart_s=round((stamp.at_us - now_us) / 1e6), advice="is the clock set by NTP?"
            )
        with self.database.unit_of_work() as session:
            row = ledger.checkpoint_at(session, site_id, newest.size)
            if row is not None and row.timestamp is None:
                row.timestamp, row.stamped_us = answer, now_us
        log.info("checkpoint_stamped", site=site_id, size=newest.size)

    def _ask(self, request: bytes) -> bytes:
        try:
            with self.http.request(
                "POST",
                self.url,
                body=request,
                headers={"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"},
                timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S),
                redirect=False,
                preload_content=False,
            ) as answer:
                data = answer.read(RESPONSE_BYTES_MAX + 1)
                answer.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"the timestamp authority does not answer: {type(error).__name__}") from error
        if answer.status != 200:
            raise Unavailable(f"the timestamp authority answers {answer.status}")
        if len(data) > RESPONSE_BYTES_MAX:
            raise IntegrityViolation("the timestamp authority's answer is too large", code="oversized")
        return data


def stamper_from(settings: ServerSettings, database: Database, clock: Clock) -> CheckpointStamper | None:
    """The stamper of the settings; None where no authority is named. Raises ConfigurationError."""
    if not settings.ledger.tsa_url:
        return None
    file = settings.ledger.tsa_ca_file
    if not file:
        raise ConfigurationError(
            "'ledger.tsa_ca_file' is not set: give the root certificate of the authority that 'ledger.tsa_url' names"
        )
    try:
        roots = x509.load_pem_x509_certificates(read_secret(file, "ledger.tsa_ca_file").encode())
    except ValueError as error:
        raise ConfigurationError(f"'ledger.tsa_ca_file': {file} holds no certificate in PEM form") from error
    return CheckpointStamper(database, clock, settings.ledger.tsa_url, roots)
