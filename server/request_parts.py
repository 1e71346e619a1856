"""What the pages of guardians' requests are given, built from the settings."""

from dataclasses import dataclass

from config.base.clock import Clock
from config.settings.server import ServerSettings
from server.services.custody.hold_recordings import HoldKeeper
from server.services.people.answer_footage import AnswerDesk
from server.services.people.ask_footage import AskDesk
from storage.database.unit_of_work import Database
from storage.objects.port import EvidenceStore


@dataclass(frozen=True)
class RequestFace:
    """The guardian's side and the facility's."""

    asks: AskDesk
    answers: AnswerDesk


def requests_of(settings: ServerSettings, database: Database, store: EvidenceStore, clock: Clock) -> RequestFace:
    """Both desks."""
    return RequestFace(
        AskDesk(database, clock, settings.policy.retain_days),
        AnswerDesk(database, clock, HoldKeeper(database, clock), store),
    )
