"""The impact assessment and the sign at the door: who hands them in, who reads them, what is refused, and what stays."""

import hashlib
import http.client
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
from sqlalchemy import select

from config.evidence.entries import DocumentKept, decode
from config.settings.server import load_server
from server.services.people.site_documents import DOCUMENT_BYTES_MAX, DOCUMENTS_MAX
from storage.database.models import LedgerEntry, SiteDocument, SiteLive
from tests.support.api import serving, settings_for
from tests.support.nursery import OTHER, PASSWORD, SITE

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
PATH = f"/sites/{SITE}/documents"
REPORT = b"%PDF-1.7\n<script>alert(1)</script>\n%%EOF\n"
MISSING = "impact assessment is not here yet"


@pytest.fixture
def house(nursery, tmp_path):
    with serving(load_server(settings_for(nursery.database, tmp_path)), nursery.clock) as api:
        api.nursery = nursery
        yield api


def enter(house, name: str):
    client = house.client(follow_redirects=False)
    assert client.post("/sign-in", data={"name": name, "password": PASSWORD}).status_code == 303
    return client


def send(client, kind: str, data: bytes, name: str = "评估报告 2026.pdf", path: str = PATH):
    return client.post(path, data={"kind": kind}, files={"file": (name, data)})


def photo() -> bytes:
    return bytes(cv2.imencode(".png", np.full((60, 80, 3), 200, np.uint8))[1]) + b"whereabouts"


def kept(house) -> list[SiteDocument]:
    with house.nursery.database.reading() as session:
        return list(session.scalars(select(SiteDocument).order_by(SiteDocument.uploaded_us)))


def test_both_kinds_are_kept_beside_each_other_and_read_by_staff_and_authorities(house):
    boss = enter(house, "boss")
    page = boss.get(f"/sites/{SITE}/people").text
    assert MISSING in page
    assert "says that cameras record" in page, "what belongs there"
    for kind, data in (("impact_assessment", REPORT), ("impact_assessment", REPORT + b"2"), ("sign_photo", photo())):
        assert send(boss, kind, data).headers["location"] == f"/sites/{SITE}/people#documents"
        house.nursery.clock.advance(60)
    first, second, sign = kept(house)
    page = boss.get(f"/sites/{SITE}/people").text
    assert MISSING not in page
    assert page.index(second.id) < page.index(first.id), "the newest first"
    for name in ("carer", "police", "health"):
        client = enter(house, name)
        shown = client.get(PATH)
        assert shown.status_code == 200
        assert "<form" not in shown.text.split('id="documents"')[1]
        got = client.get(f"{PATH}/{first.id}")
        assert (got.content, got.headers["content-type"]) == (REPORT, "application/pdf")
        assert got.headers["content-disposition"].startswith('attachment; filename="impact_assessment.pdf"; filename*=')
        assert "%E8%AF%84" in got.headers["content-disposition"]
        assert got.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in got.headers["content-security-policy"]
        drawn = client.get(f"{PATH}/{sign.id}")
        assert drawn.headers["content-type"] == "image/png"
        assert b"whereabouts" not in drawn.content, "drawn anew"
        assert send(client, "impact_assessment", REPORT).status_code == 403
    with house.nursery.database.reading() as session:
        entries = [decode(row.body) for row in session.scalars(select(LedgerEntry).order_by(LedgerEntry.id))]
    told = [(one.what, one.sha256, one.by) for one in entries if isinstance(one, DocumentKept)]
    assert told == [(row.kind, row.sha256, "boss") for row in (first, second, sign)]
    assert first.sha256 == hashlib.sha256(REPORT).hexdigest()


