"""Recorded playback over HTTP: ranges of one version, on the access record before the first byte, and nothing of anybody else's."""

import httpx
import pytest

from server.services.custody.play_back import Playback
from server.services.people.access_record import AccessBook
from storage.database.models import (
    AccessRecord,
    Account,
    AccountSite,
    AuditFinding,
    AuditRound,
    Camera,
    CameraSight,
    LedgerEntry,
    LoginSession,
    Segment,
    ViewRow,
    Zone,
    ZoneWord,
)
from tests.support.api import AUDITOR
from tests.support.custody import SECOND
from tests.support.sites import seconds


@pytest.fixture
def first(kept) -> Segment:
    with kept.database.reading() as session:
        return session.query(Segment).order_by(Segment.start_us).first()


def page(kept) -> str:
    return f"/sites/sunflower/playback/{kept.camera_id}"


def begin(kept, client, first, reason: str = "a child was hurt"):
    return client.post(page(kept), data={"at": str(first.start_us + 1), "reason": reason}, follow_redirects=False)


def on_record(kept) -> list[AccessRecord]:
    with kept.database.reading() as session:
        return session.query(AccessRecord).filter(AccessRecord.subject == "playback").all()


def test_ranges_come_from_the_very_version_and_only_after_the_look_is_on_record(kept, first):
    client = kept.api.signed_in()
    video = f"{page(kept)}/{first.id}.mp4"
    assert client.get(video).status_code == 403
    assert not on_record(kept)
    assert begin(kept, client, first, reason="").status_code == 400
    assert begin(kept, client, first).status_code == 303
    whole = client.get(video)
    assert (whole.status_code, whole.content) == (200, b"footage 0")
    assert (whole.headers["cache-control"], whole.headers["accept-ranges"]) == ("no-store", "bytes")
    for wanted, status, content, told in (
        ("bytes=0-3", 206, b"foot", "bytes 0-3/9"),
        ("bytes=4-", 206, b"age 0", "bytes 4-8/9"),
        ("bytes=-2", 206, b" 0", "bytes 7-8/9"),
        ("bytes=5-99", 206, b"ge 0", "bytes 5-8/9"),
        ("bytes=9-", 416, b"", "bytes */9"),
        ("bytes=-0", 416, b"", "bytes */9"),
        ("bytes=0-1,3-4", 200, b"footage 0", None),
        ("bytes=5-2", 200, b"footage 0", None),
        ("lines=1-2", 200, b"footage 0", None),
    ):
        answer = client.get(video, headers={"Range": wanted})
        assert (answer.status_code, answer.content, answer.headers.get("content-range")) == (status, content, told)
    changed = client.get(video, headers={"Range": "bytes=0-3", "If-Range": '"another"'})
    assert (changed.status_code, changed.content) == (200, b"footage 0")
    (row,) = on_record(kept)  # one look at one recording, however many ranges
    assert (row.account_name, row.camera_id) == ("lin", kept.camera_id)
    assert (row.start_us, row.end_us) == (first.start_us, first.end_us)
    assert "a child was hurt" in row.reason
    with kept.database.reading() as session:
        assert session.query(LedgerEntry).filter(LedgerEntry.kind == "access").count() == 2  # the look, the recording


def test_a_look_ends_and_then_nothing_comes(kept, first):
    client = kept.api.signed_in()
    begin(kept, client, first)
    assert client.post(page(kept), data={"done": "1"}, follow_redirects=False).status_code == 303
    assert client.get(f"{page(kept)}/{first.id}.mp4").status_code == 403
    begin(kept, client, first)
    kept.clock.advance(3_601)
    assert client.get(f"{page(kept)}/{first.id}.mp4").status_code == 403
    begin(kept, client, first)
    with kept.database.reading() as session:
        looks = session.query(ViewRow).order_by(ViewRow.opened_us, ViewRow.id).all()
    assert sorted(one.why_closed for one in looks) == ["", "another_look", "left"]


