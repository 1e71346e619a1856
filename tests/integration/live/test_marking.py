"""A clip names the view that it was taken of: the agent's two encoders, the server's code words, a second encoding, the detector."""

import io
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from benchmarks._marked_room import Capture, Marked, camera, captured, marked, room, seen
from config.base.errors import InvalidInput, NotFound, PermissionDenied, Unavailable
from config.base.roles import Role
from config.settings.server import load_server
from server.admin.__main__ import main as admin_main
from server.admin.keys import make_marking_key
from server.admin.live import said
from server.services.live.identify import Question, identify
from server.services.live.marking import Marker, choose_marking
from server.services.live.views import ViewDesk
from storage.database import accesses
from storage.database.models import LiveView, SiteLive, ViewRow
from storage.database.scope import Scope
from tests.support.api import settings_for
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
def nursery(database) -> Nursery:
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


def test_a_screen_capture_names_the_view_and_a_short_one_nobody(nursery, source, tmp_path):
    views = watched(nursery)
    guilty = views[1]
    pictures = seen(source, guilty.word)
    nursery.clock.advance(120)
    clip = captured(pictures, Capture(scale=0.5, crf=35, crop=0.05), tmp_path / "clip.mp4", FPS)
    found = identify(nursery.database, nursery.clock, MARKER, clip, question(nursery))
    assert [one.code for one in found.named] == [guilty.code]
    assert found.named[0].lease_id == guilty.permit.lease_id
    assert found.named[0].fit.p_false <= 1e-6
    assert found.views == len(views)
    assert guilty.code in "\n".join(said(found, ZoneInfo("Asia/Shanghai")))
    with nursery.database.reading() as session:
        told = [entry.reason for entry in accesses.newest_of(session, SITE, 50)]
    assert any("a clip was sent around" in reason for reason in told)

    short = captured(pictures, Capture(scale=1, crf=23, seconds=8), tmp_path / "short.mp4", FPS)
    found = identify(nursery.database, nursery.clock, MARKER, short, question(nursery))
    assert found.named == ()
    assert "太短" in "\n".join(said(found, ZoneInfo("Asia/Shanghai")))


def test_a_clip_of_pictures_that_were_not_marked_names_nobody(nursery, source, tmp_path):
    watched(nursery)
    plain = [((a.astype(np.uint16) + b) // 2).astype(np.uint8) for a, b in zip(*source.frames, strict=True)]
    clip = captured(plain, Capture(scale=0.5, crf=28), tmp_path / "clip.mp4", FPS)
    found = identify(nursery.database, nursery.clock, MARKER, clip, question(nursery))
    assert found.named == ()
    assert "不指认任何人" in "\n".join(said(found, ZoneInfo("Asia/Shanghai")))


def test_who_may_not_read_looks_may_not_ask_and_what_is_wrong_is_said(nursery, tmp_path):
    def ask(clip: Path = tmp_path / "none.mp4", marker: Marker | None = MARKER, **changed):
        return identify(nursery.database, nursery.clock, marker, clip, question(nursery, **changed))

    with pytest.raises(NotFound):
        ask(person=question(nursery, "mum").person)
    with pytest.raises(NotFound):
        ask(camera_id="cam-x\0")
    with pytest.raises(InvalidInput, match="six hours"):
        ask(end_us=BEGIN_US - 3_000_000)
    with pytest.raises(Unavailable, match="init"):
        ask(marker=None)
    with pytest.raises(InvalidInput, match="cannot be read"):
        ask()
    (tmp_path / "words.mp4").write_text("no video")
    with pytest.raises(InvalidInput, match="cannot be read"):
        ask(tmp_path / "words.mp4")
    watched(nursery, Marker(bytes(32)))
    with pytest.raises(InvalidInput, match="another key"):
        ask()


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
    with pytest.raises(PermissionDenied):
        choose_marking(nursery.database, nursery.clock, police, SITE, wanted=False)
    choose_marking(nursery.database, nursery.clock, boss, SITE, wanted=False)
    assert desk.changed([view]) == {view.view_id}
    assert desk.open(permit, nursery.session("mum"), "", "").word is None


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