def test_what_is_none_of_them_is_refused_with_what_to_do_and_leaves_nothing(house):
    boss = enter(house, "boss")
    for kind, data, said in (
        ("impact_assessment", b"<html><script>alert(1)</script>", "Save or scan the assessment as a PDF"),
        ("impact_assessment", b"\n" + REPORT, "Save or scan the assessment as a PDF"),
        ("impact_assessment", REPORT + b"\0" * (DOCUMENT_BYTES_MAX - len(REPORT) + 1), "too large"),
        ("impact_assessment", b"", "Choose a file"),
        ("sign_photo", REPORT, "That is no picture"),
        ("sign_photo", b"\x89PNG\r\n\x1a\n" + b"\0" * (8 * 1024 * 1024), "too large"),
        ("contract", REPORT, "Choose which document"),
    ):
        answer = send(boss, kind, data)
        assert (answer.status_code, 'role="alert"' in answer.text, said in answer.text) == (400, True, True), said
    assert boss.post(PATH, data={"kind": "sign_photo"}).status_code == 400
    assert boss.post(PATH, content=b"x", headers={"Content-Type": "multipart/form-data"}).status_code == 400
    assert send(boss, "impact_assessment", REPORT + b"\0" * (DOCUMENT_BYTES_MAX + 100_000)).status_code == 413
    stranger = house.client(follow_redirects=False)
    assert send(stranger, "impact_assessment", REPORT * 100_000).headers["location"].startswith("/sign-in")
    assert kept(house) == []
    for number in range(DOCUMENTS_MAX):
        assert send(boss, "impact_assessment", REPORT, f"C:\\papers\\{number}\u202e.PDF").status_code == 303
    assert send(boss, "impact_assessment", REPORT).status_code == 429
    assert {row.name for row in kept(house)} == {f"{number}.PDF" for number in range(DOCUMENTS_MAX)}


def test_another_sites_documents_are_not_found(house):
    boss, captain = enter(house, "boss"), enter(house, "captain")
    assert send(captain, "impact_assessment", REPORT, path=f"/sites/{OTHER}/documents").status_code == 303
    (foreign,) = kept(house)
    assert captain.get(f"/sites/{OTHER}/documents/{foreign.id}").status_code == 200
    for path in (f"/sites/{OTHER}/documents", f"/sites/{OTHER}/documents/{foreign.id}", f"{PATH}/{foreign.id}"):
        assert boss.get(path).status_code == 404
    assert boss.get(f"{PATH}/no~id").status_code == 404
    assert send(boss, "impact_assessment", REPORT, path=f"/sites/{OTHER}/documents").status_code == 404
    for name, status in (("fitter", 403), ("mum", 403), ("root", 403), ("stranger", 404)):
        assert enter(house, name).get(PATH).status_code == status, name


def test_where_nobody_looks_in_nothing_is_asked_for(house):
    house.nursery.change(SiteLive, SiteLive.site_id == SITE, mode="off")
    assert MISSING not in enter(house, "boss").get(f"/sites/{SITE}/people").text


def test_nothing_of_a_file_is_taken_before_its_sender_may_send_it(house, monkeypatch):
    """Of ten announced megabytes a few bytes have come: who may not is told so at once, and the rest is waited for from who may."""
    clients = {name: enter(house, name) for name in ("mum", "stranger", "captain", "police")} | {"": house.client()}
    monkeypatch.setattr("server.api.shield.BODY_WAIT_S", 0.0)
    large = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(DOCUMENT_BYTES_MAX)}
    paths = (PATH, f"/sites/{SITE}/plan", f"/sites/{SITE}/registers", f"/sites/{SITE}/looks/clip")
    for name, path, status in [("mum", path, 403) for path in paths] + [
        ("stranger", PATH, 403), ("captain", PATH, 404), ("police", PATH, 403), ("", PATH, 303),
    ]:  # fmt: skip
        link = http.client.HTTPConnection(urlsplit(house.url).netloc, timeout=5)
        link.putrequest("POST", path)
        for header, value in {**large, "Cookie": cookies(clients[name]), "Sec-Fetch-Site": "same-origin"}.items():
            link.putheader(header, value)
        link.endheaders(b"--x\r\n")
        answer = link.getresponse()
        assert answer.status == status, (name, path)
        link.close()


def cookies(client) -> str:
    return "; ".join(f"{one.name}={one.value}" for one in client.cookies.jar)


def test_a_sender_who_hangs_up_hurts_nobody(house):
    boss = enter(house, "boss")
    link = http.client.HTTPConnection(urlsplit(house.url).netloc, timeout=5)
    link.putrequest("POST", PATH)
    for header, value in {
        "Content-Type": "multipart/form-data; boundary=x", "Content-Length": "9000", "Cookie": cookies(boss), "Sec-Fetch-Site": "none",
    }.items():  # fmt: skip
        link.putheader(header, value)
    link.endheaders(b"--x\r\n")
    link.close()
    assert boss.get(PATH).status_code == 200
