"""What every monthly report shares: it is set, signed, numbered, and kept as it was handed out.

Invariants: what was handed out is kept byte for byte (I4); the same facts are not set twice in a language; a month has at most
``REPORTS_OF_A_MONTH_MAX`` reports.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol, TypeVar

import msgspec
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.errors import InvalidInput, NotFound, ResourceExhausted
from config.base.ids import fresh_id, is_slug
from config.base.logs import get_logger
from server.domain.month import CameraDay, GapTold, days_of
from server.domain.verdict import Status
from server.reports.seal import Sealer
from storage.database import reports
from storage.database.models import RegionReport, Report, Verdict
from storage.database.unit_of_work import Database
from storage.database.verdicts import decode_gaps
from storage.database.windows import InForce

MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")
REPORTS_SHOWN_MAX = 100
REPORTS_OF_A_MONTH_MAX = 200
Told = Mapping[str, object]
Typeset = Callable[[Told, str, int], bytes]
Row = TypeVar("Row", Report, RegionReport)

log = get_logger("reports")


class Facts(Protocol):
    """Everything that a report says, but for its number and its instant."""

    @property
    def status(self) -> Status: ...

    @property
    def final(self) -> bool: ...

    @property
    def expected_us(self) -> int: ...

    @property
    def covered_us(self) -> int: ...


@dataclass(frozen=True)
class Issue:
    """What makes one report this one."""

    id: str
    made_us: int
    language: str
    verify_url: str


@dataclass(frozen=True)
class Order:
    """Whose month, in which language, and who asks; ``owner``: a site, or a region's path. ``sites``: of a region."""

    owner: str
    month: str
    language: str
    by: str
    sites: int | None = None


class HandedOut(msgspec.Struct, frozen=True, kw_only=True):
    """A report that was made; ``covered_us`` of ``expected_us`` camera time."""

    id: str
    month: str
    language: str
    made_us: int
    made_by: str
    status: str
    final: bool
    expected_us: int
    covered_us: int
    pdf_sha256: str


@dataclass(frozen=True)
class Press:
    """``sealer``: reads the certificate when a report is signed; ``origin``: of the page on which it is checked."""

    database: Database
    clock: Clock
    sealer: Callable[[], Sealer]
    origin: str
    fonts_dir: str = ""

    def issue(
        self, model: type[Row], order: Order, facts: Facts, tell: Callable[[Issue], Told], typeset: Typeset
    ) -> Row:
        """The last report, where it says the same, or a new one.

        Raises ResourceExhausted after 200 of a month, Unavailable where it cannot be set or signed.
        """
        digest = hashlib.sha256(repr(facts).encode()).hexdigest()
        with self.database.reading() as session:
            known = reports.newest(session, model, order.owner, order.month, order.language)
            if known is not None and known.facts_sha256 == digest:
                return known
            if reports.count_of_month(session, model, order.owner, order.month) >= REPORTS_OF_A_MONTH_MAX:
                raise ResourceExhausted("there are too many reports of this month already", code="too_many_reports")
        number, now_us = fresh_id(), self.clock.utc_us()
        told = tell(Issue(number, now_us, order.language, f"{self.origin}/verify/reports/{number}"))
        pdf = self.sealer().seal(typeset(told, self.fonts_dir, now_us), str(told["title"]))
        row = model(
            id=number,
            month=order.month,
            language=order.language,
            made_us=now_us,
            made_by=order.by,
            status=facts.status.value,
            final=facts.final,
            expected_us=facts.expected_us,
            covered_us=facts.covered_us,
            facts_sha256=digest,
            pdf_sha256=hashlib.sha256(pdf).hexdigest(),
            pdf=pdf,
            **{reports.OWNER[model].key: order.owner},
            **({"sites": order.sites} if order.sites is not None else {}),
        )
        with self.database.unit_of_work() as session:
            session.add(row)
        log.info("report_made", report=number, of=order.owner, month=order.month, language=order.language)
        return row


def by_number(session: Session, model: type[Row], report_id: str) -> Row:
    """Raises NotFound."""
    row = session.get(model, report_id) if is_slug(report_id) else None
    if row is None:
        raise NotFound("no such report")
    return row


def handed_out(row: Report | RegionReport) -> dict[str, Any]:
    """The fields of a ``HandedOut``."""
    return {name: getattr(row, name) for name in HandedOut.__struct_fields__}


def camera_day(row: Verdict | InForce) -> CameraDay:
    """A day as its entry tells it."""
    return CameraDay(
        date.fromisoformat(row.day),
        Status(row.status),
        row.final,
        row.expected_us,
        row.covered_us,
        row.assessed_us,
        tuple(GapTold(start_us, end_us, cause) for start_us, end_us, cause, _ in decode_gaps(row.gaps)),
    )


def month_days(month: str) -> tuple[date, ...]:
    """Every day of a month, YYYY-MM. Raises InvalidInput."""
    found = MONTH.fullmatch(month)
    if found is None:
        raise InvalidInput("write a month as 2026-11", code="bad_month")
    return days_of(int(found[1]), int(found[2]))
