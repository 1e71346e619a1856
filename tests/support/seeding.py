"""A site with a believable day behind it, for the pages.

Registration, heartbeats and camera conditions go through the real services as signed envelopes. Secured time is written
through ``storage.database.spans`` as the read-back would write it: a day of real objects would need a store and hours.

    site = SeededSite(database, clock, DAYCARE["en"]).register()
    tell_the_day(site)
"""

from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.base.clock import US_PER_DAY, US_PER_MINUTE, US_PER_S
from config.base.ids import fresh_id
from config.base.timespan import Span
from config.wire import topics
from config.wire.envelope import Signer
from config.wire.health import CameraHealth, ClockReading, Heartbeat
from config.wire.status import CameraState, Presence
from server.domain.verdict import day_of, day_span
from server.services.intake.accept_message import Inbox
from server.services.registers.register import Register
from storage.database import evidence, spans
from storage.database.unit_of_work import Database
from tests.support.clock import SimulatedClock
from tests.support.sites import NAMES, NOTHING_WAITS, RULE

HISTORY_US = 3 * US_PER_DAY


@dataclass(frozen=True)
class Daycare:
    """The words of one facility: name, and camera id → (camera name, zone name, kind of zone)."""

    site_id: str
    name: str
    timezone: str
    cameras: dict[str, tuple[str, str, str]]


DAYCARE = {
    "zh-CN": Daycare(
        "sunflower",
        "向日葵托育园",
        "Asia/Shanghai",
        {
            "gate": ("大门", "正门", "entrance"),
            "play-1": ("活动室 1 号机", "太阳班", "activity"),
            "nap": ("午睡室", "月亮房", "sleeping"),
            "yard": ("操场", "南院", "outdoor"),
            "hall": ("二楼走廊", "东侧", "corridor"),
            "kitchen": ("厨房", "备餐间", "kitchen"),
        },
    ),
    "en": Daycare(
        "sunflower",
        "Sunflower Nursery",
        "Asia/Shanghai",
        {
            "gate": ("Gate", "Main gate", "entrance"),
            "play-1": ("Playroom, camera 1", "Sun group", "activity"),
            "nap": ("Nap room", "Moon room", "sleeping"),
            "yard": ("Playground", "South yard", "outdoor"),
            "hall": ("Upper hallway", "East wing", "corridor"),
            "kitchen": ("Kitchen", "Pantry", "kitchen"),
        },
    ),
}


@dataclass
class SeededAgent:
    """An agent of a seeded site and the timeline it is on."""

    agent_id: str
    signer: Signer = field(default_factory=lambda: Signer(Ed25519PrivateKey.generate()))
    timeline_id: str = field(default_factory=fresh_id)
    cameras: list[str] = field(default_factory=list)


