"""A clip names the view that it was taken of: the agent's two encoders, the server's code words, a second encoding, the detector."""

import io
import re
import socket
import time
import tracemalloc
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import numpy as np
import pytest

from benchmarks._marked_room import Capture, Marked, camera, captured, marked, room, seen
from config.base.errors import InvalidInput, NotFound, PermissionDenied, Unavailable
from config.base.roles import Role
from config.settings.server import load_server
from config.wire.marking import GROUP_US, group_of
from server.admin.__main__ import main as admin_main
from server.admin.keys import make_marking_key
from server.admin.live import said
from server.api.shield import FILES
from server.live_parts import CLIPS_AT_ONCE
from server.marking.accuse import TRIED_CLOSER, Candidate, _guesses, _open
from server.marking.clip import read_clip
from server.services.live.identify import Identified, Question, identify
from server.services.live.marking import KEY_FILE, Marker, MarkingDesk
from server.services.live.views import ViewDesk
from storage.database import accesses
from storage.database.models import LiveView, SiteLive, ViewRow
from storage.database.scope import Scope
from tests.support.api import serving, settings_for
from tests.support.nursery import MONDAY_US, PASSWORD, SITE, Nursery

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
KEY = bytes(range(32))
FPS, SECONDS = 12, 34.0
BEGIN_US = MONDAY_US + 60_123_456
MARKER = Marker(KEY)


@pytest.fixture(scope="module")
def source() -> Marked:
    """Half a minute of a room, small."""
    return marked(MARKER.seed("cam-a"), camera(room(SECONDS, size=(320, 180), fps=FPS), FPS), BEGIN_US)


@pytest.fixture
def nursery(database, monkeypatch) -> Nursery:
    """Views of always the same ids: their code words, and how clearly a clip follows them, are the same in every run."""
    ids = (f"{number:032x}" for number in range(1, 1_000))
    monkeypatch.setattr("server.services.people.access_record.fresh_id", lambda: next(ids))
    made = Nursery(database).furnish()
    made.change(SiteLive, SiteLive.site_id == SITE, marked=True)
    return made


def watched(nursery: Nursery, marker: Marker | None = MARKER) -> list:
    """Views of cam-a that are open while the clip is taken."""
    desk = ViewDesk(nursery.database, nursery.clock, marker)
    views = []
    for name in ("mum", "dad", "boss", "carer", "mum", "dad"):
        session = nursery.session(name)
        permit = nursery.desk.decide(nursery.session("mum"), "cam-a", nursery.now_us)
        views.append(desk.open(replace(permit, person=name), session, "", ""))
    return views


def question(nursery: Nursery, name: str = "boss", **changed) -> Question:
    scope = Scope(name, Role.FACILITY_MANAGER if name == "boss" else Role.GUARDIAN)
    asked = Question(SITE, "cam-a", BEGIN_US - 2_000_000, BEGIN_US + 40_000_000, "a clip was sent around", scope)
    return replace(asked, **changed)


def asked(nursery: Nursery, clip: Path, marker: Marker | None = MARKER, **changed) -> Identified:
    with clip.open("rb") as opened:
        return identify(nursery.database, nursery.clock, marker, opened, question(nursery, **changed))


def test_a_screen_capture_names_the_view_and_a_short_one_nobody(nursery, source, tmp_path):
    views = watched(nursery)
    guilty = views[1]
    pictures = seen(source, guilty.word)
    nursery.clock.advance(120)
    clip = captured(pictures, Capture(scale=0.5, crf=35, crop=0.05), tmp_path / "clip.mp4", FPS)
    found = asked(nursery, clip)
    assert [one.code for one in found.named] == [guilty.code]
    assert found.named[0].lease_id == guilty.permit.lease_id
    assert found.named[0].fit.p_false <= 1e-6
    assert found.views == len(views)
    assert guilty.code in "\n".join(said(found, ZoneInfo("Asia/Shanghai")))
    with nursery.database.reading() as session:
        told = [entry.reason for entry in accesses.newest_of(session, SITE, 50)]
    assert any("a clip was sent around" in reason for reason in told)

    short = captured(pictures, Capture(scale=1, crf=23, seconds=8), tmp_path / "short.mp4", FPS)
    found = asked(nursery, short)
    assert found.named == ()
    assert "太短" in "\n".join(said(found, ZoneInfo("Asia/Shanghai")))


