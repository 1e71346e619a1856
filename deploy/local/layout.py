"""Where the local stack keeps what, and the settings files that it writes for its processes.

Invariant: everything lies under one directory of mode 0700; secrets are files of mode 0600 and stand in no settings
file. Ports are remembered, so that an address that was noted down still holds after a restart.
"""

import json
import random
import secrets
import shutil
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.base.errors import ResourceExhausted
from deploy.local.broker import write_secret

Value = str | int | float | bool | list[str]
SEGMENT_S = 10
PORTS = range(22_000, 32_000)
"""Below the range from which Linux takes ports for outgoing connections, so that a noted port stays free."""
TRIES = 100


@dataclass(frozen=True)
class Layout:
    """The folders under one root."""

    root: Path

    def make(self) -> None:
        """Creates what is missing."""
        for folder in (self.root, self.logs, self.server, self.accounts, self.cameras, self.broker, self.store):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.root.chmod(0o700)

    def clear(self) -> None:
        """Forgets everything that was recorded; the lock stays with whoever holds it."""
        for entry in self.root.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry != self.lock:
                entry.unlink()
        self.make()

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def server(self) -> Path:
        return self.root / "server"

    @property
    def server_settings(self) -> Path:
        return self.server / "settings.toml"

    @property
    def signing_key(self) -> Path:
        return self.server / "signing-key.pem"

    @property
    def accounts(self) -> Path:
        return self.root / "accounts"

    @property
    def cameras(self) -> Path:
        return self.root / "cameras"

    @property
    def broker(self) -> Path:
        return self.root / "broker"

    @property
    def store(self) -> Path:
        return self.root / "store"

    def agent(self, agent_id: str) -> Path:
        """The folder of one agent."""
        return self.root / "agents" / agent_id

    def secret(self, folder: Path, name: str) -> str:
        """A random password that is made once and kept."""
        file = folder / name
        if not file.exists():
            write_secret(file, secrets.token_urlsafe(12))
        return file.read_text().strip()

    def port(self, name: str, wanted: int = 0) -> int:
        """The port of the last start where it is free, else ``wanted``, else another free one; remembered."""
        known = self._known_ports()
        candidates = [known.get(name, 0), wanted, *random.sample(PORTS, TRIES)]
        port = next((candidate for candidate in candidates if candidate and _is_free(candidate)), None)
        if port is None:
            raise ResourceExhausted("no free port on loopback")
        (self.root / "ports.json").write_text(json.dumps(known | {name: port}))
        return port

    def _known_ports(self) -> dict[str, int]:
        try:
            known: dict[str, int] = json.loads((self.root / "ports.json").read_text())
        except (OSError, ValueError):
            return {}
        return known


def write_settings(
    file: Path,
    tables: Mapping[str, Mapping[str, Value]],
    cameras: Sequence[Mapping[str, Value]] = (),
    panels: Sequence[Mapping[str, Value]] = (),
) -> None:
    """A TOML file: tables, then one ``[[alarms.panels]]`` and one ``[[cameras]]`` each."""
    parts = [_table(f"[{name}]", table) for name, table in tables.items()]
    parts += [_table("[[alarms.panels]]", panel) for panel in panels]
    parts += [_table("[[cameras]]", camera) for camera in cameras]
    write_secret(file, "\n".join(parts))


def _table(head: str, table: Mapping[str, Value]) -> str:
    return f"{head}\n" + "".join(f"{key} = {_literal(value)}\n" for key, value in table.items())


def _literal(value: Value) -> str:
    # A JSON string is a TOML basic string: the same quotes, the same escapes.
    return json.dumps(value, ensure_ascii=False)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
