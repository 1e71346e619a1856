"""``server.admin hold``, ``deletion`` and ``evidence``: who commands is a person with a password, not the shell's user."""

import io
import sys
from pathlib import Path

import pytest

from config.base.clock import US_PER_DAY, SystemClock, to_datetime
from config.evidence.verify import verify
from server.admin.__main__ import main
from storage.database import accesses
from storage.database.models import DeletionRun
from tests.support.api import OPERATOR, PASSWORD
from tests.support.custody import ALL, KEY, SECOND, settings_file
from tests.support.sites import seconds


@pytest.fixture
def admin(kept, any_object_store, tmp_path: Path, monkeypatch, capfd):
    """Runs one command; the exit status, and what it printed."""
    folder = tmp_path / "admin"
    folder.mkdir()
    file = settings_file(kept.database, folder, any_object_store)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")

    def run(*arguments: str, person: str = "", password: str = PASSWORD) -> tuple[int, str]:
        given = ["server.admin", "--settings", str(file), *arguments]
        if person:
            given += ["--as", person, "--password-stdin"]
        monkeypatch.setattr(sys, "argv", given)
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{password}\n"))
        capfd.readouterr()
        status = main()
        printed = capfd.readouterr()
        return status, printed.out + printed.err

    return run


def local(at_us: int) -> str:
    """In the time zone of the site."""
    return f"{to_datetime(at_us + seconds(8 * 3_600)):%Y-%m-%dT%H:%M:%S}"


def period(kept) -> tuple[str, ...]:
    return ("--from", local(kept.begun_us - seconds(60)), "--to", local(kept.begun_us))


def later() -> str:
    return local(SystemClock().utc_us() + 40 * US_PER_DAY)[:10]


def test_a_hold_is_placed_listed_and_lifted_by_two(kept, admin):
    assert admin("hold", "list") == (0, "no hold\n")
    place = ("hold", "place", "--site", "sunflower", *period(kept), "--reason", "an accident", "--review", later())
    status, printed = admin(*place, person=OPERATOR)
    assert status == 0, printed
    hold_id = printed.split(",")[0].removeprefix("held: ")
    assert admin("hold", "lift", hold_id, "--confirm", person=SECOND)[0] == 1
    assert admin("hold", "review", hold_id, "--until", later(), person=SECOND)[0] == 0
    assert admin("hold", "lift", hold_id, person=OPERATOR)[0] == 0
    status, printed = admin("hold", "lift", hold_id, "--confirm", person=OPERATOR)
    assert (status, "somebody else has to confirm it" in printed) == (1, True)
    assert admin("hold", "lift", hold_id, "--confirm", person=SECOND)[0] == 0
    status, printed = admin("hold", "list")
    assert (status, "lifted  sunflower/all cameras" in printed, "an accident" in printed) == (0, True, True)


def test_a_wrong_password_is_nobody(kept, admin):
    place = ("hold", "place", "--site", "sunflower", *period(kept), "--reason", "x", "--review", later())
    status, printed = admin(*place, person=OPERATOR, password="not the password")
    assert (status, "name or password is wrong" in printed) == (1, True)
    assert admin("hold", "list")[1] == "no hold\n"


def test_what_is_out_of_reach_is_not_there(kept, admin):
    for command in (
        ("hold", "place", "--site", "other", *period(kept), "--reason", "x", "--review", later()),
        ("hold", "lift", "0" * 32),
        ("evidence", "export", "other", "x", *period(kept), "--reason", "x", "--out", "/nowhere/x.zip"),
        ("deletion", "confirm", "--versions", "1", "--of", "1"),
    ):
        status, printed = admin(*command, person=OPERATOR)
        assert status == 1, printed
        assert printed.startswith("server.admin: no ")


def test_sites_in_two_time_zones_are_named_one_by_one(kept, admin):
    status, printed = admin("hold", "place", *period(kept), "--reason", "x", "--review", later(), person=ALL)
    assert (status, "several time zones" in printed) == (1, True)


def test_a_large_deletion_is_shown_and_confirmed_with_its_figures(kept, admin, monkeypatch):
    assert "no deletion waits" in admin("deletion", "list")[1]
    with kept.database.unit_of_work() as session:
        session.add(DeletionRun(asked_us=1, versions=4_000, of_versions=5_000))
    assert "deletion confirm --versions 4000 --of 5000" in admin("deletion", "list")[1]
    assert admin("deletion", "confirm", "--versions", "4000", "--of", "5001", person=ALL)[0] == 1
    assert admin("deletion", "confirm", "--versions", "4000", "--of", "5000", person=ALL)[0] == 0
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert "已由 overseer 确认，正在进行" in admin("deletion", "list", "--site", "sunflower")[1]


def test_a_package_is_written_and_on_record(kept, admin, tmp_path: Path, monkeypatch):
    target = tmp_path / "package.zip"
    export = ("evidence", "export", "sunflower", kept.camera_id, *period(kept), "--reason", "inspection 17")
    status, printed = admin(*export, "--out", str(target), person=OPERATOR)
    assert status == 0, printed
    with target.open("rb") as opened:
        assert verify(opened, KEY.public_key()).segments == 5
    with kept.database.reading() as session:
        [access] = accesses.newest_of(session, "sunflower", 10)
    assert (access.account, access.reason) == (OPERATOR, "inspection 17")
    assert access.source.startswith("server.admin, ")
    assert "exists already" in admin(*export, "--out", str(target), person=OPERATOR)[1]
    assert admin(*export, "--out", str(tmp_path / "none" / "x.zip"), person=OPERATOR)[0] == 1
    monkeypatch.setattr("server.admin.custody.ROOM_BYTES", 10**18)
    assert "not enough room" in admin(*export, "--out", str(tmp_path / "more.zip"), person=OPERATOR)[1]
    assert list(tmp_path.glob("more*")) == []
