"""Failed attempts to sign in, kept in the database: a restart forgives nobody.

At most ten from one address in five minutes, and twenty for one account in fifteen, whoever they come from. A right answer
within that changes nothing; time does. Rows older than a day go.
Source: OWASP ASVS 5.0, 6.3.1 (rate limits against guessing).
"""

from sqlalchemy import ColumnElement, Select, delete, func, select

from config.base.clock import US_PER_DAY, US_PER_MINUTE, Clock
from config.base.errors import ResourceExhausted
from storage.database.models import SignInFailure
from storage.database.unit_of_work import Database

OF_SOURCE_MAX, OF_SOURCE_US = 10, 5 * US_PER_MINUTE
OF_ACCOUNT_MAX, OF_ACCOUNT_US = 20, 15 * US_PER_MINUTE


class Failures:
    """Counts and refuses; thread-safe."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def check(self, account_name: str, source: str) -> None:
        """Raises ResourceExhausted while the address or the account has to wait."""
        now_us = self._clock.utc_us()
        limits = (
            (SignInFailure.source == source[:64], OF_SOURCE_US, OF_SOURCE_MAX),
            (SignInFailure.account_name == account_name[:64], OF_ACCOUNT_US, OF_ACCOUNT_MAX),
        )
        with self._database.reading() as session:
            for whose, window_us, most in limits:
                if (session.scalar(_count(whose, now_us - window_us)) or 0) >= most:
                    raise ResourceExhausted("too many failed attempts: wait five minutes", code="too_many_attempts")

    def failed(self, account_name: str, source: str) -> None:
        """Counts one failure."""
        now_us = self._clock.utc_us()
        with self._database.unit_of_work() as session:
            session.execute(delete(SignInFailure).where(SignInFailure.at_us < now_us - US_PER_DAY))
            session.add(SignInFailure(account_name=account_name[:64], source=source[:64], at_us=now_us))


def _count(whose: ColumnElement[bool], since_us: int) -> Select[int]:
    return select(func.count()).select_from(SignInFailure).where(whose, SignInFailure.at_us >= since_us)
