"""Holds, deletions and exports over HTTP: what is not yours is not there, nobody lifts a hold alone, all is on record."""

import io
import json
import zipfile

import httpx
import pytest

from config.base.clock import US_PER_DAY
from config.base.errors import Unavailable
from config.base.timespan import Span
from config.evidence import merkle
from config.evidence.checkpoint import Checkpoint
from config.evidence.note import SignedNote
from config.evidence.verify import verify
from server.domain.verdict import day_of
from server.services.evidence.export_evidence import Export
from server.services.evidence.stream_export import PackageStream, Places
from storage.database.models import AccountSite, DeletionRun
from tests.support.api import AUDITOR, OPERATOR, RunningApi, add_accounts
from tests.support.custody import ALL, KEY, SECOND
from tests.support.sites import seconds


def order(kept, **changes):
    wanted = {
        "camera_id": kept.camera_id,
        "start_us": kept.begun_us - seconds(60),
        "end_us": kept.begun_us,
        "reason": "an accident",
        "owner": "lin",
        "review_us": kept.clock.utc_us() + US_PER_DAY,
    }
    return json.dumps({**wanted, **changes})


def place(kept, client, **changes):
    return client.post("/api/v1/sites/sunflower/holds", content=order(kept, **changes))


def test_two_accounts_lift_a_hold_and_one_alone_cannot(kept):
    lin, wang = kept.api.signed_in(OPERATOR), kept.api.signed_in(SECOND)
    answer = place(kept, lin)
    assert answer.status_code == 201
    assert answer.json()["already_gone"] == 0
    [hold] = answer.json()["holds"]
    assert (hold["placed_by"], hold["owner"], hold["status"]) == (OPERATOR, "lin", "standing")
    path = f"/api/v1/sites/sunflower/holds/{hold['hold_id']}"
    assert lin.post(f"{path}/lift").status_code == 409
    assert lin.post(f"{path}/lift-request").status_code == 204
    refused = lin.post(f"{path}/lift")
    assert (refused.status_code, refused.json()["code"]) == (403, "second_person_needed")
    assert wang.post(f"{path}/lift").status_code == 204
    assert wang.post(f"{path}/lift").status_code == 409
    [told] = wang.get("/api/v1/holds").json()
    assert (told["status"], told["lift_requested_by"], told["lifted_by"]) == ("lifted", OPERATOR, SECOND)


def test_a_hold_for_everything_within_reach_is_one_a_site(kept):
    everywhere = kept.api.parts.custody.place(
        kept.api.parts.sign_in.check_password(ALL, "little-lamp-at-night", "test"),
        None,
        None,
        kept_span(kept),
        "the police asked",
        owner=ALL,
        review_us=kept.clock.utc_us() + US_PER_DAY,
    )
    assert [hold.site_id for hold in everywhere.holds] == ["other", "sunflower"]
    lin = kept.api.signed_in()
    assert [hold["site_id"] for hold in lin.get("/api/v1/holds").json()] == ["sunflower"]
    other = everywhere.holds[0].hold_id
    for path in (f"/api/v1/sites/other/holds/{other}", f"/api/v1/sites/sunflower/holds/{other}"):
        assert lin.post(f"{path}/lift-request").status_code == 404
        assert lin.post(f"{path}/lift").status_code == 404


def kept_span(kept):
    return Span(kept.begun_us - seconds(60), kept.begun_us)


