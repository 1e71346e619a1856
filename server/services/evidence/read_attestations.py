"""What was attested of a site's day, and who stands by the ledger that holds it, for people within whose reach it lies."""

import hashlib
from datetime import date

import msgspec
from sqlalchemy.orm import Session

from config.evidence.checkpoint import Checkpoint
from config.evidence.entries import DayAttested, decode
from config.evidence.note import SignedNote
from server.services.evidence.attest_day import DAY_ATTESTED
from storage.database import ledger, witnesses
from storage.database import scope as scoping
from storage.database.scope import Scope
from storage.database.unit_of_work import Database


class AttestedEntry(msgspec.Struct, frozen=True):
    """An attestation, and where in the ledger it stands; ``number`` is null until it has one."""

    sha256: str
    number: int | None
    entry: DayAttested


class LedgerView(msgspec.Struct, frozen=True):
    """The newest checkpoint; ``refused``: by agent, why it did not cosign what it was shown last."""

    origin: str
    size: int
    made_us: int
    signed_by: list[str]
    stamped_us: int | None
    refused: dict[str, str]
    note: str


class AttestedDay(msgspec.Struct, frozen=True):
    """A day: the attestation in force comes last, those that it supersedes before it; none while the day is not final."""

    site_id: str
    name: str
    timezone: str
    day: str
    cameras: dict[str, str]
    """The names of the site's cameras."""
    attestations: list[AttestedEntry]
    ledger: LedgerView | None


class AttestationReader:
    """Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_day(self, scope: Scope, site_id: str, day: date) -> AttestedDay:
        """Raises NotFound where the site is not within reach."""
        with self._database.reading() as session:
            site = scoping.site_in_reach(session, scope, site_id)
            found: list[AttestedEntry] = []
            for row in ledger.entries_about(session, site.id, DAY_ATTESTED, [day.isoformat()]):
                entry = decode(row.body)
                if isinstance(entry, DayAttested):
                    found.append(AttestedEntry(hashlib.sha256(row.body).hexdigest(), row.number, entry))
            names = {camera.id: camera.name for camera in scoping.cameras_in_reach(session, scope, site_id)}
            return AttestedDay(
                site.id, site.name, site.timezone, day.isoformat(), names, found, _ledger(session, site.id)
            )


def _ledger(session: Session, site_id: str) -> LedgerView | None:
    row = ledger.latest_checkpoint(session, site_id)
    if row is None:
        return None
    note = SignedNote.parse(row.note)
    checkpoint = Checkpoint.parse(note.text)
    return LedgerView(
        checkpoint.origin,
        checkpoint.size,
        row.made_us,
        [signature.name for signature in note.signatures],
        row.stamped_us,
        {each.agent_id: each.refused_why or "" for each in witnesses.refusing(session, site_id)},
        row.note.decode(),
    )
