"""A region's month on paper over real rows: what it says, that it is signed, and whose it is."""

import hashlib
import io
import time
from datetime import date

import pytest
import typst
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature

from config.base.clock import US_PER_DAY, US_PER_MINUTE, from_datetime, to_datetime
from config.base.errors import InvalidInput, NotFound, ResourceExhausted
from server.reports.seal import Sealer
from server.reports.typeset import CHINESE_FONTS
from server.services.agents.authority import REPORTS, CertificateAuthority
from server.services.reports.press import Issue, Press
from server.services.reports.region_report import RegionReportDesk
from server.services.supervision.count_region import Statistician
from server.web.pages import Pages
from server.web.region_report_words import RegionReportWords
from server.web.reports import ReportPages
from storage.database import models
from storage.database.scope import AUDITOR, EVERY_REGION, OPERATOR, Scope
from storage.database.verdicts import encode_gaps

pytestmark = [
    pytest.mark.skipif(
        not set(CHINESE_FONTS) & set(typst.Fonts().families()), reason="no font with Chinese characters on this machine"
    ),
    pytest.mark.parametrize("database", ["sqlite"], indirect=True),
]
PERSON = Scope("chief", AUDITOR, "cn/sichuan")
NOW_US = from_datetime(to_datetime(0).replace(year=2026, month=11, day=3, hour=4))


def at_us(day: date, minutes: int = 0) -> int:
    midnight = from_datetime(to_datetime(0).replace(year=day.year, month=day.month, day=day.day))
    return midnight - 8 * 60 * US_PER_MINUTE + minutes * US_PER_MINUTE


def order(session, number: str, *acts: tuple[str, date, str | None]) -> None:
    session.add(
        models.RectificationOrder(id=number, draw_id="d" * 32, number=1, site_id="sunflower", rule="", told="x")
    )
    session.flush()
    session.add_all(
        models.RectificationActRow(
            order_id=number, place=place, kind=kind, at_us=at_us(day, 600), by="wang", told="x", due=due
        )
        for place, (kind, day, due) in enumerate(acts)
    )


def seed(session) -> None:
    """One camera in service from 29 October; 30 October is whole, a gap runs over the midnight after; 29 has no entry."""
    camera = session.query(models.Camera).filter_by(site_id="sunflower").first()
    camera.activated_us = at_us(date(2026, 10, 29), 1)
    for other in session.query(models.Camera).filter(models.Camera.id != camera.id):
        other.activated_us = None
    midnight = at_us(date(2026, 11, 1))
    for day, gap in (
        (date(2026, 10, 30), None),
        (date(2026, 10, 31), (midnight - 3 * US_PER_MINUTE, midnight)),
        (date(2026, 11, 1), (midnight, midnight + US_PER_MINUTE)),
    ):
        missing = gap[1] - gap[0] if gap else 0
        session.add(
            models.Verdict(
                camera_id=camera.id,
                day=day.isoformat(),
                status="NON_COMPLIANT" if gap else "COMPLIANT",
                final=True,
                expected_us=US_PER_DAY,
                covered_us=US_PER_DAY - missing,
                assessed_us=NOW_US,
                gaps=encode_gaps([(*gap, "disk_full", "missing")] if gap else []),
            )
        )
    session.add(
        models.InspectionDraw(
            id="d" * 32, region="cn", listed="", list_sha256="", prepared_us=1, prepared_by="wang", seed=None,
            drawn_us=None, drawn_by=None,
        )
    )  # fmt: skip
    session.add(
        models.Site(id="quiet", name="=安静托育园", region="cn/sichuan", timezone="Asia/Shanghai", created_us=1)
    )
    session.flush()
    session.add(
        models.Inspection(draw_id="d" * 32, number=1, site_id="sunflower", stratum="", inspectors="wang", made_us=1)
    )
    session.flush()
    session.add(
        models.InspectionResult(
            draw_id="d" * 32, number=1, day="2026-10-09", told="x", checklist="[]", entered_us=1, entered_by="wang"
        )
    )
    session.flush()
    order(session, "1" * 32, ("ordered", date(2026, 10, 9), "2026-10-20"), ("repaired", date(2026, 10, 12), None),
          ("passed", date(2026, 10, 13), None))  # fmt: skip
    order(session, "2" * 32, ("ordered", date(2026, 9, 9), "2026-09-20"))


