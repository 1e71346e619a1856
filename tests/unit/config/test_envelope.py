"""What a stranger may send as an envelope: it is opened or refused, and never takes the reader down."""

import base64

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.base.errors import InvalidInput
from config.wire.catalogue import PAYLOAD_TYPE
from config.wire.envelope import ENVELOPE_BYTES_MAX, Signer, decode_payload, open_envelope
from config.wire.segments import SegmentRecorded

NESTED = b"[" * 40_000


@pytest.mark.parametrize(
    "data",
    [
        b"",
        NESTED,
        b'{"payload":' + NESTED,
        b'{"unknown":' + NESTED,
        '{"payload":"é","payloadType":"x","signatures":[{"keyid":"a","sig":"AA=="}]}'.encode(),
        '{"payload":"AA==","payloadType":"x","signatures":[{"keyid":"a","sig":"é"}]}'.encode(),
        b'{"payload":"AA==","payloadType":"x","signatures":[]}',
        b'{"payload":"A","payloadType":"x","signatures":[{"keyid":"a","sig":"AA=="}]}',
        b"x" * (ENVELOPE_BYTES_MAX + 1),
    ],
    ids=["empty", "nested", "nested payload", "nested elsewhere", "payload", "signature", "unsigned", "cut", "large"],
)
def test_what_is_no_envelope_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        open_envelope(data)


def test_a_payload_that_nests_without_end_is_refused() -> None:
    signer = Signer(Ed25519PrivateKey.from_private_bytes(b"n" * 32))
    sealed = msgspec.json.encode(
        {
            "payload": base64.b64encode(b'{"unknown":' + NESTED).decode(),
            "payloadType": PAYLOAD_TYPE[SegmentRecorded],
            "signatures": [{"keyid": signer.key_id, "sig": "AA=="}],
        }
    )
    with pytest.raises(InvalidInput):
        decode_payload(open_envelope(sealed))
