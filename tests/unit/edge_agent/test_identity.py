"""The agent's keys: made once, readable by nobody else, and both public halves given out together."""

import stat
from pathlib import Path

import pytest

from config.base.errors import ConfigurationError
from config.wire.sealing import camera_password, open_sealed, read_sealing_public_pem, seal_to
from edge_agent.identity import KEY_FILE, SEALING_KEY_FILE, create_key, load_sealing_key, load_signer


def test_both_keys_are_made_once_and_their_public_halves_printed(tmp_path: Path) -> None:
    printed = create_key(tmp_path)
    assert printed == create_key(tmp_path)
    assert printed.startswith(load_signer(tmp_path).public_pem.decode())
    sealing = printed[printed.rindex("-----BEGIN") :]
    context = camera_password("box", "camera", "192.0.2.1")
    assert (
        open_sealed(load_sealing_key(tmp_path), seal_to(read_sealing_public_pem(sealing), b"x", context), context)
        == b"x"
    )


@pytest.mark.parametrize("file", [KEY_FILE, SEALING_KEY_FILE])
def test_a_key_is_readable_by_its_owner_alone(tmp_path: Path, file: str) -> None:
    create_key(tmp_path)
    assert stat.S_IMODE((tmp_path / file).stat().st_mode) == 0o600


@pytest.mark.parametrize("file", [KEY_FILE, SEALING_KEY_FILE])
def test_keys_of_the_wrong_kind_stop_the_agent_and_name_the_file(tmp_path: Path, file: str) -> None:
    create_key(tmp_path)
    other = KEY_FILE if file == SEALING_KEY_FILE else SEALING_KEY_FILE
    (tmp_path / file).write_bytes((tmp_path / other).read_bytes())
    with pytest.raises(ConfigurationError, match=file):
        create_key(tmp_path)
