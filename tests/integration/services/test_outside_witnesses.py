"""A witness from outside is asked as C2SP tlog-witness says, and only what a witness of the settings signed is taken in."""

import base64
import io
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.base.clock import SystemClock
from config.base.errors import IntegrityViolation, InvalidInput, NotFound
from config.evidence import merkle
from config.evidence.checkpoint import Checkpoint
from config.evidence.note import NoteSigner, SignedNote
from server.admin.__main__ import main
from server.services.evidence.keep_ledger import LedgerKeeper
from server.services.evidence.outside_witnesses import request, take, witness_keys
from server.services.registers.register import Register
from storage.database import ledger
from storage.database.unit_of_work import Database

KEY = Ed25519PrivateKey.from_private_bytes(b"c" * 32)
CENTRE = NoteSigner("nightlight.local", KEY)
OUTSIDE = NoteSigner("witness.example", Ed25519PrivateKey.from_private_bytes(b"w" * 32))
STRANGER = NoteSigner("witness.example", Ed25519PrivateKey.from_private_bytes(b"s" * 32))
KEYS = [OUTSIDE.witness_key]
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def keeper(database: Database) -> LedgerKeeper:
    Register(database, SystemClock()).add_site("rainbow", "rainbow", "cn", "Asia/Shanghai")
    made = LedgerKeeper(database, SystemClock(), CENTRE, "nightlight.local/ledger")
    for count in (3, 4):
        with database.unit_of_work() as session:
            for number in range(count):
                ledger.add(session, "rainbow", "access", "s", b"%d" % number)
        made.number_all()
        made.checkpoint("rainbow")
    return made


def line_of(note: SignedNote, signer: NoteSigner) -> bytes:
    signature = signer.cosign(note.text, 1_800_000_000)
    return SignedNote(note.text, (signature,)).serialise().rpartition(b"\n\n")[2]


def test_what_a_witness_is_asked(keeper: LedgerKeeper) -> None:
    head, note = request(keeper, "rainbow", 3).split(b"\n\n", 1)
    older, *proof = head.decode().split("\n")
    newest = Checkpoint.parse(SignedNote.parse(note).text)
    leaves = [merkle.leaf_hash(b"%d" % number) for number in (0, 1, 2)]
    path = [base64.b64decode(step) for step in proof]
    assert older == "old 3"
    assert merkle.continues((3, merkle.root_of(leaves)), (7, newest.root), path)
    assert request(keeper, "rainbow", 0).startswith(b"old 0\n\nnightlight.local/ledger/rainbow\n7\n")
    with pytest.raises(InvalidInput):
        request(keeper, "rainbow", 8)
    with pytest.raises(NotFound):
        request(keeper, "tulip", 0)


def test_only_a_witness_of_the_settings_is_taken_in(keeper: LedgerKeeper) -> None:
    note = keeper.checkpoint("rainbow")
    lines = line_of(note, STRANGER) + line_of(note, OUTSIDE)
    assert take(keeper, "rainbow", 7, lines, KEYS) == ["witness.example"]
    assert keeper.checkpoint("rainbow").verified(KEYS) == {OUTSIDE.witness_key: 1_800_000_000}
    assert take(keeper, "rainbow", 7, lines.rstrip(), KEYS) == ["witness.example"]  # again: nothing new
    assert len(keeper.checkpoint("rainbow").signatures) == 2
    with pytest.raises(InvalidInput, match="witnesses"):
        take(keeper, "rainbow", 7, line_of(note, STRANGER), KEYS)
    with pytest.raises(IntegrityViolation):
        take(keeper, "rainbow", 3, line_of(note, OUTSIDE), KEYS)
    with pytest.raises(NotFound):
        take(keeper, "rainbow", 5, line_of(note, OUTSIDE), KEYS)
    for nonsense in (b"", b"nonsense", b"x" * 20_000):
        with pytest.raises(InvalidInput):
            take(keeper, "rainbow", 7, nonsense, KEYS)
    with pytest.raises(InvalidInput, match="algorithm 4"):
        witness_keys([OUTSIDE.key.vkey])


def test_the_commands(
    keeper: LedgerKeeper, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary
) -> None:
    pem = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "signing-key.pem").write_bytes(KEY.private_bytes(*pem))
    file, url = tmp_path / "server.toml", database.engine.url.render_as_string(hide_password=False)
    known = f'[ledger]\nwitnesses = ["{OUTSIDE.witness_key.vkey}"]\n'
    file.write_text(f'[server]\nstate_dir = "{tmp_path}"\n[database]\nurl = "{url}"\n{known}')

    def run(*arguments: str, given: bytes = b"") -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["server.admin", "--settings", str(file), "ledger", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        status = main()
        return status, capfdbinary.readouterr().out.decode()

    assert run("key") == (0, CENTRE.key.vkey + "\n")
    status, asked = run("request", "rainbow", "--from", "3")
    assert (status, asked.startswith("old 3\n")) == (0, True)
    line = line_of(keeper.checkpoint("rainbow"), OUTSIDE)
    assert run("cosign", "rainbow", "--size", "7", given=line)[0] == 0
    status, shown = run("show", "rainbow")
    assert (status, "witness.example" in shown) == (0, True)
    assert run("cosign", "rainbow", "--size", "7", given=b"nonsense")[0] != 0