class SeededSite:
    """Speaks for the agents of one site, at instants that the caller names.

    ``now_us`` is when the pages will be looked at: the day is told up to then.
    """

    def __init__(self, database: Database, now_us: int, daycare: Daycare) -> None:
        self.database = database
        self.daycare = daycare
        self.now_us = now_us
        self.day = day_span(day_of(now_us, daycare.timezone), daycare.timezone)
        self.began_us = self.day.start_us - HISTORY_US
        self._clock = SimulatedClock(self.began_us)
        self._inbox = Inbox(database, self._clock, RULE)
        self.main = SeededAgent(f"{daycare.site_id}-box")
        self.second = SeededAgent(f"{daycare.site_id}-box-2")
        self._agent_of: dict[str, SeededAgent] = {}

    def register(self, *, second: tuple[str, ...] = ()) -> "SeededSite":
        """Makes everything known; the cameras named in ``second`` belong to the second agent."""
        register = Register(self.database, self._clock)
        site = self.daycare.site_id
        register.add_site(site, self.daycare.name, "cn/sichuan/luzhou", self.daycare.timezone)
        for agent in (self.main, self.second):
            register.add_agent(site, agent.agent_id, agent.signer.public_pem)
        for camera_id, (name, zone_name, kind) in self.daycare.cameras.items():
            agent = self.second if camera_id in second else self.main
            agent.cameras.append(camera_id)
            self._agent_of[camera_id] = agent
            register.add_zone(site, f"zone-{camera_id}", zone_name, kind)
            register.add_camera(site, camera_id, f"zone-{camera_id}", agent.agent_id, name)
        for agent in (self.main, self.second):
            for at_us in range(self.began_us + US_PER_S, self.now_us - US_PER_DAY // 4, US_PER_DAY // 2):
                self.beat(agent, at_us, {})
        return self

    def secure(self, camera_id: str, start_us: int, end_us: int, *, late: bool = False) -> None:
        """Secured time, as after a read-back; ``late`` labels it as backfilled."""
        timeline_id = self._agent_of[camera_id].timeline_id
        with self.database.unit_of_work() as session:
            evidence.touch_timeline(
                session, timeline_id, self._agent_of[camera_id].agent_id, (start_us, end_us), end_us
            )
            for kind in (spans.CLAIMED, spans.SECURED, *((spans.BACKFILLED,) if late else ())):
                spans.add_coverage(session, camera_id, kind, timeline_id, Span(start_us, end_us))
            evidence.activate(session, camera_id, start_us)

    def condition(self, camera_id: str, condition: str, at_us: int, detail: str = "") -> None:
        """A change of a camera's condition."""
        agent = self._agent_of[camera_id]
        self._say(
            agent,
            at_us,
            CameraState(
                message_id=fresh_id(),
                site_id=self.daycare.site_id,
                agent_id=agent.agent_id,
                camera_id=camera_id,
                timeline_id=agent.timeline_id,
                at_us=at_us,
                condition=condition,  # type: ignore[arg-type]
                detail=detail,
            ),
        )

    def beat(self, agent: SeededAgent, at_us: int, conditions: dict[str, tuple[str, int, int]]) -> None:
        """A heartbeat; ``conditions`` is camera id → (condition, since, settled until)."""
        told = {camera: conditions.get(camera, ("recording", self.began_us, at_us)) for camera in agent.cameras}
        self._say(
            agent,
            at_us,
            Heartbeat(
                message_id=fresh_id(),
                site_id=self.daycare.site_id,
                agent_id=agent.agent_id,
                timeline_id=agent.timeline_id,
                timeline_started_us=self.began_us,
                sent_us=at_us,
                software="test",
                clock=ClockReading(observed_us=at_us, offset_us=0, bound_us=1_000),
                system_clock_error_us=0,
                spool=NOTHING_WAITS,
                cameras=[
                    CameraHealth(
                        camera_id=camera,
                        condition=condition,  # type: ignore[arg-type]
                        since_s=(at_us - since_us) // US_PER_S,
                        unsettled_us=at_us - settled_us,
                    )
                    for camera, (condition, since_us, settled_us) in told.items()
                ],
            ),
        )

    def last_will(self, agent: SeededAgent, at_us: int) -> None:
        """The agent is gone without a word."""
        self._say(
            agent,
            at_us,
            Presence(
                message_id=fresh_id(),
                site_id=self.daycare.site_id,
                agent_id=agent.agent_id,
                timeline_id=agent.timeline_id,
                state="offline",
            ),
        )

    def _say(self, agent: SeededAgent, at_us: int, message: CameraState | Heartbeat | Presence) -> None:
        self._clock.jump((at_us - self._clock.utc_us()) / US_PER_S)
        topic = topics.up(self.daycare.site_id, agent.agent_id, NAMES[type(message)])
        outcome = self._inbox.accept(topic, agent.signer.seal(message))
        assert outcome.result in {"committed", "noted", "stale"}, outcome


def tell_the_day(site: SeededSite) -> None:
    """Six cameras, each with another story; told up to the site's ``now_us``, which lies in the afternoon."""
    day, now_us = site.day.start_us, site.now_us
    fresh_us = now_us - 75 * US_PER_S

    def at(hour: int, minute: int, second: int = 0) -> int:
        return day + ((hour * 60 + minute) * 60 + second) * US_PER_S

    site.secure("gate", site.began_us, fresh_us)

    site.secure("play-1", site.began_us, at(10, 12, 20))
    site.condition("play-1", "unreachable", at(10, 12, 20))
    site.condition("play-1", "recording", at(10, 19, 5))
    site.secure("play-1", at(10, 19, 5), at(13, 2, 10))
    site.condition("play-1", "stalled", at(13, 2, 10))
    site.condition("play-1", "recording", at(13, 3))
    site.secure("play-1", at(13, 3), fresh_us)

    site.secure("nap", site.began_us, at(8, 30))
    site.secure("nap", at(8, 30), at(9, 40), late=True)
    site.secure("nap", at(9, 40), fresh_us)

    open_us = now_us - 11 * US_PER_MINUTE
    site.secure("yard", site.began_us, open_us)
    site.condition("yard", "unreachable", open_us, "Connection refused: rtsp://192.0.2.14:554/main")

    silent_us = now_us - 24 * US_PER_MINUTE
    site.secure("hall", site.began_us, silent_us - 40 * US_PER_S)
    site.beat(site.second, silent_us, {"hall": ("recording", site.began_us, silent_us - 40 * US_PER_S)})

    site.beat(
        site.main,
        now_us - 4 * US_PER_S,
        {
            "gate": ("recording", site.began_us, fresh_us),
            "play-1": ("recording", at(13, 3), fresh_us),
            "nap": ("recording", at(9, 40), fresh_us),
            "yard": ("unreachable", open_us, now_us - 4 * US_PER_S),
            "kitchen": ("starting", now_us - 40 * US_PER_S, now_us - 4 * US_PER_S),
        },
    )