def test_a_look_belongs_to_one_session_and_is_over_with_it(kept, first):
    client, other = kept.api.signed_in(), kept.api.signed_in()
    begin(kept, client, first)
    video = f"{page(kept)}/{first.id}.mp4"
    assert other.get(video).status_code == 403, "another device of the same person says why for itself"
    assert client.get(video).status_code == 200
    assert client.post("/sign-out", follow_redirects=False).status_code == 303
    again = kept.api.signed_in()
    assert again.get(video).status_code == 403
    book = AccessBook(kept.database)
    assert (book.close_over(kept.clock.utc_us()), book.close_over(kept.clock.utc_us())) == (1, 0)
    begin(kept, again, first)
    kept.clock.advance(3_600)
    assert book.close_over(kept.clock.utc_us()) == 1
    with kept.database.reading() as session:
        looks = session.query(ViewRow).order_by(ViewRow.opened_us).all()
    assert [one.why_closed for one in looks] == ["session_over", "time_over"]
    assert looks[1].closed_us - looks[1].opened_us == 3_600_000_000


ENDS = {
    "signed out": (LoginSession, {}, None),
    "locked": (Account, {"name": "lin"}, {"locked_us": 1}),
    "another role": (Account, {"name": "lin"}, {"role": "facility_staff"}),
    "the site is taken away": (AccountSite, {"account_name": "lin"}, None),
    "the look is closed": (ViewRow, {}, {"closed_us": 1}),
    "a forbidden place": (Zone, {}, {"kind": "toilet"}),
    "deleted": (Segment, {}, {"deleted_us": 1}),
}


@pytest.mark.parametrize("why", ENDS)
def test_what_ends_leave_to_look_ends_a_recording_that_is_on_its_way(kept, first, monkeypatch, why):
    client, (model, which, change) = kept.api.signed_in(), ENDS[why]
    begin(kept, client, first)

    def pieces(*_: object):
        yield b"foot"
        with kept.database.unit_of_work() as session:
            rows = session.query(model).filter_by(**which)
            rows.delete() if change is None else rows.update(change)
        yield b"age 0"

    monkeypatch.setattr(Playback, "pieces", pieces)
    monkeypatch.setattr("server.api.cutting.ASK_EVERY_US", 0)
    with client.stream("GET", f"{page(kept)}/{first.id}.mp4") as answer:
        assert answer.status_code == 200
        with pytest.raises(httpx.TransportError):
            answer.read()


def test_what_is_there_is_said_with_its_proof_and_the_rest_is_a_gap_in_words(kept, first):
    client = kept.api.signed_in()
    said = client.get(f"/api/v1{page(kept)}", params={"at": first.start_us + 1}).json()
    assert len(said["recordings"]) == 5
    one = said["recordings"][0]
    assert (one["segment_id"], one["version_id"], one["in_cell"]) == (first.id, first.version_id, False)
    assert (one["locked_until_us"], one["checked_us"]) == (first.retain_until_us, first.secured_us)
    assert said["gaps"][0] == [said["start_us"], first.start_us]
    assert said["look_code"] is None
    assert not on_record(kept)
    begin(kept, client, first)
    html = client.get(page(kept), params={"at": first.start_us + 1}, headers={"Accept-Language": "zh-CN"}).text
    into = (first.start_us + 1) // seconds(60) * seconds(60)  # the minute, as far as it lies in the recording
    begin_s = max(0, into - first.start_us) / 1e6
    end_s = min(first.end_us, into + seconds(60)) - first.start_us
    assert f'src="{page(kept)}/{first.id}.mp4#t={begin_s:.3f},{end_s / 1e6:.3f}"' in html
    assert "锁定至" in html
    assert "没有可播放的录像" in html
    with kept.database.unit_of_work() as session:
        session.get_one(Segment, first.id).deleted_us = 1
    assert client.get(f"{page(kept)}/{first.id}.mp4").status_code == 404
    assert first.id not in client.get(page(kept), params={"at": first.start_us + 1}).text


