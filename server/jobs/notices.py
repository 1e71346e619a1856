"""The tasks that tell people: what is due is noticed, messages are made, sent, and passed on where nobody has seen them.

Invariant: a channel that is slow or down delays nothing but notices.
"""

from functools import partial
from threading import Event

from config.base.clock import Clock
from config.settings.server import ServerSettings
from server.domain.notices import Channel
from server.jobs.upkeep import Task
from server.services.compliance.rule_books import library
from server.services.notices.channels import channels_of
from server.services.notices.escalate import Escalator
from server.services.notices.forget import forget
from server.services.notices.plan_messages import MessagePlanner
from server.services.notices.send_messages import MessageSender
from server.services.notices.watch_due import DueWatch
from server.services.notices.watch_duties import DutyWatch
from server.services.notices.watch_rooms import RoomWatch
from server.services.people.leases import LeaseDesk
from server.services.people.steady_time import SteadyTime
from server.web.notice_words import wording
from storage.database.unit_of_work import Database

PLAN_S = 5.0
SEND_S = 2.0
DUE_S = 600.0
ESCALATE_S = 120.0
DUTIES_S = 3_600.0
ROOMS_S = 30.0
FORGET_S = 3_600.0


def notice_tasks(settings: ServerSettings, database: Database, clock: Clock, stop: Event) -> list[Task]:
    """Raises ConfigurationError."""
    origin = settings.api.public_origin.rstrip("/") or f"http://{settings.api.host}:{settings.api.port}"
    planner = MessagePlanner(database, clock, settings.notices, wording(), origin)
    sender = MessageSender(database, clock, settings.notices, channels_of(settings.notices, clock))
    watch, duties = DueWatch(database, clock), DutyWatch(database, clock)
    escalator = Escalator(database, clock)
    rooms = RoomWatch(database, clock, LeaseDesk(database, SteadyTime(database, clock), library()))
    return [
        Task("notices-due", DUE_S, watch.look, stop),
        Task("notices-escalate", ESCALATE_S, lambda: pass_on(escalator), stop),
        Task("notices-duties", DUTIES_S, duties.look, stop),
        Task("notices-rooms", ROOMS_S, lambda: tell_rooms(rooms), stop),
        Task("notices-forget", FORGET_S, lambda: drop_old(database, clock, stop), stop),
        Task("notices-plan", PLAN_S, lambda: plan(planner), stop),
        # One slow channel does not delay the others.
        *(Task(f"notices-{channel}", SEND_S, partial(send, sender, stop, channel), stop) for channel in Channel),
    ]


def drop_old(database: Database, clock: Clock, stop: Event) -> None:
    """Deletes what was told more than half a year ago."""
    while not stop.is_set() and forget(database, clock):
        continue


def pass_on(escalator: Escalator) -> None:
    """What nobody has answered, to whom the packs name."""
    escalator.look()


def tell_rooms(rooms: RoomWatch) -> None:
    """Whose child's room can be watched now."""
    rooms.look()


def plan(planner: MessagePlanner) -> None:
    """Makes messages of what there is to tell, and tells the next person."""
    planner.plan()
    planner.escalate()


def send(sender: MessageSender, stop: Event, channel: str) -> None:
    """Settles what a crash left, then sends as long as something is due."""
    sender.recover()
    while not stop.is_set() and sender.send_due(channel):
        continue
