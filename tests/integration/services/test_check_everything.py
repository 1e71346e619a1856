"""``server.fsck``: every disagreement between database, store and ledger is found, nothing else is, and nothing is changed."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, InternalError

from config.base.clock import US_PER_DAY, SystemClock
from config.base.errors import PermissionDenied, Unavailable
from config.evidence import merkle
from config.evidence.note import NoteSigner
from server.services.audit.check_everything import Checker, _Frontier
from server.services.evidence.keep_ledger import LedgerKeeper
from storage.database.models import CoverageSpan, LedgerCheckpoint, LedgerEntry, Segment
from storage.database.unit_of_work import Database
from storage.objects.s3 import S3EvidenceStore
from tests.support.clock import SimulatedClock, present_us
from tests.support.databases import fresh_database
from tests.support.footage import FootageSite

pytestmark = pytest.mark.either_pair

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def database(request, object_store, tmp_path):
    yield from fresh_database("sqlite" if object_store.kind == "seaweedfs" else "postgresql", request, tmp_path)


class Kept:
    """A site with four recordings, a ledger and two checkpoints; its store is its own, because strangers are told."""

    def __init__(self, database, object_store) -> None:
        self.database, self.store = database, object_store
        self.clock = SimulatedClock(present_us())
        self.key = Ed25519PrivateKey.generate()
        self.signer = NoteSigner("nightlight.example", self.key)
        self.site = FootageSite(database, object_store.evidence, self.clock).add("garbage").add("garbage")
        keeper = LedgerKeeper(database, self.clock, self.signer, "nightlight.example/ledger")
        for _ in range(2):
            self.site.add("garbage")
            keeper.number_all()
            keeper.checkpoint("sunflower")

    def checker(self, *, locks: bool = False) -> Checker:
        url = self.database.engine.url.render_as_string(hide_password=False)
        opened = Database(url, read_only=True)
        store = S3EvidenceStore(self.store.server, self.clock, read_only=True)
        return Checker(opened, store, self.clock, self.signer.key, locks)

    def found(self, *, locks: bool = False) -> list[str]:
        """What lies there of other tests is left out: the store is shared."""
        checker = self.checker(locks=locks)
        try:
            return sorted(
                problem.kind
                for problem in checker.run()
                if problem.kind != "foreign" or self.site.camera_id in problem.subject
            )
        finally:
            checker.database.close()

    def change(self, what) -> None:
        with self.database.unit_of_work() as session:
            what(session)


@pytest.fixture
def kept(database, object_store) -> Kept:
    return Kept(database, object_store)


def first(session) -> Segment:
    return session.scalars(select(Segment).order_by(Segment.start_us)).first()


@pytest.mark.both_pairs
def test_what_agrees_is_clean(kept):
    told = []
    checker = kept.checker(locks=True)
    checker.told = lambda progress: told.append((progress.recordings, progress.entries))
    assert [p for p in checker.run() if kept.site.camera_id in p.subject or p.kind != "foreign"] == []
    assert told[-1] == (4, 4)
    assert (checker.progress.recordings_in_all, checker.progress.entries_in_all) == (4, 4)
    checker.database.close()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda s: setattr(first(s), "version_id", first(s).version_id[:-1] + "0"), ["ledger_says_otherwise", "object_missing"]),
        (lambda s: setattr(first(s), "size_bytes", 7), ["ledger_says_otherwise", "manifest_differs", "size_differs"]),
        (lambda s: setattr(first(s), "sha256", "0" * 64), ["bytes_differ", "ledger_says_otherwise", "manifest_differs"]),
        (lambda s: setattr(first(s), "retain_until_us", first(s).retain_until_us + US_PER_DAY), ["lock_short"]),
        (lambda s: setattr(first(s), "retain_until_us", 1), ["ledger_says_otherwise"]),
        (lambda s: setattr(first(s), "end_us", first(s).end_us - 1), ["covered_without_recording", "manifest_differs"]),
        (lambda s: setattr(first(s), "envelope", b"nothing"), ["manifest_differs"]),
        (lambda s: setattr(first(s), "secured_us", None), ["covered_without_recording"]),
        (lambda s: setattr(first(s), "deleted_us", 1), ["deleted_and_there"]),
        (lambda s: s.delete(first(s)), ["covered_without_recording", "recording_forgotten"]),
        (
            lambda s: s.add(CoverageSpan(camera_id=first(s).camera_id, kind="secured", timeline_id="0" * 32, start_us=5, end_us=9)),
            ["covered_without_recording"],
        ),
        (
            lambda s: setattr(s.scalars(select(LedgerEntry).where(LedgerEntry.number == 1)).one(), "body", b"{}"),
            ["checkpoint_differs", "checkpoint_differs", "ledger_entry_changed", "not_in_ledger"],
        ),
        (
            lambda s: s.delete(s.scalars(select(LedgerEntry).where(LedgerEntry.number == 3)).one()),
            ["checkpoint_differs", "ledger_hole", "not_in_ledger"],
        ),
        (
            lambda s: setattr(s.scalars(select(LedgerCheckpoint).where(LedgerCheckpoint.size == 3)).one(), "note", b"x"),
            ["checkpoint_differs"],
        ),
    ],
    ids=[
        "missing", "size", "digest", "lock", "shortened", "time", "manifest", "unsecured", "deleted", "forgotten",
        "covered", "entry", "hole", "checkpoint",
    ],
)  # fmt: skip
def test_each_lie_is_named(kept, change, expected):
    kept.change(change)
    assert kept.found(locks=True) == expected


@pytest.mark.both_pairs
def test_markers_and_strangers_in_the_store_are_named_once_they_are_not_young(kept):
    evidence, keys = kept.site.evidence, [one.key for one in kept.site.recordings]
    evidence.raw.send("DELETE", keys[0])
    data = b"not ours"
    until_us = SystemClock().utc_us() + US_PER_DAY
    digest = hashlib.sha256(data).hexdigest()
    evidence.put_locked(keys[1].replace(".mp4", "x.mp4"), data, digest, until_us)
    evidence.put_locked(f"elsewhere/{kept.site.camera_id}/2020/01/01/x.mp4", data, digest, until_us)
    assert kept.found() == []
    kept.clock.advance(7_200)
    assert kept.found() == ["delete_marker", "foreign", "foreign"]


def test_it_can_change_nothing(kept):
    checker = kept.checker()
    with pytest.raises((Unavailable, InternalError)), checker.database.unit_of_work() as session:
        session.execute(text("DELETE FROM segment"))
    with pytest.raises(DBAPIError, match=r"readonly|read-only"), checker.database.engine.connect() as connection:
        connection.execute(text("DELETE FROM segment"))
    recording = kept.site.recordings[0]
    for attempt in (
        lambda: checker.store.delete_version(recording.key, recording.version_id),
        lambda: checker.store.extend_retention(recording.key, recording.version_id, 2**52),
        lambda: checker.store.put_locked("a", b"b", hashlib.sha256(b"b").hexdigest(), 2**52),
        lambda: checker.store.raw.send("DELETE", recording.key, query={"versionId": recording.version_id}),
    ):
        with pytest.raises(PermissionDenied):
            attempt()
    checker.database.close()
    with kept.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Segment)) == 4


@pytest.mark.both_pairs
def test_the_command_says_what_is_wrong_and_what_to_do_and_with_what_code_it_ends(kept, tmp_path):
    pem = kept.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    files = {
        "key": pem,
        "access": kept.store.server.access_key.encode(),
        "secret": kept.store.server.secret_key.encode(),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    url = kept.database.engine.url.render_as_string(hide_password=False)
    settings = tmp_path / "server.toml"

    def run(language: str, endpoint: str = kept.store.server.endpoint) -> "subprocess.CompletedProcess[str]":
        settings.write_text(
            f'[server]\nsigning_key_file = "{tmp_path / "key"}"\n[database]\nurl = "{url}"\n[ledger]\nname = "nightlight.example"\n'
            f'[store]\nendpoint = "{endpoint}"\nbucket = "{kept.store.server.bucket}"\ntimeout_s = 2\n'
            f'access_key_file = "{tmp_path / "access"}"\nsecret_key_file = "{tmp_path / "secret"}"\n'
        )
        return subprocess.run(
            [sys.executable, "-m", "server.fsck", "--settings", str(settings), "--locks"],
            capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ, "LC_ALL": language},
        )  # fmt: skip

    kept.change(lambda session: setattr(first(session), "sha256", "0" * 64))
    wrong = run("zh_CN.UTF-8")
    assert wrong.returncode == 3, wrong.stderr
    assert "请处理" in wrong.stdout
    assert "未作任何更改" in wrong.stdout
    away = run("en_GB.UTF-8", "127.0.0.1:9")
    assert away.returncode == 1
    assert "not known to be good" in away.stderr
    assert "agree" not in away.stdout


def test_the_tree_that_only_grows_has_the_root_of_any_other():
    leaves = [merkle.leaf_hash(bytes([number])) for number in range(70)]
    tree = _Frontier()
    assert tree.root() == merkle.EMPTY_ROOT
    for number, leaf in enumerate(leaves, 1):
        tree.append(leaf)
        assert tree.root() == merkle.root_of(leaves[:number])
