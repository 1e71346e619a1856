"""The verification workers: wait for uploads in the database's queue and read them back, a few at a time.

Before the first one the store must prove that it refuses deletion. While it does not answer, uploads wait; where it
gives in, the process ends and says why.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread

import msgspec
from prometheus_client import Counter

from config.base.backoff import Backoff
from config.base.errors import Conflict, IntegrityViolation, NightlightError, Unavailable
from config.base.logs import get_logger
from server.services.intake.verify_upload import Job, UploadVerifier
from storage.objects.canary import prove_worm
from storage.objects.s3 import S3EvidenceStore

log = get_logger("verify")
READ_BACKS = Counter("nightlight_read_backs", "Versions read back, by what was answered", ["result"])
POLL_S = 1.0


class VerificationWorker:
    """One thread that leases work, and a pool that talks to the store."""

    def __init__(
        self,
        verifier: UploadVerifier,
        store: S3EvidenceStore,
        answer: Callable[[msgspec.Struct], None],
        count: int,
        stop: Event,
    ) -> None:
        self._verifier = verifier
        self._store = store
        self._answer = answer
        # No more than are worked on at once: the others would sit out their lease in line.
        self._count = count
        self._stop = stop
        self._wake = Event()
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="verify")
        self._thread = Thread(target=self._run, name="verification")
        self.violation: NightlightError | None = None
        """Why the store cannot be trusted, once that is known."""

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Says that there is work, so that nobody waits for the next look."""
        self._wake.set()

    def close(self) -> None:
        self._stop.set()
        self._wake.set()
        self._thread.join()
        self._pool.shutdown()

    def _run(self) -> None:
        try:
            self._work()
        except Exception as error:
            log.exception("verification_failed")
            self.violation = IntegrityViolation(f"verification ended: {type(error).__name__}")
            self._stop.set()

    def _work(self) -> None:
        if not self._prove():
            return
        while not self._stop.is_set():
            try:
                jobs = self._verifier.take(self._count)
            except (Unavailable, Conflict) as error:
                log.warning("queue_unavailable", reason=str(error))
                jobs = []
            if jobs:
                list(self._pool.map(self._verify, jobs))
            else:
                self._wake.wait(POLL_S)
                self._wake.clear()

    def _prove(self) -> bool:
        backoff = Backoff(1.0, 15.0)
        while not self._stop.is_set():
            try:
                refusals = prove_worm(self._store)
            except Unavailable as error:
                wait_s = backoff.next_s()
                log.warning(
                    "store_unavailable",
                    retry_s=round(wait_s, 1),
                    reason=str(error),
                    advice="uploads wait until the store answers; check store.endpoint",
                )
                self._stop.wait(wait_s)
                continue
            except NightlightError as error:
                log.exception("store_not_trusted")
                self.violation = error
                self._stop.set()
                return False
            log.info("store_proved", refusals=len(refusals))
            return True
        return False

    def _verify(self, job: Job) -> None:
        try:
            answers = self._verifier.verify(job)
        except NightlightError as error:
            # The row stays leased and comes back when the lease is over.
            log.warning("verification_postponed", segment=job.segment_id, reason=str(error))
            READ_BACKS.labels("postponed").inc()
            return
        for message in answers:
            READ_BACKS.labels(type(message).__name__).inc()
            self._answer(message)
