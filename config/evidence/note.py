"""Signed notes: a text, and signatures by any number of named keys, in lines that a person can read.

    >>> note = SignedNote(text, ()).signed(server).cosigned(agent, at_s)
    >>> note.verified({server.key, agent.key})

Invariant: the text is signed as it stands, byte for byte; a signature that no given key made is carried on and proves
nothing. Which signature algorithm a key uses is part of the key: ``config.wire.suites`` says what each one means, so that
another suite changes no format.

Source: C2SP signed-note and tlog-cosignature (https://c2sp.org); Ed25519 by RFC 8032.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.base.errors import IntegrityViolation, InvalidInput
from config.wire.suites import NOTE_ALGORITHMS

NOTE_BYTES_MAX = 65_536
SIGNATURES_MAX = 16
KEY_ID_BYTES = 4
TIME_BYTES = 8
ED25519, ED25519_COSIGNATURE = 0x01, 0x04
_LINE = "\u2014 "


@dataclass(frozen=True)
class NoteKey:
    """A name and a public key. ``algorithm`` is one of NOTE_ALGORITHMS; a cosigner's key says when it signed."""

    name: str
    algorithm: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell keys of one name apart; a hint, no proof."""
        named = self.name.encode() + b"\n" + bytes([self.algorithm]) + self.public
        return hashlib.sha256(named).digest()[:KEY_ID_BYTES]

    @property
    def vkey(self) -> str:
        """The key as one line of text, to be handed to those who check."""
        encoded = base64.b64encode(bytes([self.algorithm]) + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    @classmethod
    def parse(cls, vkey: str) -> "NoteKey":
        """Raises InvalidInput where the line is no key, or of a suite that is not known here."""
        try:
            name, key_id, encoded = vkey.strip().split("+", 2)
            raw = base64.b64decode(encoded, validate=True)
            key = cls(name, raw[0], raw[1:])
        except (ValueError, IndexError, binascii.Error) as error:
            raise InvalidInput("not a verifier key: name+id+base64 is expected", code="bad_key") from error
        if key.key_id.hex() != key_id or not _is_name(name):
            raise InvalidInput(f"the verifier key of {name[:64]!r} is damaged", code="bad_key")
        if key.algorithm not in NOTE_ALGORITHMS:
            raise InvalidInput(
                f"the verifier key of {name[:64]!r} is of a signature suite that this version does not know",
                code="unknown_suite",
            )
        if len(key.public) != NOTE_ALGORITHMS[key.algorithm].key_bytes:
            raise InvalidInput(f"the verifier key of {name[:64]!r} has not the length of its suite", code="bad_key")
        return key


class NoteSignature(NamedTuple):
    """One signature line; ``blob`` is the signature, after eight bytes of time where it is a cosignature."""

    name: str
    key_id: bytes
    blob: bytes


class NoteSigner:
    """Signs notes under one name with one Ed25519 key."""

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        if not _is_name(name):
            raise InvalidInput(f"{name!r} cannot name a key: no spaces, no plus", code="bad_key")
        self._key = key
        public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.key = NoteKey(name, ED25519, public)
        self.witness_key = NoteKey(name, ED25519_COSIGNATURE, public)

    def sign(self, text: str) -> NoteSignature:
        return NoteSignature(self.key.name, self.key.key_id, self._key.sign(text.encode()))

    def cosign(self, text: str, at_s: int) -> NoteSignature:
        """A witness's signature: it saw this text at ``at_s`` (Unix seconds), and nothing that contradicts it before."""
        signature = self._key.sign(_cosigned(text, at_s))
        return NoteSignature(self.key.name, self.witness_key.key_id, at_s.to_bytes(TIME_BYTES, "big") + signature)


@dataclass(frozen=True)
class SignedNote:
    """A text, which ends with a line break, and its signatures."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def plus(self, signature: NoteSignature) -> "SignedNote":
        """With one more signature; the same one again changes nothing. Raises InvalidInput over SIGNATURES_MAX."""
        if signature in self.signatures:
            return self
        if len(self.signatures) >= SIGNATURES_MAX:
            raise InvalidInput(f"a note carries at most {SIGNATURES_MAX} signatures", code="oversized")
        return replace(self, signatures=(*self.signatures, signature))

    def serialise(self) -> bytes:
        lines = [f"{_LINE}{s.name} {base64.b64encode(s.key_id + s.blob).decode()}\n" for s in self.signatures]
        return (self.text + "\n" + "".join(lines)).encode()

    @classmethod
    def parse(cls, data: bytes) -> "SignedNote":
        """Takes a note apart without believing it. Raises InvalidInput (``oversized``, ``malformed``)."""
        if len(data) > NOTE_BYTES_MAX:
            raise InvalidInput(f"a note of {len(data)} bytes is over {NOTE_BYTES_MAX}", code="oversized")
        try:
            text, separator, lines = data.decode().rpartition("\n\n")
            signatures = tuple(_parsed(line) for line in lines.removesuffix("\n").split("\n"))
        except (UnicodeDecodeError, ValueError, binascii.Error) as error:
            raise InvalidInput("not a signed note", code="malformed") from error
        note = cls(text + "\n", signatures)
        if not separator or not lines.endswith("\n") or len(signatures) > SIGNATURES_MAX or note.serialise() != data:
            raise InvalidInput("not a signed note", code="malformed")
        return note

    def verified(self, keys: Iterable[NoteKey]) -> dict[NoteKey, int | None]:
        """Which of ``keys`` signed, and when where they say so (Unix seconds).

        Raises IntegrityViolation where a line bears the name and id of one of them and does not hold: somebody
        tampered.
        """
        found: dict[NoteKey, int | None] = {}
        for key in keys:
            for signature in self.signatures:
                if (signature.name, signature.key_id) == (key.name, key.key_id):
                    found[key] = self._checked(key, signature)
        return found

    def _checked(self, key: NoteKey, signature: NoteSignature) -> int | None:
        at_s, blob, message = None, signature.blob, self.text.encode()
        if key.algorithm == ED25519_COSIGNATURE:
            at_s, blob = int.from_bytes(blob[:TIME_BYTES], "big"), blob[TIME_BYTES:]
            message = _cosigned(self.text, at_s)
        if not NOTE_ALGORITHMS[key.algorithm].holds(key.public, blob, message):
            raise IntegrityViolation(f"the signature of {key.name} does not match the note", code="bad_signature")
        return at_s


def _cosigned(text: str, at_s: int) -> bytes:
    return f"cosignature/v1\ntime {at_s}\n{text}".encode()


def _parsed(line: str) -> NoteSignature:
    name, _, encoded = line.removeprefix(_LINE).partition(" ")
    raw = base64.b64decode(encoded, validate=True)
    if not line.startswith(_LINE) or not _is_name(name) or len(raw) <= KEY_ID_BYTES:
        raise ValueError(line[:40])
    return NoteSignature(name, raw[:KEY_ID_BYTES], raw[KEY_ID_BYTES:])


def _is_name(name: str) -> bool:
    return 0 < len(name) <= 200 and name.isascii() and name.isprintable() and not set(name) & {" ", "+"}
