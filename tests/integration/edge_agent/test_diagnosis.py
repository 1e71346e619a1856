"""A running agent whose camera shows a screen of its own for a while: the finding, its still, and its end."""

import hashlib
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from config.wire.findings import FindingStill, PictureFinding
from config.wire.sealing import finding_still, open_sealed, sealing_public_pem
from tests.support.edge import AGENT, EdgeBox, wait_for

GOOD_S, SCREEN_S, FPS = 8, 6, 10
RULE = {"raise_after": 3, "raise_of": 4, "clear_after": 3}
MASK = [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]


def room() -> np.ndarray:
    rng = np.random.default_rng(3)
    scene = np.full((360, 640, 3), 120, np.uint8)
    for _ in range(80):
        x, y = int(rng.integers(0, 600)), int(rng.integers(0, 330))
        cv2.rectangle(scene, (x, y), (x + 50, y + 36), [int(c) for c in rng.integers(40, 220, 3)], -1)
    return scene


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight good seconds, then six of a blue screen; a keyframe twice a second."""
    file, rng, good = tmp_path_factory.mktemp("clip") / "room.mp4", np.random.default_rng(4), room()
    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        stream.time_base = Fraction(1, FPS)
        stream.options = {"preset": "ultrafast", "tune": "zerolatency", "g": "5", "crf": "26"}
        for number in range((GOOD_S + SCREEN_S) * FPS):
            picture = np.full((360, 640, 3), (170, 30, 10), np.uint8)
            if number < GOOD_S * FPS:
                picture = np.clip(good + rng.normal(0, 5, good.shape), 0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))
    return file


def told(box: EdgeBox, state: str) -> list[PictureFinding]:
    found = [said for said in box.outbox("picture-finding") if isinstance(said, PictureFinding)]
    return [said for said in found if (said.finding, said.state) == ("signal_loss", state)]


def test_a_finding_is_raised_with_a_masked_still_and_cleared(edge_box: EdgeBox, clip: Path) -> None:
    key = X25519PrivateKey.generate()
    (edge_box.folder / "sealing.pem").write_text(sealing_public_pem(key.public_key()))
    settings = {"threshold": 0.75, **RULE}
    edge_box.configure(
        {"nap-room": f"file:{clip}"},
        server={"sealing_key_file": str(edge_box.folder / "sealing.pem")},
        diagnosis={"every_s": 0.5},
        **{"diagnosis.findings.signal_loss": settings},
    )
    with edge_box.settings_file.open("a") as settings_file:
        settings_file.write(f"privacy_masks = [{MASK}]\n")
    edge_box.start()
    try:
        raised = wait_for("signal_loss raised", lambda: told(edge_box, "raised"), 60)[0]
        still = wait_for("its still", lambda: edge_box.outbox("finding-still"), 10)[0]
        cleared = wait_for(
            "signal_loss cleared",
            lambda: [one for one in told(edge_box, "cleared") if one.finding_id == raised.finding_id],
            60,
        )[0]
    finally:
        assert edge_box.stop() == 0
    assert isinstance(still, FindingStill)
    assert (raised.still_sha256, still.finding_id) == (still.sha256, raised.finding_id)
    jpeg = open_sealed(key, still.sealed, finding_still(AGENT, "nap-room", raised.finding_id))
    assert hashlib.sha256(jpeg).hexdigest() == still.sha256
    shown = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert shown[:, :150].max() < 20
    assert shown[:, 170:, 0].mean() > 120
    assert raised.since_us < raised.at_us
    assert cleared.since_us == raised.since_us
    assert cleared.until_us is not None
    lasted_s = (cleared.until_us - raised.since_us) / 1e6
    assert SCREEN_S - 2 < lasted_s < SCREEN_S + 3
    assert (edge_box.folder / "state" / "diagnosis" / "nap-room.view").exists()
