"""A Mosquitto broker on loopback with an identity, a password and an access list for every client.

Standard library only. Invariant: an agent can write its own upward topics and read its own downward topic, nothing
else; passwords are random and lie in files of mode 0600, never in an argument list.
Source: mosquitto.conf(5), mosquitto_passwd(1).
"""

import os
import pwd
import secrets
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from config.base.errors import ConfigurationError, Unavailable
from deploy.local.commands import REPOSITORY, tail
from deploy.local.leash import leashed
from deploy.local.packages import which

TEMPLATE = REPOSITORY / "deploy" / "mosquitto" / "mosquitto.conf"
INGEST = "ingest"
TOPICS = "nightlight/v1"
READY_WITHIN_S = 20.0
STOP_WITHIN_S = 5.0


@dataclass(frozen=True)
class AgentIdentity:
    """One agent as the broker knows it; its user name is its agent id."""

    site_id: str
    agent_id: str


class Broker:
    """One broker and its state directory."""

    def __init__(self, state_dir: Path, port: int, agents: tuple[AgentIdentity, ...]) -> None:
        self.port = port
        self.log = state_dir / "mosquitto.log"
        self._state_dir = state_dir
        self._agents = agents
        self.process: subprocess.Popen[bytes] | None = None

    def password_file(self, user: str) -> Path:
        """Where the plain password of ``ingest`` or of an agent lies, for that client's settings."""
        return self._state_dir / "passwords" / user

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
        passwords = state / "passwords"
        for folder in (state, data, passwords):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        users = [INGEST, *(agent.agent_id for agent in self._agents)]
        for user in users:
            if not self.password_file(user).exists():
                write_secret(self.password_file(user), secrets.token_urlsafe(24))
        self._hash_passwords(users)
        write_secret(state / "acl", access_list(self._agents))
        filled = TEMPLATE.read_text()
        for word, value in {
            "PORT": self.port,
            "PASSWORD_FILE": state / "password-hashes",
            "ACL_FILE": state / "acl",
            "DATA_DIR": data,
        }.items():
            filled = filled.replace(f"@{word}@", str(value))
        # Started by root, Mosquitto would become another user, who may not read these files.
        write_secret(state / "mosquitto.conf", f"{filled}\nuser {_user()}\n")

    def _hash_passwords(self, users: list[str]) -> None:
        tool = which("mosquitto_passwd")
        if tool is None:
            raise ConfigurationError("mosquitto_passwd is missing: it comes with mosquitto; run python3 dev.py setup")
        # -U turns a file of plain passwords into hashes in place: so none of them is ever an argument.
        file = self._state_dir / "password-hashes"
        write_secret(file, "".join(f"{user}:{self.password_file(user).read_text()}\n" for user in users))
        done = subprocess.run([tool, "-U", file], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            file.unlink()
            raise ConfigurationError(f"mosquitto_passwd failed: {done.stderr.strip()}")


def access_list(agents: tuple[AgentIdentity, ...]) -> str:
    """The broker's access list: everything that is not named is refused."""
    rules = [f"user {INGEST}\ntopic read {TOPICS}/up/#\ntopic write {TOPICS}/down/#\n"]
    rules += [
        f"user {agent.agent_id}\n"
        f"topic write {TOPICS}/up/{agent.site_id}/{agent.agent_id}/#\n"
        f"topic read {TOPICS}/down/{agent.site_id}/{agent.agent_id}\n"
        for agent in agents
    ]
    return "\n".join(rules)


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
