"""A Mosquitto broker on loopback, as in production: TLS with client certificates, and rights by identity.

Invariant: an agent can write its own upward topics and read its own downward topic, nothing else; keys lie in files of
mode 0600, never in an argument list. A broker with an authority of its own knows the agents that it is given; one that is
given the server's files is told by ``server.jobs`` who may come in.
Standard library only, until a broker starts. Source: mosquitto.conf(5).
"""

import os
import pwd
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from config.base.errors import ConfigurationError, Unavailable
from deploy.local.commands import REPOSITORY, tail
from deploy.local.leash import leashed
from deploy.local.packages import security_plugin, which

TEMPLATE = REPOSITORY / "deploy" / "mosquitto" / "mosquitto.conf"
READY_WITHIN_S = 20.0
STOP_WITHIN_S = 5.0


@dataclass(frozen=True)
class AgentIdentity:
    """One agent as the broker knows it: its certificate's common name is its agent id."""

    site_id: str
    agent_id: str


class Broker:
    """One broker and its state directory; ``files``: the folder that the server made for it."""

    def __init__(
        self, state_dir: Path, port: int, agents: tuple[AgentIdentity, ...] = (), *, files: Path | None = None
    ) -> None:
        self.port = port
        self.log = state_dir / "mosquitto.log"
        self.pid_file = state_dir / "mosquitto.pid"
        self._state_dir = state_dir
        self._agents = agents
        self._files = files or state_dir / "files"
        self._own = files is None
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def authority_file(self) -> Path:
        """Whose certificates it takes, and who vouches for its own."""
        return self._files / "authority.pem"

    @property
    def authority_key_file(self) -> Path:
        """Its key, where the authority is the broker's own."""
        return self._state_dir / "identities" / "authority-key.pem"

    def certificate_file(self, user: str) -> Path:
        """Certificate and key of ``ingest``, ``broker-access`` or an agent, where the authority is the broker's own."""
        return self._state_dir / "identities" / f"{user}.pem"

    def start(self) -> None:
        """Returns when it accepts connections; what it held before is kept. Raises ConfigurationError, Unavailable."""
        mosquitto = which("mosquitto")
        if mosquitto is None:
            raise ConfigurationError("no mosquitto here: run python3 dev.py setup")
        self._write_files()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                leashed([str(mosquitto), "-c", str(self._state_dir / "mosquitto.conf")]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + READY_WITHIN_S
        while not _answers(self.port):
            if self.process.poll() is not None:
                raise Unavailable(f"the broker stopped at once:\n{tail(self.log)}")
            if time.monotonic() > deadline:
                raise Unavailable(f"the broker does not answer on port {self.port}:\n{tail(self.log)}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Ends it in order: it writes what it holds to disk first."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def _write_files(self) -> None:
        state = self._state_dir
        data = state / "data"
        for folder in (state, data):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._own:
            # Not at the top: dev.py reads this module before there is an environment.
            from deploy.local.identities import make_identities

            make_identities(
                self._state_dir / "identities", self._files, [(a.site_id, a.agent_id) for a in self._agents]
            )
        filled = TEMPLATE.read_text()
        for word, value in {
            "PORT": self.port,
            "ADDRESS": "127.0.0.1",
            "PLUGIN": security_plugin(),
            "FILES": self._files,
            "PID_FILE": self.pid_file,
            "DATA_DIR": data,
        }.items():
            filled = filled.replace(f"@{word}@", str(value))
        # Started by root, Mosquitto would become another user, who may not read these files.
        write_secret(state / "mosquitto.conf", f"{filled}\nuser {_user()}\n")


def write_secret(path: Path, content: str) -> None:
    """Writes a file that only its owner may read, in one step."""
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    part.touch(0o600)
    part.write_text(content)
    part.replace(path)


def version() -> str:
    """``mosquitto 2.0.11``, for reports."""
    mosquitto = which("mosquitto")
    if mosquitto is None:
        return "none"
    said = subprocess.run([mosquitto, "-h"], capture_output=True, text=True, check=False).stdout.split()
    return f"mosquitto {said[2]}" if len(said) > 2 else "mosquitto"


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _user() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name
