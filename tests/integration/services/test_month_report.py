"""A month on paper over real rows: what it says, that it is signed, and that what was handed out stays as it was."""

import hashlib
import io
import time
from dataclasses import replace
from datetime import date

import pytest
import typst
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from config.base.clock import US_PER_DAY, US_PER_MINUTE, from_datetime, to_datetime
from config.base.errors import InvalidInput, NotFound, Unavailable
from server.reports.seal import Sealer
from server.reports.typeset import CHINESE_FONTS
from server.services.agents.authority import REPORTS, CertificateAuthority
from server.services.coverage.assess_day import Assessor
from server.services.reports.month_report import ReportDesk
from server.services.reports.press import Press
from server.web.pages import Pages
from server.web.report_words import ReportWords
from server.web.reports import ReportPages
from storage.database.models import Camera, Report, Verdict
from storage.database.scope import AUDITOR, Scope
from storage.database.verdicts import encode_gaps
from tests.support.sites import POLICY

pytestmark = pytest.mark.skipif(
    not set(CHINESE_FONTS) & set(typst.Fonts().families()), reason="no font with Chinese characters on this machine"
)
PERSON = Scope("chief", AUDITOR, "cn")
NOW_US = from_datetime(to_datetime(0).replace(year=2026, month=11, day=3, hour=4))


@pytest.fixture(scope="module")
def authority() -> CertificateAuthority:
    return CertificateAuthority.create(time.time_ns() // 1_000)


@pytest.fixture
def desk(agent, database, clock, authority: CertificateAuthority) -> ReportDesk:
    """One camera in service from 30 October; 31 October has a gap of a minute, of 2 November nothing is known."""
    clock.advance((NOW_US - clock.utc_us()) / 1e6)
    with database.unit_of_work() as session:
        camera = session.query(Camera).filter_by(site_id="sunflower").first()
        camera.activated_us = NOW_US - 4 * US_PER_DAY
        for other in session.query(Camera).filter(Camera.id != camera.id):
            other.activated_us = None
        midnight = NOW_US - 2 * US_PER_DAY - 12 * 60 * US_PER_MINUTE
        for number, status, missing in ((30, "COMPLIANT", 0), (31, "NON_COMPLIANT", US_PER_MINUTE)):
            session.add(
                Verdict(
                    camera_id=camera.id,
                    day=date(2026, 10, number).isoformat(),
                    status=status,
                    final=True,
                    expected_us=US_PER_DAY,
                    covered_us=US_PER_DAY - missing,
                    assessed_us=NOW_US,
                    gaps=encode_gaps([(midnight - missing, midnight, "disk_full", "missing")] if missing else []),
                )
            )
    sealer = Sealer(authority.issue_signer(REPORTS, time.time_ns() // 1_000, authority.ends_us).encode())
    press = Press(database, clock, lambda: sealer, "https://watch.example.org")
    return ReportDesk(press, Assessor(POLICY), ReportPages(Pages()).tell)


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_a_report_is_signed_and_kept_as_it_was(
    desk: ReportDesk, authority: CertificateAuthority, language: str
) -> None:
    made = desk.make(PERSON, "sunflower", "2026-10", language)
    view, pdf = desk.pdf(PERSON, "sunflower", made.id)
    assert (made.status, made.final) == ("NON_COMPLIANT", True)
    assert (made.expected_us, made.covered_us) == (2 * US_PER_DAY, 2 * US_PER_DAY - US_PER_MINUTE)
    assert view == made == desk.by_number(made.id)
    assert hashlib.sha256(pdf).hexdigest() == made.pdf_sha256
    roots = Sealer(authority.pem.encode() + authority.issue_service("x", NOW_US, authority.ends_us).encode())
    [signature] = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
    told = validate_pdf_signature(signature, ValidationContext(trust_roots=[roots._signer().signing_cert]))
    assert told.intact
    assert told.valid
    assert told.trusted
    within = pdf.index(b"stream\n") + 20
    changed = pdf[:within] + bytes([pdf[within] ^ 1]) + pdf[within + 1 :]
    [signature] = PdfFileReader(io.BytesIO(changed)).embedded_signatures
    assert not validate_pdf_signature(signature).intact


def test_every_table_of_a_report_is_a_file_too(desk: ReportDesk) -> None:
    facts = desk.facts(PERSON, "sunflower", "2026-10")
    words = ReportWords(Pages().spoken("en"), facts)
    tables = {name: words.table(name) for name in words.tables()}
    assert [len(rows) for rows in tables.values()] == [2, 2, 2, 7]
    assert tables["causes"][1] == ["disk of the site agent was full", "1", "60", "60"]
    assert tables["gaps"][1][1:4] == ["2026-10-31 23:59:00", "2026-11-01 00:00:00", "60"]
    assert tables["days"][1][-3:] == ["Compliant", "Non-compliant", "99.9%"]


def test_the_same_facts_are_set_once_in_a_language(desk: ReportDesk, database) -> None:
    first = desk.make(PERSON, "sunflower", "2026-10", "en")
    assert desk.make(PERSON, "sunflower", "2026-10", "en") == first
    assert desk.make(PERSON, "sunflower", "2026-10", "zh-CN").id != first.id
    with database.unit_of_work() as session:
        session.query(Verdict).update({"covered_us": 0})
    later = desk.make(PERSON, "sunflower", "2026-10", "en")
    assert (later.covered_us, desk.by_number(first.id)) == (0, first)
    assert [one.id for one in desk.of_site(PERSON, "sunflower")][-1:] == [first.id] or later.made_us == first.made_us


def test_a_day_of_which_nothing_is_known_is_unverified(desk: ReportDesk) -> None:
    made = desk.make(PERSON, "sunflower", "2026-11", "en")
    assert (made.status, made.final, made.expected_us) == ("UNVERIFIED", False, 0)


def test_what_is_out_of_reach_or_to_come_has_no_report(desk: ReportDesk, database) -> None:
    stranger = Scope("x", AUDITOR, "de")
    made = desk.make(PERSON, "sunflower", "2026-10", "en")
    for act in (
        lambda: desk.make(stranger, "sunflower", "2026-10", "en"),
        lambda: desk.of_site(stranger, "sunflower"),
        lambda: desk.pdf(stranger, "sunflower", made.id),
        lambda: desk.pdf(PERSON, "sunflower", "0" * 32),
        lambda: desk.by_number("0" * 32),
        lambda: desk.this_month(stranger, "sunflower"),
    ):
        with pytest.raises(NotFound):
            act()
    for month in ("2026-12", "2026-13", "26-10", "2026-10\n"):
        with pytest.raises(InvalidInput):
            desk.make(PERSON, "sunflower", month, "en")
    with database.reading() as session:
        assert session.query(Report).count() == 1


def test_without_a_timestamp_that_was_asked_for_there_is_no_report(desk: ReportDesk, database) -> None:
    stamped = replace(desk.press.sealer(), tsa_url="http://127.0.0.1:9/tsa")
    with pytest.raises(Unavailable):
        replace(desk, press=replace(desk.press, sealer=lambda: stamped)).make(PERSON, "sunflower", "2026-10", "en")
    with database.reading() as session:
        assert session.query(Report).count() == 0
