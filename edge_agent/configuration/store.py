"""The last good desired states on disk: the newest, and the one before for the day when the newest is damaged.

Invariant: a file is whole or is not there (fsync, rename), and nothing is believed that the server did not sign for this
agent, wherever it was read from.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from config.base.errors import IntegrityViolation, InvalidInput, Unavailable
from config.base.logs import get_logger
from config.wire.desired_state import DesiredState
from config.wire.envelope import ENVELOPE_BYTES_MAX, decode_payload, open_envelope

NEWEST_FILE = "desired-state.json"
BEFORE_FILE = "desired-state.before.json"

log = get_logger("configuration")


@dataclass(frozen=True)
class DesiredStore:
    """``identity``: site and agent id that a desired state must name."""

    state_dir: Path
    server_key: Ed25519PublicKey
    identity: tuple[str, str]

    def load(self) -> DesiredState | None:
        """The newest that is whole; None where there never was one. What is damaged is said and passed over."""
        for name in (NEWEST_FILE, BEFORE_FILE):
            try:
                with (self.state_dir / name).open("rb") as opened:
                    return self._checked(opened.read(ENVELOPE_BYTES_MAX + 1))
            except FileNotFoundError:
                continue
            except OSError as error:
                log.error("desired_state_unreadable", file=name, why=error.strerror)  # noqa: TRY400 - no fault of ours
            except (InvalidInput, IntegrityViolation) as error:
                advice = "the one before is used until the server has sent the newest again"
                log.error("desired_state_damaged", file=name, why=str(error), advice=advice)  # noqa: TRY400 - no fault of ours
        return None

    def save(self, sealed: bytes) -> None:
        """Keeps the envelope as received; what was the newest becomes the one before. Raises Unavailable."""
        newest, fresh = self.state_dir / NEWEST_FILE, self.state_dir / f"{NEWEST_FILE}.new"
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as opened:
                opened.write(sealed)
                opened.flush()
                os.fsync(descriptor)
            if self._is_whole(newest):
                newest.replace(self.state_dir / BEFORE_FILE)
            fresh.replace(newest)
            self._sync_folder()
        except OSError as error:
            raise Unavailable(f"the desired state cannot be kept in {self.state_dir}: {error.strerror}") from error

    def _is_whole(self, file: Path) -> bool:
        """A damaged newest must not push out the good one before it."""
        try:
            self._checked(file.read_bytes())
        except (OSError, InvalidInput, IntegrityViolation):
            return False
        return True

    def _checked(self, sealed: bytes) -> DesiredState:
        opened = open_envelope(sealed)
        opened.verify(self.server_key)
        state = decode_payload(opened)
        if not isinstance(state, DesiredState) or (state.site_id, state.agent_id) != self.identity:
            raise InvalidInput("no desired state of this agent", code="wrong_recipient")
        return state

    def _sync_folder(self) -> None:
        descriptor = os.open(self.state_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
