"""A real timestamp authority stamps the newest checkpoint once a day; an answer that does not hold is not stored."""

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.base.clock import SystemClock
from config.base.errors import ConfigurationError, IntegrityViolation, InvalidInput, Unavailable
from config.evidence.note import NoteSigner, SignedNote
from config.evidence.timestamp import check_stamp
from config.settings.server import load_server
from server.services.evidence.keep_ledger import LedgerKeeper
from server.services.evidence.stamp_checkpoints import CheckpointStamper, stamper_from
from server.services.registers.register import Register
from storage.database import ledger
from storage.database.models import LedgerCheckpoint
from storage.database.unit_of_work import Database
from tests.support.clock import SimulatedClock, present_us
from tests.support.tsa import TimestampAuthority

SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


class Stamped:
    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.clock = database, SimulatedClock(present_us())
        self.tsa = TimestampAuthority(folder / "tsa")
        Register(database, self.clock).add_site("rainbow", "rainbow", "cn", "Asia/Shanghai")
        signer = NoteSigner("nightlight.example", Ed25519PrivateKey.generate())
        self.keeper = LedgerKeeper(database, self.clock, signer, "nightlight.example/ledger")

    def grow(self) -> SignedNote:
        with self.database.unit_of_work() as session:
            ledger.add(session, "rainbow", "access", "s", b"entry")
        self.keeper.number_all()
        return self.keeper.checkpoint("rainbow")

    def stamper(self, url: str) -> CheckpointStamper:
        return CheckpointStamper(self.database, self.clock, url, [self.tsa.root])

    def newest(self) -> LedgerCheckpoint:
        with self.database.reading() as session:
            row = ledger.latest_checkpoint(session, "rainbow")
        assert row is not None
        return row


@pytest.fixture
def stamped(database: Database, tmp_path: Path) -> Stamped:
    return Stamped(database, tmp_path)


def test_the_newest_checkpoint_is_stamped_once_a_day(stamped: Stamped) -> None:
    note = stamped.grow()
    with stamped.tsa.served() as url:
        assert stamped.stamper(url).stamp_all() == 1
        assert stamped.stamper(url).stamp_all() == 0
        token = stamped.newest().timestamp
        assert token is not None
        assert check_stamp(token, note.text, [stamped.tsa.root]).checked
        stamped.grow()
        assert stamped.stamper(url).stamp_all() == 0
        stamped.clock.advance(86_400)
        assert stamped.stamper(url).stamp_all() == 1
    assert len(stamped.tsa.asked) == 2


@SQLITE
def test_an_answer_to_another_question_an_altered_one_and_a_stranger_s_are_not_stored(
    stamped: Stamped, tmp_path: Path
) -> None:
    stamped.grow()
    earlier: list[bytes] = []

    def replayed(answer: bytes) -> bytes:
        earlier.append(answer)
        return earlier[0]

    with stamped.tsa.served(replayed) as url:
        _ask_once(stamped, url)
        with pytest.raises(IntegrityViolation, match="Nonce"):
            stamped.stamper(url).stamp_all()
    with (
        stamped.tsa.served(lambda answer: answer[:-20] + bytes(20)) as url,
        pytest.raises((IntegrityViolation, InvalidInput)),
    ):
        stamped.stamper(url).stamp_all()
    with (
        TimestampAuthority(tmp_path / "stranger").served() as url,
        pytest.raises(IntegrityViolation, match="does not hold"),
    ):
        stamped.stamper(url).stamp_all()
    with stamped.tsa.served(lambda _: b"x" * 40_000) as url, pytest.raises(IntegrityViolation, match="too large"):
        stamped.stamper(url).stamp_all()
    with pytest.raises(Unavailable):
        stamped.stamper("http://127.0.0.1:9/").stamp_all()
    assert stamped.newest().timestamp is None


def _ask_once(stamped: Stamped, url: str) -> None:
    """The same question before, under another nonce."""
    query = ["openssl", "ts", "-query", "-sha256", "-cert", "-data", "/dev/stdin"]
    text = SignedNote.parse(stamped.newest().note).text
    made = subprocess.run(query, input=text.encode(), check=True, capture_output=True, timeout=20)
    stamped.stamper(url)._ask(made.stdout)


@SQLITE
def test_an_authority_without_a_root_is_a_wrong_setting(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SystemClock()
    assert stamper_from(load_server(None), database, clock) is None
    monkeypatch.setenv("NIGHTLIGHT_SERVER__LEDGER__TSA_URL", "https://tsa.example.org/")
    with pytest.raises(ConfigurationError, match="tsa_ca_file"):
        stamper_from(load_server(None), database, clock)
    (tmp_path / "root.pem").write_text("nothing")
    monkeypatch.setenv("NIGHTLIGHT_SERVER__LEDGER__TSA_CA_FILE", str(tmp_path / "root.pem"))
    with pytest.raises(ConfigurationError, match="no certificate"):
        stamper_from(load_server(None), database, clock)
    (tmp_path / "root.pem").write_bytes(TimestampAuthority(tmp_path / "tsa").root_file.read_bytes())
    made = stamper_from(load_server(None), database, clock)
    assert made is not None
    assert len(made.roots) == 1
