"""A real agent behind a real broker: it cosigns its site's ledger, remembers it over kill -9, and tells of a fork."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from config.base.ids import fresh_id
from config.evidence import merkle
from config.evidence.checkpoint import Checkpoint
from config.evidence.note import ED25519_COSIGNATURE, NoteKey, NoteSigner, SignedNote
from config.wire.notices import BoxNotice
from config.wire.status import Presence
from config.wire.witness import CheckpointSeen, LedgerCheckpoint
from tests.support.edge import AGENT, SITE, EdgeBox, StandInServer, wait_for


def shown(signer: NoteSigner, leaves: list[bytes]) -> LedgerCheckpoint:
    text = Checkpoint(f"nightlight.example/ledger/{SITE}", len(leaves), merkle.root_of(leaves)).text()
    return LedgerCheckpoint(
        message_id=fresh_id(),
        site_id=SITE,
        agent_id=AGENT,
        note=SignedNote(text, (signer.sign(text),)).serialise().decode(),
        older_size=0,
        consistency=[],
    )


def test_it_cosigns_and_after_a_kill_it_still_refuses_a_fork(edge_box: EdgeBox, stand_in: StandInServer) -> None:
    key = edge_box.server._key
    assert isinstance(key, Ed25519PrivateKey)
    signer = NoteSigner("nightlight.example", key)
    leaves = [merkle.leaf_hash(b"%d" % number) for number in range(5)]
    true, forked = shown(signer, leaves), shown(signer, [*leaves[:4], merkle.leaf_hash(b"another")])
    edge_box.configure({}, mqtt=stand_in.mqtt(), server={"url": stand_in.url})
    edge_box.start()
    wait_for("the agent", lambda: stand_in.of(Presence))
    stand_in.say(true)
    (seen,) = wait_for("the cosignature", lambda: stand_in.of(CheckpointSeen))
    public = load_pem_public_key(edge_box.public_key.encode()).public_bytes_raw()  # type: ignore[union-attr]
    witness = NoteKey(AGENT, ED25519_COSIGNATURE, public)
    note = SignedNote.parse(true.note.encode())
    assert witness in SignedNote.parse(f"{note.text}\n{seen.cosignature}".encode()).verified([witness])
    edge_box.kill()
    known = len(stand_in.of(Presence))
    edge_box.start()
    wait_for("the agent again", lambda: len([p for p in stand_in.of(Presence)[known:] if p.state == "online"]) > 0)
    stand_in.say(forked)
    refused = wait_for("the refusal", lambda: [s for s in stand_in.of(CheckpointSeen) if s.outcome == "refused"])[0]
    assert (refused.why, refused.kept_size, refused.cosignature) == ("forked", 5, "")
    (notice,) = wait_for("the alarm", lambda: stand_in.of(BoxNotice))
    assert (notice.notice, notice.raised) == ("ledger_forked", True)
