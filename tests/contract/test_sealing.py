"""Sealed boxes: an agent installed today must open what is sealed for it in years, by any implementation of RFC 9180.

The recipient's key is that of RFC 9180, appendix A.1.1; the box was sealed once and is kept.
"""

import base64

import pytest
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from config.base.errors import IntegrityViolation, InvalidInput
from config.wire import sealing
from config.wire.envelope import ENVELOPE_BYTES_MAX
from config.wire.sealing import SealedBox, camera_password, open_sealed, seal_to

KEY = X25519PrivateKey.from_private_bytes(
    bytes.fromhex("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8")
)
CONTEXT = camera_password("sunflower-box", "nap-room", "192.0.2.10")
SECRET = "蓝色小马 password".encode()
GOLDEN = SealedBox(
    key_id="8b228cd75ab70badbec1beb5233f068a",
    box="T5uE967iP7QP/ju2L7jeVuDTPOqKbHxczWBZg/JcogWm6K+fJxu3vSNmfrZ6vzaXqruXz/7yvyzpqVva9/rMKkgvdQiR",
)


def test_a_box_of_long_ago_still_opens() -> None:
    assert open_sealed(KEY, GOLDEN, CONTEXT) == SECRET


def test_what_was_sealed_is_opened_and_no_two_boxes_are_alike() -> None:
    boxes = [seal_to(KEY.public_key(), SECRET, CONTEXT) for _ in range(2)]
    assert boxes[0].box != boxes[1].box
    assert [open_sealed(KEY, box, CONTEXT) for box in boxes] == [SECRET, SECRET]
    assert boxes[0].key_id == GOLDEN.key_id
    assert len(base64.b64decode(boxes[0].box)) == len(SECRET) + sealing.OVERHEAD_BYTES


@pytest.mark.parametrize(
    "context",
    [
        camera_password("sunflower-box", "nap-room", "198.51.100.7"),
        camera_password("sunflower-box", "garden", "192.0.2.10"),
        camera_password("another-box", "nap-room", "192.0.2.10"),
        sealing.finding_still("sunflower-box", "nap-room", "192.0.2.10"),
        sealing.discovered_picture("sunflower-box", "nap-room"),
    ],
    ids=["another host", "another camera", "another agent", "another purpose", "fewer parts"],
)
def test_it_opens_for_nothing_that_it_was_not_made_for(context) -> None:
    with pytest.raises(IntegrityViolation) as refused:
        open_sealed(KEY, GOLDEN, context)
    assert refused.value.code == "bad_seal"


def test_another_key_is_told_apart_from_an_altered_box() -> None:
    with pytest.raises(IntegrityViolation) as refused:
        open_sealed(X25519PrivateKey.generate(), GOLDEN, CONTEXT)
    assert refused.value.code == "wrong_key"


@pytest.mark.parametrize("box", ["", "=", "AAAA", "A" * 88, "é" * 8, GOLDEN.box[:-8], "B" + GOLDEN.box[1:]])
def test_an_altered_box_is_refused(box: str) -> None:
    with pytest.raises(IntegrityViolation) as refused:
        open_sealed(KEY, SealedBox(key_id=GOLDEN.key_id, box=box), CONTEXT)
    assert refused.value.code == "bad_seal"


def test_a_secret_has_a_bound_and_its_box_fits_into_an_envelope() -> None:
    box = seal_to(KEY.public_key(), bytes(sealing.SECRET_BYTES_MAX), CONTEXT)
    assert len(box.box) == sealing.BOX_CHARS_MAX
    assert len(base64.b64encode(box.box.encode())) < ENVELOPE_BYTES_MAX - 4_096
    with pytest.raises(InvalidInput) as refused:
        seal_to(KEY.public_key(), bytes(sealing.SECRET_BYTES_MAX + 1), CONTEXT)
    assert refused.value.code == "oversized"


@pytest.mark.parametrize("host", ["", "a/b", "a b", "a" * 256, "cámara"])
def test_a_context_cannot_be_forged_from_odd_parts(host: str) -> None:
    with pytest.raises(InvalidInput):
        camera_password("box", "camera", host)


def test_hosts_are_compared_without_case() -> None:
    assert camera_password("box", "camera", "Cam.Local") == camera_password("box", "camera", "cam.local")
    assert camera_password("box", "camera", "cam.local").info == b"nightlight/v1/camera-password/box/camera/cam.local"


def test_public_keys_travel_as_pem() -> None:
    pem = sealing.sealing_public_pem(KEY.public_key())
    assert sealing.read_sealing_public_pem(pem) == KEY.public_key()
    of_another_kind = Ed25519PrivateKey.generate().public_key()
    for text in (
        "",
        "nonsense",
        of_another_kind.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
    ):
        with pytest.raises(InvalidInput):
            sealing.read_sealing_public_pem(text)


# RFC 9180 written out, to show that a box needs nothing of this library's own: base mode, DHKEM(X25519, HKDF-SHA256),
# HKDF-SHA256, AES-128-GCM.

KEM_ID, KDF_ID, AEAD_ID = (0x0020).to_bytes(2), (0x0001).to_bytes(2), (0x0001).to_bytes(2)
KEM_SUITE, SUITE = b"KEM" + KEM_ID, b"HPKE" + KEM_ID + KDF_ID + AEAD_ID


def _extract(suite: bytes, salt: bytes, label: bytes, material: bytes) -> bytes:
    code = hmac.HMAC(salt or bytes(32), hashes.SHA256())
    code.update(b"HPKE-v1" + suite + label + material)
    return code.finalize()


def _expand(suite: bytes, secret: bytes, label: bytes, info: bytes, length: int) -> bytes:
    labelled = length.to_bytes(2) + b"HPKE-v1" + suite + label + info
    return HKDFExpand(hashes.SHA256(), length, labelled).derive(secret)


def _open_by_the_rfc(key: X25519PrivateKey, enc: bytes, ciphertext: bytes, info: bytes, aad: bytes) -> bytes:
    shared = key.exchange(X25519PublicKey.from_public_bytes(enc))
    kem_context = enc + key.public_key().public_bytes_raw()
    secret = _expand(KEM_SUITE, _extract(KEM_SUITE, b"", b"eae_prk", shared), b"shared_secret", kem_context, 32)
    schedule = b"\x00" + _extract(SUITE, b"", b"psk_id_hash", b"") + _extract(SUITE, b"", b"info_hash", info)
    secret = _extract(SUITE, secret, b"secret", b"")
    aead_key = _expand(SUITE, secret, b"key", schedule, 16)
    nonce = _expand(SUITE, secret, b"base_nonce", schedule, 12)
    return AESGCM(aead_key).decrypt(nonce, ciphertext, aad)


def test_the_vector_of_the_rfc_and_our_box_open_by_the_same_steps() -> None:
    """RFC 9180, appendix A.1.1.1, sequence number 0."""
    plaintext = _open_by_the_rfc(
        KEY,
        bytes.fromhex("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431"),
        bytes.fromhex("f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a"),
        bytes.fromhex("4f6465206f6e2061204772656369616e2055726e"),
        bytes.fromhex("436f756e742d30"),
    )
    assert plaintext == b"Beauty is truth, truth beauty"
    box = base64.b64decode(GOLDEN.box)
    assert _open_by_the_rfc(KEY, box[:32], box[32:], CONTEXT.info, b"") == SECRET
