"""What a newcomer sees who runs the agent by hand."""

import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.local.commands import REPOSITORY
from edge_agent.app import App
from tests.support.edge import EdgeBox

SERVERS_OWN = ("sqlalchemy", "fastapi", "minio", "botocore", "numpy", "cv2")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edge_agent", *arguments],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_init_makes_the_key_once_and_prints_its_public_half(tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(f'[agent]\nsite_id = "s"\nagent_id = "a"\nstate_dir = "{tmp_path}/state"\n')
    first = run("init", "--settings", str(settings))
    assert first.returncode == 0
    assert "First block" in first.stderr  # which is which; the file itself stays clean
    assert first.stdout.startswith("-----BEGIN PUBLIC KEY-----")
    assert run("init", "--settings", str(settings)).stdout == first.stdout
    key = tmp_path / "state" / "agent-key.pem"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert b"PRIVATE" not in first.stdout.encode()


def test_what_is_wrong_in_the_settings_is_named_with_file_and_key(tmp_path: Path, edge_box: EdgeBox) -> None:
    edge_box.configure({"cam-1": "rtsp://127.0.0.1:1/x"})
    text = edge_box.settings_file.read_text()
    server_pem = str(edge_box.folder / "server.pem")
    wrong = {
        "keepalive": text.replace("[mqtt]", "[mqtt]\nkeepalive = 3"),
        "agent.site_id": text.replace('site_id = "site-1"', 'site_id = "Site 1"'),
        "server.public_key_file": text.replace(server_pem, str(tmp_path / "missing.pem")),
        "agent.state_dir": text.replace(str(edge_box.folder / "state"), str(tmp_path / "empty")),
        "url": text.replace("rtsp://127.0.0.1:1/x", "rtsp://user:password@127.0.0.1/x"),
        "cameras.cam-1.password_file": text + 'username = "viewer"\n',
    }
    files = {key: edge_box.folder / f"{number}.toml" for number, key in enumerate(wrong)}
    for key, content in wrong.items():
        files[key].write_text(content)
    with ThreadPoolExecutor(2) as pool:
        tried = {key: pool.submit(run, "run", "--settings", str(file)) for key, file in files.items()}
    for key, future in tried.items():
        done = future.result()
        assert key in done.stderr
        assert done.returncode == 2, (key, done.stderr)
        assert str(files[key]) in done.stderr
        assert "Traceback" not in done.stderr
        assert "user:password" not in done.stderr


def test_a_second_agent_on_the_same_spool_is_turned_away(edge_box: EdgeBox) -> None:
    settings = edge_box.configure({})
    app = App(settings)
    try:
        done = run("run", "--settings", str(edge_box.settings_file))
        assert done.returncode == 2
        assert "another agent is running" in done.stderr
    finally:
        app.database.close()
        app._lock.release()


def test_the_agent_imports_without_the_servers_libraries() -> None:
    code = f"import sys; sys.modules.update(dict.fromkeys({SERVERS_OWN})); import edge_agent.app, edge_agent.__main__"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
