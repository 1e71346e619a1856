"""The bytes on the wire, kept in ``golden/``: an agent written today must be understood for years.

The key is the first test vector of RFC 8032, section 7.1; Ed25519 signatures are deterministic, so the whole envelope
is. Where a change of the contract is meant: ``python -m tests.contract.test_golden_bytes`` writes the files anew.
"""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.base.errors import IntegrityViolation, InvalidInput
from config.wire.catalogue import CATALOGUE
from config.wire.envelope import Signer, decode_payload, key_id, open_envelope, pre_authentication_encoding
from tests.contract.samples import SAMPLES

GOLDEN = Path(__file__).with_name("golden")
KEY = Ed25519PrivateKey.from_private_bytes(
    bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
)
NAMES = sorted(SAMPLES)


def golden_file(name: str) -> Path:
    version = next(kind.version for kind in CATALOGUE if kind.name == name)
    return GOLDEN / f"{name}.v{version}.json"


@pytest.mark.parametrize("name", NAMES)
def test_a_message_is_sealed_to_exactly_these_bytes(name: str) -> None:
    assert Signer(KEY).seal(SAMPLES[name]) == golden_file(name).read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_these_bytes_are_still_understood(name: str) -> None:
    opened = open_envelope(golden_file(name).read_bytes())
    opened.verify(KEY.public_key())
    assert opened.key_id == key_id(KEY.public_key()) == "21fe31dfa154a261626bf854046fd227"
    assert decode_payload(opened) == SAMPLES[name]


def test_every_kind_has_its_file_and_no_other_is_there() -> None:
    assert {kind.name for kind in CATALOGUE} == set(SAMPLES)
    assert {file.name for file in GOLDEN.iterdir()} == {golden_file(name).name for name in NAMES}


def test_the_signed_bytes_are_those_of_the_dsse_specification() -> None:
    encoded = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world")
    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


@pytest.mark.parametrize("name", NAMES)
def test_any_flipped_byte_is_refused(name: str) -> None:
    whole = golden_file(name).read_bytes()
    for position in range(0, len(whole), 7):
        torn = bytearray(whole)
        torn[position] ^= 0x01
        try:
            opened = open_envelope(bytes(torn))
            opened.verify(KEY.public_key())
        except (InvalidInput, IntegrityViolation):
            continue
        # What is left is the key id, which is a hint, and base64's unused bits, which are not part of the message.
        assert decode_payload(opened) == SAMPLES[name]


def test_fields_that_a_later_minor_version_may_add_are_ignored() -> None:
    opened = open_envelope(golden_file("presence").read_bytes())
    extended = opened.payload[:-1] + b',"colour":"blue"}'
    signature = KEY.sign(pre_authentication_encoding(opened.payload_type, extended))
    assert decode_payload(type(opened)(opened.payload_type, extended, opened.key_id, signature)) == SAMPLES["presence"]


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for sample in NAMES:
        golden_file(sample).write_bytes(Signer(KEY).seal(SAMPLES[sample]))
