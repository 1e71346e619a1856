"""Failed attempts to sign in, kept in the database: a restart forgives nobody.

At most ten from one address in five minutes, and twenty for one account in fifteen, whoever they come from. A right answer
within that changes nothing; time does. A browser in which the account has signed in before is counted by itself, ten in
fifteen minutes, and is a stranger after that: who guesses at a known name keeps its owner out of nothing (``devices.py``).
Passkeys are not guessed at, and are never limited. What counts is a matter of minutes; the rows stay 200 days and go then.
Source: OWASP ASVS 5.0, 6.3.1 (rate limits against guessing, without locking accounts maliciously); 网络安全法 art. 21 (3): logs
are kept for no less than six months.
"""

from sqlalchemy import ColumnElement, Select, and_, delete, func, select
from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY, US_PER_MINUTE, Clock
from config.base.errors import ResourceExhausted
from server.services.people.devices import digest, knows
from storage.database.models import SignInFailure
from storage.database.unit_of_work import Database

OF_SOURCE_MAX, OF_SOURCE_US = 10, 5 * US_PER_MINUTE
OF_ACCOUNT_MAX, OF_ACCOUNT_US = 20, 15 * US_PER_MINUTE
OF_DEVICE_MAX, OF_DEVICE_US = 10, 15 * US_PER_MINUTE
KEPT_US = 200 * US_PER_DAY


class Failures:
    """Counts and refuses; thread-safe. ``device``: the token of the browser's cookie, empty where it has none."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def check(self, account_name: str, source: str, device: str = "") -> None:
        """Raises ResourceExhausted while the address or the account has to wait."""
        now_us, account_name = self._clock.utc_us(), account_name[:64]
        of_strangers = and_(SignInFailure.account_name == account_name, SignInFailure.device_sha256 == "")
        limits = (
            (SignInFailure.source == source[:64], OF_SOURCE_US, OF_SOURCE_MAX),
            (of_strangers, OF_ACCOUNT_US, OF_ACCOUNT_MAX),
        )
        with self._database.reading() as session:
            if self._goes_by_itself(session, account_name, device, now_us):
                return
            for whose, window_us, most in limits:
                if (session.scalar(_count(whose, now_us - window_us)) or 0) >= most:
                    raise ResourceExhausted("too many failed attempts: wait five minutes", code="too_many_attempts")

    def failed(self, account_name: str, source: str, device: str = "") -> None:
        """Counts one failure."""
        now_us, account_name = self._clock.utc_us(), account_name[:64]
        with self._database.unit_of_work() as session:
            session.execute(delete(SignInFailure).where(SignInFailure.at_us < now_us - KEPT_US))
            of_device = digest(device) if self._goes_by_itself(session, account_name, device, now_us) else ""
            session.add(
                SignInFailure(account_name=account_name, source=source[:64], device_sha256=of_device, at_us=now_us)
            )

    def _goes_by_itself(self, session: Session, account_name: str, device: str, now_us: int) -> bool:
        if not knows(session, account_name, device):
            return False
        its = and_(SignInFailure.device_sha256 == digest(device), SignInFailure.account_name == account_name)
        return (session.scalar(_count(its, now_us - OF_DEVICE_US)) or 0) < OF_DEVICE_MAX


def _count(whose: ColumnElement[bool], since_us: int) -> Select[int]:
    return select(func.count()).select_from(SignInFailure).where(whose, SignInFailure.at_us >= since_us)