@pytest.fixture
def desk(agent, database, clock) -> RegionReportDesk:
    clock.advance((NOW_US - clock.utc_us()) / 1e6)
    with database.unit_of_work() as session:
        seed(session)
    authority = CertificateAuthority.create(time.time_ns() // 1_000)
    pem = authority.issue_service(REPORTS, NOW_US, authority.ends_us).encode()
    press = Press(database, clock, lambda: Sealer(pem), "https://nightlight.example")
    return RegionReportDesk(press, Statistician(database, clock), ReportPages(Pages()).tell_region)


def test_a_region_report_says_what_the_record_says_and_is_signed(desk: RegionReportDesk) -> None:
    facts = desk.facts(PERSON, "cn/sichuan", "2026-10")
    assert [site.site_id for site in facts.figures.sites] == ["sunflower", "quiet"], "the worst first"
    assert (facts.status, facts.final) == ("NON_COMPLIANT", False)
    assert facts.expected_us - facts.covered_us == US_PER_DAY + 3 * US_PER_MINUTE, "a day without an entry is missing"
    assert facts.month.daily[28].unverified == 1
    assert [day.missing_us for day in facts.month.daily[29:]] == [0, 3 * US_PER_MINUTE]
    assert [(row.cause, row.gaps) for row in facts.month.causes] == [("disk_full", 1)]
    orders = facts.orders
    assert (orders.made, orders.passed, orders.open, orders.overdue, orders.suspended) == (1, 1, 1, 1, 0)
    for language, word in (("zh-CN", "月报"), ("en", "video monitoring")):
        made = desk.make(PERSON, "cn/sichuan", "2026-10", language)
        view, pdf = desk.pdf(PERSON, made.id)
        assert view == made == desk.by_number(made.id) == desk.make(PERSON, "cn/sichuan", "2026-10", language)
        assert hashlib.sha256(pdf).hexdigest() == made.pdf_sha256
        [signature] = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
        assert validate_pdf_signature(signature).intact
        words = RegionReportWords(Pages().spoken(language), facts)
        assert word in str(words.told(Issue(made.id, NOW_US, language, "https://nightlight.example"))["title"])
        assert [len(words.table(name)) for name in ("causes", "days", "orders")] == [2, 32, 9]
    assert len(desk.of_region(PERSON, "cn/sichuan")) == 2


def test_what_nobody_looks_at_any_more_is_not_known_day_by_day_either(desk: RegionReportDesk) -> None:
    with desk.press.database.unit_of_work() as session:
        camera_id = session.query(models.Verdict.camera_id).first()[0]
        session.add(
            models.Verdict(
                camera_id=camera_id, day="2026-10-30", status="COMPLIANT", final=False, expected_us=US_PER_DAY,
                covered_us=US_PER_DAY, assessed_us=NOW_US, gaps=encode_gaps([]),
            )
        )  # fmt: skip
    told = [desk.facts(PERSON, "cn/sichuan", "2026-10").month.daily[29]]
    with desk.press.database.unit_of_work() as session:
        session.add(
            models.ComplianceMark(
                site_id="sunflower", verdict_id=9, book="", book_since_us=0, looked_us=NOW_US, final_before=""
            )
        )
    told.append(desk.facts(PERSON, "cn/sichuan", "2026-10").month.daily[29])
    assert [(day.missing_us, day.unverified) for day in told] == [(0, 1), (0, 0)]


def test_only_whoever_has_the_whole_region_has_its_report(desk: RegionReportDesk) -> None:
    made = desk.make(Scope("all", AUDITOR, EVERY_REGION), "", "2026-10", "en")
    assert (made.sites, desk.default_region(PERSON)) == (2, "cn/sichuan")
    for person, region in (
        (PERSON, ""),
        (PERSON, "cn"),
        (PERSON, "cn/sichuanx"),
        (Scope("x", AUDITOR, ""), ""),
        (Scope("lin", OPERATOR, "cn/sichuan"), "cn/sichuan"),
    ):
        for act in (
            lambda person=person, region=region: desk.make(person, region, "2026-10", "en"),
            lambda person=person, region=region: desk.of_region(person, region),
            lambda person=person: desk.pdf(person, made.id),
        ):
            with pytest.raises(NotFound):
                act()
    for act in (lambda: desk.by_number("0" * 32), lambda: desk.pdf(PERSON, "0" * 32)):
        with pytest.raises(NotFound):
            act()
    for month in ("2026-12", "2026-13"):
        with pytest.raises(InvalidInput):
            desk.make(PERSON, "cn/sichuan", month, "en")


def test_a_report_is_never_cut(desk: RegionReportDesk, monkeypatch) -> None:
    monkeypatch.setattr("server.services.supervision.count_region.SITES_MAX", 1)
    with pytest.raises(ResourceExhausted):
        desk.make(PERSON, "cn/sichuan", "2026-10", "en")
    monkeypatch.undo()
    monkeypatch.setattr("server.services.reports.press.REPORTS_OF_A_MONTH_MAX", 1)
    desk.make(PERSON, "cn/sichuan", "2026-10", "en")
    with pytest.raises(ResourceExhausted):
        desk.make(PERSON, "cn/sichuan", "2026-10", "zh-CN")
