"""The commands about audits: watched as they run, drawn again without a database, and in both languages."""

import argparse

import pytest

from config.base.errors import IntegrityViolation, InvalidInput
from config.settings.server import load_server
from server.admin import audits
from server.services.audit.audit_deep import Request, ask
from storage.database import deep_audits
from storage.database.models import DeepAudit
from tests.support.clock import SimulatedClock, present_us
from tests.support.databases import fresh_database
from tests.support.footage import FootageSite


@pytest.fixture
def database(request, tmp_path):
    yield from fresh_database("sqlite", request, tmp_path)


@pytest.fixture
def site(database, any_object_store) -> FootageSite:
    made = FootageSite(database, any_object_store.evidence, SimulatedClock(present_us()))
    return made.add("sound").add("black")


@pytest.fixture
def run(site, any_object_store, tmp_path, monkeypatch):
    access = any_object_store.server
    (tmp_path / "access").write_text(access.access_key)
    (tmp_path / "secret").write_text(access.secret_key)
    file = tmp_path / "server.toml"
    file.write_text(
        f'[database]\nurl = "{site.database.engine.url}"\n[store]\nendpoint = "{access.endpoint}"\n'
        f'bucket = "{access.bucket}"\naccess_key_file = "{tmp_path / "access"}"\nsecret_key_file = "{tmp_path / "secret"}"\n'
    )

    def command(*words: str, language: str = "en_GB.UTF-8") -> None:
        monkeypatch.setenv("LC_ALL", language)
        parser = argparse.ArgumentParser()
        nouns = parser.add_subparsers(required=True)
        audits.add_commands(lambda noun, what: nouns.add_parser(noun, help=what).add_subparsers(required=True))
        arguments = parser.parse_args(["audit", *words])
        arguments.run(arguments, load_server(file))

    return command


def test_a_deep_audit_is_watched_ends_with_its_bound_and_can_be_drawn_again(run, site, capsys, tmp_path):
    with pytest.raises(IntegrityViolation, match="1 camera-minutes are at fault"):
        run("deep", "sunflower", "--seed", "six", "--samples", "5")
    said = capsys.readouterr()
    assert "2 of 2 looked at, 1 at fault" in said.err
    assert "drawn from 2 camera-minutes" in said.err
    assert "This recording is black" in said.err
    assert "With 95 % confidence at most 1 of 2" in said.out
    with site.database.reading() as session:
        (done,) = deep_audits.audits_of(session, "sunflower", 9)
        drawn = [sample.camera_id for sample in deep_audits.samples_of(session, done.id)]
    (tmp_path / "list").write_text(f"{site.camera_id} {site.begun_us // 60_000_000} 2\n")
    run("draw", "--population", str(tmp_path / "list"), "--seed", "six", "--samples", "5")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"# {done.population_sha256} 2"
    assert len(lines) == 1 + len(drawn)
    run("show", "sunflower", language="zh_CN.UTF-8")
    shown = capsys.readouterr().out
    assert "这段录像是黑屏" in shown
    assert "以 95% 的置信度" in shown


def test_one_that_was_asked_for_is_gone_on_with(run, site, capsys):
    audit_id = ask(site.database, site.clock, Request("sunflower", "s", 1, "auditor"))
    with site.database.unit_of_work() as session:
        session.get_one(DeepAudit, audit_id).wanted = 1
    try:
        run("deep", "sunflower", "--resume", audit_id)
    except IntegrityViolation:
        assert "at fault" in capsys.readouterr().out
    with site.database.reading() as session:
        assert session.get_one(DeepAudit, audit_id).finished_us is not None


def test_what_is_no_list_is_refused(run, tmp_path):
    (tmp_path / "list").write_text("nothing of the kind\n")
    for file in ("list", "none"):
        with pytest.raises(InvalidInput):
            run("draw", "--population", str(tmp_path / file), "--seed", "s", "--samples", "1")
    with pytest.raises(InvalidInput, match="a seed has"):
        run("deep", "sunflower", "--samples", "5")