def test_a_recording_that_only_reaches_into_the_minute_is_not_what_plays(kept, first):
    client = kept.api.signed_in()
    into = -(-first.end_us // seconds(60)) * seconds(60)
    with kept.database.unit_of_work() as session:
        for number, segment in enumerate(session.query(Segment).order_by(Segment.start_us)):
            length = segment.end_us - segment.start_us
            segment.start_us = into + seconds(0.02) + (number - 1) * length
            segment.end_us = segment.start_us + length
    second = into + seconds(1)
    client.post(page(kept), data={"at": str(second), "reason": "a child was hurt"})
    html = client.get(page(kept), params={"at": second}).text
    (played,) = (line for line in html.splitlines() if '<video id="video"' in line)
    assert first.id not in played
    assert first.id in html


def test_the_proof_names_entry_checkpoint_and_what_audits_found(kept, first):
    client = kept.api.signed_in(AUDITOR)
    address = {"at": first.start_us + 1}
    before = client.get(page(kept), params=address).text
    assert "Its entry is about to be numbered." in before
    assert "No audit of the store has finished since." in before
    kept.keeper.number_all()
    assert "None covers it yet. The next one does." in client.get(page(kept), params=address).text
    kept.keeper.checkpoint("sunflower")
    now_us = kept.clock.utc_us()
    with kept.database.unit_of_work() as session:
        session.add(AuditRound(started_us=now_us + 1, finished_us=now_us + 2, versions=5))
    html = client.get(page(kept), params=address).text
    for words in (
        first.version_id,
        first.sha256,
        "of the site&#39;s ledger.",
        "signed by nightlight.example",
        "Nothing was wrong",
    ):
        assert words in html, words
    told = client.get(f"/api/v1{page(kept)}/minute", params=address).json()
    proof = next(one for one in told["proofs"] if one["segment_id"] == first.id)
    assert proof["checkpoint"]["size"] > proof["number"]
    with kept.database.unit_of_work() as session:
        session.add(
            AuditFinding(
                site_id="sunflower", camera_id=kept.camera_id, segment_id=first.id, drift="object_missing", detail="",
                object_key=first.object_key, version_id=first.version_id, found_us=now_us,
            )
        )  # fmt: skip
    assert "The store no longer has this recording" in client.get(page(kept), params=address).text


def test_time_that_counted_and_is_no_longer_here_is_not_called_proven(kept, first):
    with kept.database.unit_of_work() as session:
        for one in session.query(Segment):
            one.deleted_us = 1
    html = kept.api.signed_in(AUDITOR).get(page(kept), params={"at": first.start_us + 1}).text
    (said,) = (line for line in html.splitlines() if 'id="state-title"' in line)  # its rest may be in flight
    assert "read back whole and locked" not in said
    assert "so nothing is proven" in html


def test_nobody_elses_camera_site_or_recording_is_found(kept, first):
    client = kept.api.signed_in()
    begin(kept, client, first)
    for address in (
        f"/sites/other/playback/{kept.camera_id}",
        f"/sites/other/playback/{kept.camera_id}/{first.id}.mp4",
        f"/sites/sunflower/playback/nowhere/{first.id}.mp4",
        f"{page(kept)}/{'0' * 32}.mp4",
        f"{page(kept)}/..%00.mp4",
        f"/api/v1/sites/other/playback/{kept.camera_id}",
        "/sites/other/playback",
    ):
        assert client.get(address).status_code == 404
    second = kept.api.signed_in(SECOND)  # the look of one is not the look of another
    assert second.get(f"{page(kept)}/{first.id}.mp4").status_code == 403
    assert kept.api.signed_in(AUDITOR).get(page(kept)).status_code in (200, 404)


def test_what_sees_a_forbidden_place_is_shown_to_nobody(kept, first):
    client = kept.api.signed_in()
    begin(kept, client, first)
    with kept.database.unit_of_work() as session:
        camera = session.get_one(Camera, kept.camera_id)
        session.get_one(Zone, (camera.site_id, camera.zone_id)).kind = "toilet"
    assert client.get(f"{page(kept)}/{first.id}.mp4").status_code == 404
    assert client.get(page(kept)).status_code == 404


def test_what_saw_a_forbidden_place_when_it_filmed_is_given_to_nobody(kept, first):
    client = kept.api.signed_in()
    begin(kept, client, first)
    with kept.database.unit_of_work() as session:
        camera = session.get_one(Camera, kept.camera_id)
        until_us = first.start_us + 1
        session.add(
            CameraSight(site_id=camera.site_id, camera_id=camera.id, zone_id="was", from_us=1, until_us=until_us)
        )
        session.add(ZoneWord(site_id=camera.site_id, zone_id="was", kind="toilet", from_us=1, until_us=until_us))
    assert client.get(f"{page(kept)}/{first.id}.mp4").status_code == 404


def test_a_time_is_read_in_the_sites_own_zone_and_nonsense_is_refused(kept, first):
    client = kept.api.signed_in()
    there = client.get(f"/api/v1{page(kept)}", params={"at": "2026-11-22T08:00:00"}).json()
    assert there["at_us"] % seconds(3_600) == 0
    assert client.get(f"/api/v1{page(kept)}", params={"at": "yesterday"}).status_code == 400
