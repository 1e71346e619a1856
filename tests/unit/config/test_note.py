"""Signed notes and checkpoints: the published example, forgeries, and everything malformed."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from config.base.errors import IntegrityViolation, InvalidInput
from config.evidence.checkpoint import Checkpoint
from config.evidence.note import NoteKey, NoteSigner, SignedNote

SERVER = NoteSigner("nightlight.example", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
WITNESS = NoteSigner("edge-rainbow", Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33))))
CHECKPOINT = Checkpoint("nightlight.example/ledger/rainbow", 20, bytes(range(32)))
NOTE = SignedNote(CHECKPOINT.text(), ()).plus(SERVER.sign(CHECKPOINT.text()))


def test_the_example_of_the_go_implementation_verifies() -> None:
    # golang.org/x/mod/sumdb/note, package documentation.
    key = NoteKey.parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    text = (
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
        "\n\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    )
    assert SignedNote.parse(text.encode()).verified([key]) == {key: None}


def test_a_note_is_read_back_as_it_was_written() -> None:
    note = NOTE.plus(WITNESS.cosign(NOTE.text, 1_800_000_000))
    again = SignedNote.parse(note.serialise())
    assert again == note
    assert Checkpoint.parse(again.text) == CHECKPOINT
    keys = [SERVER.key, WITNESS.witness_key]
    assert again.verified(keys) == {SERVER.key: None, WITNESS.witness_key: 1_800_000_000}
    assert NoteKey.parse(SERVER.key.vkey) == SERVER.key


def test_a_stranger_signature_proves_nothing_and_does_no_harm() -> None:
    assert NOTE.plus(WITNESS.sign(NOTE.text)).verified([SERVER.key]) == {SERVER.key: None}
    assert NOTE.verified([WITNESS.key]) == {}


def test_another_text_under_the_signature_is_tampering() -> None:
    other = SignedNote(CHECKPOINT._replace(size=21).text(), NOTE.signatures)
    with pytest.raises(IntegrityViolation):
        other.verified([SERVER.key])


def test_a_cosignature_of_another_time_is_tampering() -> None:
    signature = WITNESS.cosign(NOTE.text, 100)
    later = signature._replace(blob=(101).to_bytes(8, "big") + signature.blob[8:])
    with pytest.raises(IntegrityViolation):
        NOTE.plus(later).verified([WITNESS.witness_key])


def test_the_same_signature_twice_is_one() -> None:
    assert NOTE.plus(NOTE.signatures[0]) == NOTE


def test_signatures_are_bounded() -> None:
    note = NOTE
    for at_s in range(15):
        note = note.plus(WITNESS.cosign(NOTE.text, at_s))
    with pytest.raises(InvalidInput):
        note.plus(WITNESS.cosign(NOTE.text, 99))


@given(at=st.integers(0, len(NOTE.serialise()) - 1), bit=st.integers(0, 7))
def test_no_flipped_bit_leaves_a_verified_note(at: int, bit: int) -> None:
    spoiled = bytearray(NOTE.serialise())
    spoiled[at] ^= 1 << bit
    try:
        found = SignedNote.parse(bytes(spoiled)).verified([SERVER.key])
    except (InvalidInput, IntegrityViolation):
        return
    assert found == {}


@pytest.mark.parametrize(
    "vkey",
    ["", "a+b", "a b+00000000+AQ==", SERVER.key.vkey[:-4] + "AAAA", SERVER.key.vkey.replace("+", "+ff", 1), "x+y+!"],
)
def test_what_is_no_key_is_refused(vkey: str) -> None:
    with pytest.raises(InvalidInput):
        NoteKey.parse(vkey)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "小夜灯", "x" * 201])
def test_a_name_that_a_line_cannot_carry_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        NoteSigner(name, Ed25519PrivateKey.generate())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n1\n",
        "a\nx\nAAAA\n",
        CHECKPOINT.text() + "more\n",
        CHECKPOINT.text().replace("20", "020"),
        CHECKPOINT.text().replace("20", "-1"),
        "a\n1\n" + base64.b64encode(b"short").decode() + "\n",
        "\n1\n" + base64.b64encode(bytes(32)).decode() + "\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        Checkpoint.parse(text)


@pytest.mark.parametrize(
    "data", [b"", b"text\n", b"text\n\nno signature\n", NOTE.serialise()[:-1], b"\xff\n\n", bytes(70_000)]
)
def test_what_is_no_note_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        SignedNote.parse(data)
