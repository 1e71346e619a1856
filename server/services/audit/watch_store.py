"""What has to be known of the store as a whole: its clock, whether it still refuses, when it is full, whether it answers.

Invariants: a condition that a person must see stands in the database from the moment it is found until it is found good;
a store that does not answer proves nothing, so its canary is asked for again within minutes and not a day later.
"""

from dataclasses import dataclass, field

import msgspec
from prometheus_client import Gauge
from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY, US_PER_S, Clock
from config.base.decoding import decode_json
from config.base.errors import ConfigurationError, IntegrityViolation, Unavailable
from config.base.logs import get_logger
from server.domain.forecast import Forecast, forecast
from server.services.compliance.rule_books import longest_retain_days
from storage.database import deep_audits
from storage.database.unit_of_work import Database
from storage.objects.bucket import bucket_changes
from storage.objects.canary import prove_worm
from storage.objects.port import ClockOffset
from storage.objects.s3 import S3EvidenceStore

CLOCK, CANARY, FORECAST, ANSWERS, SETTINGS = "clock", "canary", "forecast", "answers", "settings"
STORE_CLOCK_US_MAX = 5 * US_PER_S
FORECAST_EVERY_US = 3_600 * US_PER_S
GIGA = 10**9

log = get_logger("store")
UNPROVEN = Gauge("nightlight_store_gave_in", "1 where the last canary was not safe in the store")
CLOCK_OFF = Gauge("nightlight_store_clock_offset_seconds", "The store's clock less the centre's")


def note_clock(session: Session, offset: ClockOffset, now_us: int) -> bool:
    """Writes a comparison down; whether the store's clock can be lived with."""
    good = abs(offset.offset_us) - offset.bound_us <= STORE_CLOCK_US_MAX
    CLOCK_OFF.set(offset.offset_us / US_PER_S)
    detail = str(offset.bound_us)
    changed = deep_audits.set_condition(
        session, CLOCK, good=good, now_us=now_us, amount=offset.offset_us, detail=detail
    )
    if changed and not good:
        advice = "set the store's clock by NTP: it judges locks by it"
        log.error("store_clock_off", offset_s=round(offset.offset_us / US_PER_S, 1), advice=advice)
    elif changed:
        log.info("store_clock_good", offset_s=round(offset.offset_us / US_PER_S, 1))
    return good


@dataclass
class StoreWatch:
    """``look`` once a minute, by one thread."""

    database: Database
    store: S3EvidenceStore
    clock: Clock
    retain_days: int
    capacity_bytes: int
    """0: not known."""
    _proved: bool = field(default=False, init=False)
    """Whether this process has had its proof at its start."""

    def look(self) -> None:
        """Raises Unavailable where the store does not answer, IntegrityViolation where it gave in: come again soon."""
        self._forecast()
        try:
            offset = self.store.clock_offset()
            with self.database.unit_of_work() as session:
                note_clock(session, offset, self.clock.utc_us())
            self._look_at_settings()
            if self._canary_is_due():
                self._prove()
        except Unavailable as error:
            self._note(ANSWERS, good=False, detail=str(error))
            raise
        self._note(ANSWERS, good=True)

    def _look_at_settings(self) -> None:
        changes = bucket_changes(self.store, self.retain_days)
        if self._note(SETTINGS, good=not changes, detail=" ".join(changes)) and changes:
            advice = "no lock is off by that; see who can change the bucket, then: python -m server.admin init"
            log.error("store_settings_changed", changes=changes, advice=advice)

    def _canary_is_due(self) -> bool:
        with self.database.reading() as session:
            last = deep_audits.condition(session, CANARY)
        return not self._proved or last is None or not last.good or self.clock.utc_us() - last.checked_us >= US_PER_DAY

    def _prove(self) -> None:
        try:
            refusals = prove_worm(self.store)
        except (IntegrityViolation, ConfigurationError) as error:
            UNPROVEN.set(1)
            self._note(CANARY, good=False, detail=str(error))
            advice = "stop ingest and call the store's keeper: recordings can be deleted there"
            log.exception("store_gave_in", why=str(error), advice=advice)
            raise
        UNPROVEN.set(0)
        self._proved = True
        self._note(CANARY, good=True, amount=len(refusals))

    def _forecast(self) -> None:
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            last = deep_audits.condition(session, FORECAST)
            if (
                last is not None
                and now_us - last.checked_us < FORECAST_EVERY_US
                and _told(last.detail, self.capacity_bytes)
            ):
                return
        found = forecast_of(self.database, now_us, self.retain_days, self.capacity_bytes)
        detail = msgspec.json.encode(found).decode()
        # Where nothing comes in there is nothing to reckon with, and a store that is full takes nothing in.
        unknown_now = found.promise_holds is None and found.capacity_bytes > 0
        good = last is None or last.good if unknown_now else found.promise_holds is not False
        changed = self._note(FORECAST, good=good, detail=detail)
        if changed and found.promise_holds is False:
            advice = "give the store more room: nothing in it can be deleted early"
            log.error("store_will_be_full", in_days=round(found.full_in_days or 0, 1), advice=advice)

    def _note(self, name: str, *, good: bool, amount: int = 0, detail: str = "") -> bool:
        with self.database.unit_of_work() as session:
            return deep_audits.set_condition(
                session, name, good=good, now_us=self.clock.utc_us(), amount=amount, detail=detail
            )


def forecast_of(database: Database, now_us: int, retain_days: int, capacity_bytes: int) -> Forecast:
    """By what lies there, what came in over the last 24 h, and the longest that any site keeps what is its."""
    with database.reading() as session:
        used_bytes, bytes_a_day, leaving = deep_audits.stored(session, now_us)
        days = longest_retain_days(session, retain_days)
    return forecast(used_bytes, bytes_a_day, capacity_bytes, days, leaving)


def forecast_in(detail: str) -> Forecast | None:
    """The forecast as it was noted."""
    try:
        return decode_json(detail, Forecast)
    except msgspec.MsgspecError:
        return None


def _told(detail: str, capacity_bytes: int) -> bool:
    last = forecast_in(detail)
    return last is not None and last.capacity_bytes == capacity_bytes