def test_who_opens_thousands_of_views_fills_no_memory_of_who_asks(database):
    """Short ones, over all of the six hours that may be asked about."""
    del database
    first, groups = group_of(BEGIN_US), 6 * 7_200
    opened = [BEGIN_US + number * groups * GROUP_US // 1_000 for number in range(1_000)]
    views = [Candidate(str(at), MARKER.word(str(at)), at, at + 1_000_000) for at in opened]
    tracemalloc.start()
    guesses, tried = _guesses([_open(one, first, first + groups) for one in views], np.ones(80), groups)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (len(guesses), tried > 1_000) == (TRIED_CLOSER, True)
    assert peak < 20 * 2**20


def test_a_clip_of_pictures_that_were_not_marked_names_nobody(nursery, source, tmp_path):
    watched(nursery)
    plain = [((a.astype(np.uint16) + b) // 2).astype(np.uint8) for a, b in zip(*source.frames, strict=True)]
    clip = captured(plain, Capture(scale=0.5, crf=28), tmp_path / "clip.mp4", FPS)
    found = asked(nursery, clip)
    assert found.named == ()
    assert "不指认任何人" in "\n".join(said(found, ZoneInfo("Asia/Shanghai")))


def test_who_may_not_read_looks_may_not_ask_and_what_is_wrong_is_said(nursery, tmp_path):
    (tmp_path / "none.mp4").touch()

    def ask(clip: Path = tmp_path / "none.mp4", **changed):
        return asked(nursery, clip, **changed)

    with pytest.raises(NotFound):
        ask(person=question(nursery, "mum").person)
    with pytest.raises(NotFound):
        ask(camera_id="cam-x\0")
    with pytest.raises(InvalidInput, match="why"):
        ask(reason="  ")
    with pytest.raises(InvalidInput, match="six hours"):
        ask(end_us=BEGIN_US - 3_000_000)
    with pytest.raises(Unavailable, match="init"):
        ask(marker=None)
    assert ask().views == 0
    watched(nursery, Marker(bytes(32)))
    with pytest.raises(InvalidInput, match="another key"):
        ask()
    watched(nursery)
    with pytest.raises(InvalidInput, match="cannot be read"):
        ask()
    for name, data in (
        ("list.mp4", b"#EXTM3U\nfile:///etc/passwd\n"),
        ("box.mp4", b"\0\0\0\x18ftypisom"),
        ("box.webm", b"\x1a\x45\xdf\xa3" * 9),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InvalidInput, match="cannot be read"):
            ask(tmp_path / name)


def test_a_site_that_marks_shows_nothing_without_a_key_and_its_choice_is_the_managers(nursery):
    permit = nursery.desk.decide(nursery.session("mum"), "cam-a", nursery.now_us)
    with pytest.raises(Unavailable, match="init"):
        ViewDesk(nursery.database, nursery.clock).open(permit, nursery.session("mum"), "", "")
    desk = ViewDesk(nursery.database, nursery.clock, MARKER)
    view = desk.open(permit, nursery.session("mum"), "", "")
    with nursery.database.reading() as session:
        assert session.get_one(LiveView, view.view_id).marking_key == MARKER.name
        assert session.query(ViewRow).count() == 1
    assert desk.changed([view]) == set()
    police, boss = Scope("police", Role.POLICE_AUDITOR, "cn/sichuan"), Scope("boss", Role.FACILITY_MANAGER)
    choice = MarkingDesk(nursery.database, nursery.clock, None)
    with pytest.raises(PermissionDenied):
        choice.choose(police, SITE, wanted=False)
    choice.choose(boss, SITE, wanted=False)
    assert desk.changed([view]) == {view.view_id}
    assert desk.open(permit, nursery.session("mum"), "", "").word is None
    choice.choose(boss, SITE, wanted=False)
    with pytest.raises(Unavailable, match="init"):
        choice.choose(boss, SITE, wanted=True)
    assert [(one.says, one.account) for one in choice.state(boss, SITE).entries] == [("off", "boss")]


def test_a_decoder_that_hangs_or_lies_names_nobody(nursery, tmp_path):
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"\0\0\0\x18ftypisom")
    for child, kind in (
        ("import time; time.sleep(9)", Unavailable),
        ("print('no json')", InvalidInput),
        ('print(\'{"count": 9, "height": 54, "width": 96}\')', InvalidInput),
        ("import os; os.abort()", InvalidInput),
    ):
        (tmp_path / "child.py").write_text(child)
        with clip.open("rb") as opened, pytest.raises(kind):
            read_clip(opened, child=tmp_path / "child.py", wait_s=1)


def test_the_page_names_the_view_keeps_no_clip_and_is_on_record(nursery, source, tmp_path, monkeypatch):
    settings = load_server(settings_for(nursery.database, tmp_path))
    (tmp_path / KEY_FILE).write_text(KEY.hex())
    views = watched(nursery)
    clip = captured(seen(source, views[0].word), Capture(scale=0.5, crf=30), tmp_path / "clip.mp4", FPS)
    short = captured(seen(source, views[0].word), Capture(seconds=8), tmp_path / "short.mp4", FPS)
    nursery.clock.advance(120)
    open_before = _held()
    path, when = f"/sites/{SITE}/looks/clip", {"from": "2026-11-23T10:01", "to": "2026-11-23T10:02"}
    form = {"camera": "cam-a", "reason": "a clip was sent around", "aspect": "16:9"} | when
    with serving(settings, nursery.clock) as api:

        def client(name: str) -> httpx.Client:
            nursery.session(name)
            made = api.client(follow_redirects=False)
            made.cookies.set("nightlight", nursery.tokens[name])
            return made

        def sent(name: str, file: Path, **changed: str) -> httpx.Response:
            return client(name).post(path, data=form | changed, files={"clip": ("holiday.mp4", file.read_bytes())})

        assert {name: client(name).get(path).status_code for name in ("boss", "health", "police")} == dict.fromkeys(
            ("boss", "health", "police"), 200
        )
        assert [client(name).get(path).status_code for name in ("mum", "carer", "fitter", "stranger", "captain")] == [
            403, 403, 403, 404, 404,
        ]  # fmt: skip
        assert [sent(name, short).status_code for name in ("mum", "carer", "stranger")] == [403, 403, 404]
        assert api.client().post(path, files={"clip": ("x", b"x" * 9)}, follow_redirects=False).status_code in (
            303,
            401,
        )
        answer = sent("police", clip)
        assert answer.status_code == 200
        assert views[0].code in answer.text
        assert not any(one.code in answer.text for one in views[1:])
        assert "holiday" not in answer.text
        assert re.search(r"at least \d+ s more", sent("boss", short).text)
        assert "No marked view" in sent("boss", short, camera="cam-b").text
        for changed, said in (
            ({"from": "2026-11-23T10:02", "to": "2026-11-23T10:01"}, "not after"),
            ({"from": "2026-11-23T01:00"}, "six hours"),
            ({"camera": "cam-x"}, "one of the cameras"),
            ({"reason": ""}, "Say why"),
        ):
            refused = sent("boss", short, **changed)
            assert (refused.status_code in (400, 404), said in refused.text) == (True, True), changed
        for _ in range(CLIPS_AT_ONCE):
            assert api.parts.live.arriving.acquire(blocking=False)
        assert "Another clip" in sent("boss", short).text
        api.parts.live.arriving.release(CLIPS_AT_ONCE)
        slow = socket.create_connection((httpx.URL(api.url).host, httpx.URL(api.url).port))
        slow.sendall(_begun(path, client("boss")))
        while api.parts.live.arriving._value == CLIPS_AT_ONCE:
            time.sleep(0.01)
        assert "Say why" in sent("police", short, reason="").text, "a clip that is still arriving keeps nobody waiting"
        slow.close()
        (tmp_path / "large.mp4").write_bytes(clip.read_bytes() + bytes(200_000))
        *others, (clips, _, _) = FILES
        for most, wait_s, status, said in ((0, 9.0, 413, "larger than"), (2**30, -1.0, 408, "too long to arrive")):
            with monkeypatch.context() as bound:
                bound.setattr("server.api.shield.FILES", (*others, (clips, most, wait_s)))
                refused = sent("boss", tmp_path / "large.mp4")
            assert (refused.status_code, said in refused.text) == (status, True)
        assert "on record" in client("boss").get(path).text
        assert _held() <= open_before
    with nursery.database.reading() as session:
        told = [(one.account, one.reason) for one in accesses.newest_of(session, SITE, 50) if "clip" in one.reason]
    assert told.count(("police", "a clip was sent around")) == 1


def _begun(path: str, client: httpx.Client) -> bytes:
    """A clip of which nothing comes but its announcement."""
    cookie = f"Cookie: nightlight={client.cookies['nightlight']}\r\n"
    kind = "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 9000\r\n"
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nSec-Fetch-Site: same-origin\r\n{cookie}{kind}\r\n--x\r\n".encode()


def _held() -> set[tuple[str, int]]:
    """Files without a name that this process has open, as a clip is while it is read: where, and their inode."""
    found = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if "(deleted)" in (where := str(descriptor.readlink())):
                found.add((where, descriptor.stat().st_ino))
    return found


def test_the_facility_switches_marking_on_its_page_and_stands_there(nursery, tmp_path):
    settings = load_server(settings_for(nursery.database, tmp_path))
    nursery.change(SiteLive, SiteLive.site_id == SITE, marked=False)
    page, path = f"/sites/{SITE}/people", f"/sites/{SITE}/people/marking"

    def client(api, name: str) -> httpx.Client:
        nursery.session(name)
        made = api.client(follow_redirects=False)
        made.cookies.set("nightlight", nursery.tokens[name])
        return made

    with serving(settings, nursery.clock) as api:
        boss = client(api, "boss")
        assert "no key to mark with" in boss.get(page).text
        assert boss.post(path, data={"marked": "yes"}).status_code == 503
    make_marking_key(settings)
    with serving(settings, nursery.clock) as api:
        boss = client(api, "boss")
        assert [
            client(api, name).post(path, data={"marked": "yes"}).status_code for name in ("carer", "police", "mum")
        ] == [403] * 3
        assert "not marked" in boss.get(page).text
        assert boss.post(path, data={"marked": "yes"}).status_code == 303
        assert "Switched by boss" in boss.get(page).text
        assert boss.post(path, data={"marked": "no"}).status_code == 303
        assert "not marked" in boss.get(page).text
        assert boss.get(f"/sites/{SITE}/looks/clip").text.count("Marking switched") == 2


def test_the_commands_are_given_by_a_person_and_bring_the_choice_and_the_key(nursery, tmp_path, monkeypatch, capsys):
    settings = settings_for(nursery.database, tmp_path)
    key = make_marking_key(load_server(settings))
    assert make_marking_key(load_server(settings)).read_text() == key.read_text()
    assert key.stat().st_mode & 0o077 == 0

    def command(*words: str) -> int:
        monkeypatch.setattr(
            "sys.argv", ["server.admin", "--settings", str(settings), *words, "--as", "boss", "--password-stdin"]
        )
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
        return admin_main()

    assert command("live", "mark", SITE, "off") == 0
    with nursery.database.reading() as session:
        assert session.get_one(SiteLive, SITE).marked is False
    assert command("live", "mark", SITE, "on") == 0
    assert command("live", "publish-word", SITE, "cam-a") == 0
    clip = ["live", "identify", str(tmp_path / "none.mp4"), "--site", SITE, "--camera", "cam-a", "--reason", "x"]
    told = capsys.readouterr()
    assert "已开启水印" in told.out
    for wrong, why in (
        (["--from", "2026-11-23T10:00", "--to", "2026-11-23T10:05"], "cannot be read"),
        (["--from", "yesterday", "--to", "2026-11-23T10:05"], "YYYY"),
        (["--from", "2026-11-23T10:00", "--to", "2026-11-23T10:05", "--aspect", "wide"], "16:9"),
        (["--from", "2026-11-23T10:00", "--to", "2026-11-23T10:05", "--aspect", "900:1"], "5:1"),
    ):
        assert command(*clip, *wrong) == 1
        assert why in capsys.readouterr().err
    key.write_text("no key")
    assert command("live", "mark", SITE, "on") == 2
    assert "marking-key" in capsys.readouterr().err
