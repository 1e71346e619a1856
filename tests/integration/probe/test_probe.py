"""Footage is decoded in a process of its own: whatever it does there, here is an answer or a refusal."""

import os
from pathlib import Path

import numpy as np
import pytest

from config.base.errors import InvalidInput, Unavailable
from edge_agent.diagnosis.measuring import measure, unchanged_between
from server.domain.deep_audit import Footage
from server.probe import child
from server.probe.parent import probe
from server.services.audit.look_at_recording import KNOWN_GOOD, KNOWN_GOOD_US
from tests.support.footage import SECONDS, clip


def probed(data: bytes, tmp_path: Path, **options: object) -> Footage:
    file = tmp_path / "segment"
    file.write_bytes(data)
    with file.open("rb") as opened:
        return probe(opened, SECONDS * 1_000_000, **options)


def script(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "child.py"
    file.write_text(text)
    return file


def test_what_footage_says_of_itself(tmp_path):
    found = probed(clip("sound"), tmp_path)
    assert (found.duration_us, found.frames) == (SECONDS * 1_000_000, SECONDS)
    assert found.pictures == len(found.dark) == len(found.unchanged) + 1 >= 10
    assert max(found.unchanged) < 0.42
    assert max(found.dark) < 0.9


def test_what_is_known_to_be_good_is_decoded():
    with KNOWN_GOOD.open("rb") as file:
        assert probe(file, KNOWN_GOOD_US).pictures == 2


@pytest.mark.parametrize("cut", [0, 1, 40, 900, 3_000])
def test_what_is_no_footage_is_refused(tmp_path, cut):
    with pytest.raises(InvalidInput):
        probed(clip("sound")[:cut], tmp_path)


def test_a_playlist_names_no_other_file(tmp_path):
    (tmp_path / "other.mp4").write_bytes(clip("sound"))
    playlist = f"#EXTM3U\n#EXTINF:10,\nfile://{tmp_path / 'other.mp4'}\n#EXT-X-ENDLIST\n"
    for data in (playlist, f"ffconcat version 1.0\nfile '{tmp_path / 'other.mp4'}'\n"):
        with pytest.raises(InvalidInput):
            probed(data.encode(), tmp_path)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", InvalidInput),
        ("import os; os.abort()", InvalidInput),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", Unavailable),
        ("import time; time.sleep(60)", Unavailable),
        ("import sys; sys.exit(1)", Unavailable),
        ("import resource; resource.setrlimit(resource.RLIMIT_AS, (2**28, 2**28)); bytearray(2**29)", Unavailable),
        ("print('x' * 100_000)", Unavailable),
        ("while True: print('x' * 100_000)", Unavailable),
        ("import os, time; os.close(1); time.sleep(60)", Unavailable),
        ("import sys; sys.stderr.write('x' * 1_000_000); print('{')", InvalidInput),
        ("print('{')", InvalidInput),
        ("print('{\"dark\": [7]}')", InvalidInput),
    ],
)
def test_a_decoder_that_breaks_down_takes_nothing_with_it(tmp_path, text, error):
    with pytest.raises(error):
        probed(b"", tmp_path, child=script(tmp_path, text), wait_s=2.0)


def test_it_is_given_no_environment_and_none_of_our_files(tmp_path, monkeypatch):
    monkeypatch.setenv("NIGHTLIGHT_SERVER__STORE__SECRET_KEY_FILE", "/somewhere")
    secret = (tmp_path / "secret").open("wb")
    os.set_inheritable(secret.fileno(), True)
    text = (
        "import os, sys\n"
        "named = [name for name in os.environ if 'NIGHTLIGHT' in name]\n"
        "files = [n for n in os.listdir('/proc/self/fd') if 'secret' in os.path.realpath(f'/proc/self/fd/{n}')]\n"
        "here = [path for path in sys.path if os.path.exists(os.path.join(path, 'server'))]\n"
        "print('{\"error\": \"%s\"}' % (named + files + here or 'nothing'))\n"
    )
    with pytest.raises(InvalidInput, match="nothing"):
        probed(b"", tmp_path, child=script(tmp_path, text))
    secret.close()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8, 1.0])
def test_it_measures_what_the_agents_measure(share):
    noise = np.random.default_rng(3)
    before = noise.integers(40, 200, (180, 320), dtype=np.uint8)
    now = before.copy()
    rows = round(180 * (1 - share))
    now[:rows] += 3
    agents = unchanged_between(*(measure(np.stack([luma] * 3, axis=-1)) for luma in (now, before)))
    assert child._unchanged(now.tobytes(), before.tobytes()) == pytest.approx(agents, abs=0.01)
    dark = 1 - float(measure(np.stack([now] * 3, axis=-1)).percentiles[6]) / 255
    assert child._dark(now.tobytes()) == pytest.approx(dark, abs=0.02)


def test_black_pictures_tell_nothing_about_standing_still():
    black = bytes([10]) * (320 * 180)
    assert child._unchanged(black, bytes(320 * 180)) is None
    assert child._dark(bytes(320 * 180)) == 1.0