def test_what_is_not_yours_is_not_found(kept):
    lin, stranger = kept.api.signed_in(), kept.api.client()
    for path in (
        "sites/other/custody",
        "sites/%00/custody",
        "sites/other/deletions",
        "sites/other/deletions/1",
        "sites/sunflower/deletions/1",
        "sites/other/accesses",
    ):
        answer = lin.get(f"/api/v1/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
        assert stranger.get(f"/api/v1/{path}").status_code == 401


def test_nothing_can_be_done_out_of_reach(kept):
    lin = kept.api.signed_in()
    for path, body in (
        ("sites/other/holds", order(kept)),
        ("sites/sunflower/holds", order(kept, camera_id="elsewhere")),
        ("sites/other/cameras/x/exports", order(kept)),
        ("sites/sunflower/cameras/elsewhere/exports", order(kept)),
        (f"sites/sunflower/holds/{'0' * 32}/lift", ""),
        (f"sites/sunflower/holds/{'0' * 32}/review", json.dumps({"review_us": 1})),
        ("deletion/confirm", json.dumps({"versions": 1, "of_versions": 1})),
    ):
        assert lin.post(f"/api/v1/{path}", content=body).status_code == 404, path
    for body in ("", "[]", order(kept, reason="x" * 201), order(kept, owner="A B"), "\x00"):
        assert lin.post("/api/v1/sites/sunflower/holds", content=body).status_code == 400
    assert place(kept, lin, reason=" ").json()["code"] == "no_reason"
    assert place(kept, lin, reason="a\0b").json()["code"] == "no_reason"
    assert place(kept, lin, end_us=1).json()["code"] == "bad_span"


def test_a_large_deletion_is_shown_to_and_confirmed_by_who_reaches_everything(kept):
    with kept.database.unit_of_work() as session:
        session.add(DeletionRun(asked_us=1, versions=4_000, of_versions=5_000))
    lin, overseer = kept.api.signed_in(), kept.api.signed_in(ALL)
    assert lin.get("/api/v1/deletion").json() is None
    assert "4,000" not in lin.get("/sites/sunflower/custody").text
    assert overseer.get("/api/v1/deletion").json()["versions"] == 4_000
    assert "4,000 of 5,000 recordings (80 %)" in overseer.get("/sites/sunflower/custody").text
    wrong = overseer.post("/sites/sunflower/deletion", data={"versions": "40", "of_versions": "5000"})
    assert wrong.status_code == 409
    assert "figures have changed" in wrong.text
    assert overseer.post("/sites/sunflower/deletion", data={"versions": "many"}).status_code == 400
    done = overseer.post("/sites/sunflower/deletion", data={"versions": "4,000", "of_versions": "5000"})
    assert done.status_code == 303
    assert overseer.get("/api/v1/deletion").json()["confirmed_by"] == ALL


def test_an_export_is_streamed_verified_and_on_record(kept):
    lin = kept.api.signed_in()
    answer = lin.post(
        f"/api/v1/sites/sunflower/cameras/{kept.camera_id}/exports", content=order(kept, reason="inspection 17")
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    assert f"evidence-{kept.camera_id}" in answer.headers["content-disposition"]
    found = verify(io.BytesIO(answer.content), KEY.public_key())
    assert (found.segments, found.index.made_by) == (5, OPERATOR)
    [access] = lin.get("/api/v1/sites/sunflower/accesses").json()
    assert (access["account"], access["what"], access["reason"]) == (OPERATOR, "export", "inspection 17")
    assert access["source"] == "127.0.0.1"
    assert "inspection 17" in lin.get("/sites/sunflower/custody").text


def test_the_form_says_what_to_change_and_keeps_what_was_written(kept):
    lin = kept.api.signed_in()
    for form, status, words in (
        ({"camera": kept.camera_id, "from": "2026-01-01T00:00", "to": "2026-01-01T01:00"}, 400, "Say why"),
        ({"camera": kept.camera_id, "from": "2026", "to": "x", "reason": "a & b"}, 400, "every date and time in full"),
        ({"camera": kept.camera_id, "from": "2026-01-02T00:00", "to": "2026-01-01T00:00"}, 400, "Check the period"),
    ):
        answer = lin.post("/sites/sunflower/exports", data=form)
        assert answer.status_code == status
        assert words in answer.text
    again = lin.post("/sites/sunflower/holds", data={"target": "site", "reason": "a <b>", "from": "x"})
    assert again.status_code == 400
    assert 'value="a &lt;b&gt;"' in again.text
    assert lin.get("/api/v1/sites/sunflower/accesses").json() == []


def test_a_hold_by_form_and_the_board_says_when_it_is_to_be_reviewed(kept):
    lin, wang = kept.api.signed_in(), kept.api.signed_in(SECOND)
    form = {"target": f"camera:{kept.camera_id}", "from": "2026-01-01T00:00", "to": "2026-01-02T00:00"}
    done = lin.post("/sites/sunflower/holds", data={**form, "reason": "an accident", "review": "2027-06-01"})
    assert done.headers["location"] == "/sites/sunflower/custody?said=placed&gone=0#hold"
    [hold] = lin.get("/api/v1/holds").json()
    assert hold["end_us"] - hold["start_us"] == US_PER_DAY
    path = f"/sites/sunflower/holds/{hold['hold_id']}"
    assert "Confirm: lift it" not in lin.get("/sites/sunflower/custody").text
    assert lin.post(f"{path}/lift-request").status_code == 303
    page = lin.get("/sites/sunflower/custody?said=lift_requested")
    assert "Somebody else has to confirm it" in page.text
    assert "Confirm: lift it" not in page.text
    assert "Confirm: lift it" in wang.get("/sites/sunflower/custody").text
    alone = lin.post(f"{path}/lift")
    assert alone.status_code == 403
    assert "somebody else has to confirm it" in alone.text
    kept.clock.advance(400 * 86_400)
    lin = kept.api.signed_in()
    assert "1 hold is to be reviewed" in lin.get("/sites/sunflower").text
    assert "review is due" in lin.get("/sites/sunflower/custody").text
    assert lin.post(f"{path}/review", data={"review": "2026-01-01"}).status_code == 400
    assert lin.post(f"{path}/review", data={"review": "2029-01-01"}).status_code == 303
    kept.clock.advance(2)
    assert "to be reviewed" not in lin.get("/sites/sunflower").text


def test_a_day_whose_footage_went_says_so_and_gives_its_certificate(kept):
    before = kept.api.signed_in().get(f"/api/v1/sites/sunflower/days/{local_day(kept)}").json()
    kept.clock.advance(93 * 86_400)
    kept.api.parts.custody.expirer.run()
    lin, overseer = kept.api.signed_in(), kept.api.signed_in(ALL)
    overseer.post("/api/v1/deletion/confirm", content=json.dumps({"versions": 5, "of_versions": 5}))
    expirer = kept.api.parts.custody.expirer
    with kept.database.unit_of_work() as session:
        session.query(DeletionRun).update({"confirmed_by": ALL, "confirmed_us": 1})
    # The real store keeps its locks for ninety days: what it refuses is claimed no longer, and not certified.
    assert expirer.run() == 0
    gone = GoingStore(expirer.store)
    object.__setattr__(expirer, "store", gone)
    expirer.run()
    expirer.confirm(ALL, 5, 5)
    assert expirer.run() == 5
    told = lin.get(f"/api/v1/sites/sunflower/days/{local_day(kept)}").json()
    assert told["deleted"]["recordings"] == 5
    assert told["deleted"]["kept"] == 0
    assert told["cameras"][0]["covered"] == before["cameras"][0]["covered"]
    page = lin.get(f"/sites/sunflower?day={local_day(kept)}")
    assert "5 recordings of this day were deleted" in page.text
    certificate = lin.get(f"/sites/sunflower/deletions/{told['deleted']['certificates'][0]}")
    assert "attachment" in certificate.headers["content-disposition"]
    check_certificate(certificate.json(), 5)
    assert "5 recordings" in lin.get("/sites/sunflower/custody").text


class GoingStore:
    """Says that everything was deleted."""

    def __init__(self, real):
        self.real = real

    def list_versions(self, prefix):
        return iter(())

    def delete_version(self, key, version_id):
        return


def local_day(kept) -> str:
    return day_of(kept.begun_us - seconds(30), "Asia/Shanghai").isoformat()


def check_certificate(document, count):
    note = SignedNote.parse(document["checkpoint"].encode())
    checkpoint = Checkpoint.parse(note.text)
    path = [bytes.fromhex(step) for step in document["proof"]["path"]]
    leaf = merkle.leaf_hash(document["entry"].encode())
    assert merkle.includes(checkpoint.root, checkpoint.size, document["proof"]["number"], leaf, path)
    assert len(document["segments"]) == count


def test_few_exports_at_once_and_one_a_person(kept):
    places = Places()
    places.take("a")
    with pytest.raises(Exception, match="export of yours"):
        places.take("a")
    places.take("b")
    with pytest.raises(Exception, match="being made already"):
        places.take("c")
    places.give_back("a")
    places.take("c")
    kept.api.parts.exports.places.take(OPERATOR)
    lin = kept.api.signed_in()
    answer = lin.post(f"/api/v1/sites/sunflower/cameras/{kept.camera_id}/exports", content=order(kept))
    assert (answer.status_code, answer.json()["code"]) == (429, "export_running")
    kept.api.parts.exports.places.give_back(OPERATOR)
    assert lin.post(f"/api/v1/sites/sunflower/cameras/{kept.camera_id}/exports", content=order(kept)).is_success


def test_an_export_ends_with_the_leave_to_have_it(kept, monkeypatch):
    monkeypatch.setattr("server.services.evidence.stream_export.PIECE_BYTES", 200)
    monkeypatch.setattr("server.api.cutting.ASK_EVERY_US", 0)
    pieces = PackageStream.pieces

    def taken_away(stream):
        for number, piece in enumerate(pieces(stream)):
            yield piece
            if number == 1:
                with kept.database.unit_of_work() as session:
                    session.query(AccountSite).filter_by(account_name=OPERATOR).delete()

    lin = kept.api.signed_in()
    monkeypatch.setattr(PackageStream, "pieces", taken_away)
    path = f"/api/v1/sites/sunflower/cameras/{kept.camera_id}/exports"
    with lin.stream("POST", path, content=order(kept)) as answer:
        assert answer.status_code == 200
        with pytest.raises(httpx.TransportError):
            answer.read()


def test_an_export_that_breaks_off_is_no_package(kept, monkeypatch):
    real = kept.api.parts.exports.exporter.store
    asked = []

    class Failing:
        def __getattr__(self, name):
            return getattr(real, name)

        def chunks(self, key, version_id):
            asked.append(key)
            if len(asked) == 4:
                raise Unavailable("the store does not answer")
            return real.chunks(key, version_id)

    monkeypatch.setattr("server.services.evidence.stream_export.PIECE_BYTES", 200)
    object.__setattr__(kept.api.parts.exports.exporter, "store", Failing())
    path = f"/api/v1/sites/sunflower/cameras/{kept.camera_id}/exports"
    lin = kept.api.signed_in()
    got = bytearray()

    def take() -> None:
        with lin.stream("POST", path, content=order(kept)) as answer:
            for piece in answer.iter_bytes():
                got.extend(piece)

    with pytest.raises(httpx.RemoteProtocolError):
        take()
    assert got
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(bytes(got)))
    asked.extend(["x"] * 100)
    assert lin.post(path, content=order(kept)).is_success


def test_a_reader_that_goes_away_frees_its_place(kept, monkeypatch):
    monkeypatch.setattr("server.services.evidence.stream_export.PIECE_BYTES", 200)
    path = f"/api/v1/sites/sunflower/cameras/{kept.camera_id}/exports"
    lin = kept.api.signed_in()
    stream = kept.api.parts.exports.open(
        kept.api.parts.sign_in.check_password(OPERATOR, "little-lamp-at-night", "test"), export_of(kept)
    )
    stream.close()
    stream._thread.join(10)
    assert not stream._thread.is_alive()
    assert lin.post(path, content=order(kept)).is_success


def export_of(kept):
    return Export("sunflower", kept.camera_id, kept_span(kept), OPERATOR, "why")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_without_a_key_nothing_is_exported(api: RunningApi, agent, clock):
    add_accounts(api.parts.database, clock, "sunflower")
    client = api.signed_in(AUDITOR)
    assert "no key to sign packages with" in client.get("/sites/sunflower/custody").text
    body = json.dumps({"start_us": 1, "end_us": 2, "reason": "x"})
    answer = client.post("/api/v1/sites/sunflower/cameras/nap-room/exports", content=body)
    assert (answer.status_code, answer.json()["code"]) == (503, "no_key")
