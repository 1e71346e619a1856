"""A region after a quarter, for the pages: many facilities, one ordinary, one with 64 cameras that is never at rest.

What is made up is said: no message was sent and no recording exists. The tables are the product's own; people, leases and
consents are those of ``tests.support.nursery``, whose clock it shares: ten on a Monday morning.

    quarter = Quarter(database, sites=200, days=90).fill()
    quarter.nursery.session("police")
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY, US_PER_MINUTE, US_PER_S
from config.base.ids import fresh_id
from config.wire.envelope import Signer
from config.wire.health import CameraHealth, ClockReading, Heartbeat
from server.domain.verdict import Status, day_of, day_span
from server.services.compliance.told import SiteTold, pack_up
from server.services.coverage.assess_day import Assessor
from storage.database import models, spans
from storage.database.unit_of_work import Database
from tests.support.nursery import MONDAY_US, SITE, Nursery
from tests.support.sites import NOTHING_WAITS, POLICY

ZONE = "Asia/Shanghai"
PLAIN, BUSY = "site-0000", "site-0001"
"""16 cameras and an ordinary quarter; 64 whose lines drop every few minutes."""
REGIONS = (
    ("cn", None, "中国", "China"),
    ("cn/sichuan", "cn", "四川省", "Sichuan"),
    ("cn/sichuan/luzhou", "cn/sichuan", "泸州市", "Luzhou"),
    ("cn/sichuan/luzhou/longmatan", "cn/sichuan/luzhou", "龙马潭区", "Longmatan"),
    ("cn/sichuan/luzhou/jiangyang", "cn/sichuan/luzhou", "江阳区", "Jiangyang"),
)
NAMES = (
    "向日葵",
    "小月亮",
    "蒲公英",
    "春晖路社区普惠",
    "七色花",
    "启明星",
    "金苹果",
    "小水滴",
    "童心",
    "龙马潭区机关事务管理中心附属",
)
KINDS = ("activity", "sleeping", "corridor", "entrance", "outdoor", "kitchen")
ROOMS = ("太阳班活动室", "月亮班午睡室", "二楼东侧走廊", "大门", "南院操场", "备餐间")
KEY = b"\0" * 32
US_PER_HOUR = 60 * US_PER_MINUTE
BATCH_SITES = 20
IN_FLIGHT_US = 75 * US_PER_S
SIGNER = Signer(Ed25519PrivateKey.generate())
Row = dict[str, object]
Rows = Iterator[tuple[type[models.Base], Row]]


@dataclass
class Quarter:
    """``sites`` beside the nursery's two, over ``days`` up to its morning."""

    database: Database
    sites: int
    days: int
    cameras: tuple[int, int] = (16, 64)
    """Of the ordinary and of the busy site; the others have something in between."""
    now_us: int = MONDAY_US
    nursery: Nursery = field(init=False)

    @property
    def begin_us(self) -> int:
        return day_span(day_of(self.now_us, ZONE), ZONE).start_us - (self.days - 1) * US_PER_DAY

    @property
    def dates(self) -> list[date]:
        today = day_of(self.now_us, ZONE)
        return [today - timedelta(days=back) for back in range(self.days - 1, -1, -1)]

    def site_ids(self) -> list[str]:
        return [f"site-{number:04}" for number in range(self.sites)]

    def fill(self) -> "Quarter":
        """Writes all of it."""
        self.nursery = Nursery(self.database).furnish()
        with self.database.unit_of_work() as session:
            for path, parent, name, name_en in REGIONS:
                session.add(models.Region(path=path, parent=parent, name=name, name_en=name_en))
                session.flush()
        for first in range(0, self.sites, BATCH_SITES):
            rows: dict[type[models.Base], list[Row]] = {}
            for site_id in self.site_ids()[first : first + BATCH_SITES]:
                for table, row in self._site(site_id):
                    rows.setdefault(table, []).append(row)
            with self.database.engine.begin() as connection:
                for table, some in rows.items():
                    connection.execute(insert(table), some)
        for site_id in (PLAIN, BUSY)[: self.sites]:
            self._judge(site_id)
        self.nursery.add(
            *(models.AccountSite(account_name="boss", site_id=site_id) for site_id in (PLAIN, BUSY)[: self.sites])
        )
        self.nursery.change(models.Site, models.Site.id == SITE, name="向日葵托育园", published=True)
        return self

    def ring(
        self, site_id: str, *, minutes_ago: float = 3, kind: str = "intrusion", detail: str = "二楼红外探测器"
    ) -> None:
        """An alarm of a site's panel that nobody has seen."""
        at_us, event = self.now_us - round(minutes_ago * US_PER_MINUTE), fresh_id()
        about = {
            "site_id": site_id,
            "agent_id": f"{site_id}-box",
            "panel_id": "hall-panel",
            "partition": "1",
            "point": "3",
        }
        self.nursery.add(
            models.AlarmEventRow(
                message_id=event, timeline_id=fresh_id(), source="panel", code="BA", kind=kind, state="alarm", at_us=at_us,
                panel_at_us=at_us, encrypted=True, detail=detail, received_us=at_us, envelope=b"", **about,
            )
        )  # fmt: skip
        self.nursery.add(
            models.AlarmRow(
                kind=kind, about="BA", first_event=event, detail=detail, status="raised", raised_us=at_us, last_us=at_us,
                count=1, restored_us=None, acknowledged_us=None, acknowledged_by="", cleared_us=None, cleared_by="", **about,
            )
        )  # fmt: skip

    def _site(self, site_id: str) -> Rows:
        number = int(site_id[5:])
        chance = random.Random(f"quarter:{site_id}")
        agent_id, busy = f"{site_id}-box", site_id == BUSY
        name = f"{NAMES[number % len(NAMES)]}托育服务中心" + (f"（{number} 号园）" if number else "")
        yield (
            models.Site,
            {"id": site_id, "name": name, "region": REGIONS[3 + number % 2][0], "timezone": ZONE, "created_us": 1,
             "published": number % 4 != 3, "filing_status": "filed", "filing_number": f"T510504-{number:04}",
             "policy_pack": "cn-national-base", "places": 60, "type": "institution"},
        )  # fmt: skip
        for place, (kind, room) in enumerate(zip(KINDS, ROOMS, strict=True)):
            yield models.Zone, {"site_id": site_id, "id": f"z{place}", "name": room, "kind": kind}
        yield models.Agent, {"id": agent_id, "site_id": site_id, "public_key": KEY, "created_us": 1}
        told = site_id in (PLAIN, BUSY)
        run = fresh_id()
        since_us = self.begin_us if told else self.now_us - 10 * US_PER_HOUR
        ends = {
            "started_us": since_us,
            "last_us": self.now_us,
            "first_heard_us": since_us,
            "vouched_until_us": self.now_us,
        }
        yield models.Timeline, {"id": run, "agent_id": agent_id, "stored": False, **ends}
        yield models.TrustedSpan, {"timeline_id": run, "start_us": since_us, "end_us": self.now_us}
        yield models.ComplianceMark, {"site_id": site_id, "looked_us": self.now_us, "verdict_id": 10**9}
        count = self.cameras[0] if site_id == PLAIN else self.cameras[1] if busy else chance.randint(*self.cameras)
        heard_us = self.now_us - (0 if number % 17 != 5 else US_PER_HOUR)
        beat = self._beat(site_id, run, since_us, heard_us, count, chance)
        yield (
            models.AgentStatus,
            {"agent_id": agent_id, "heartbeat": beat, "heard_us": heard_us, "sent_us": heard_us, "timeline_id": run, "gone": False},
        )  # fmt: skip
        worst = Status.COMPLIANT
        for camera in range(count):
            yield from self._camera(site_id, camera, run, since_us, chance, busy=busy)
        if not told:
            worst = chance.choice([Status.COMPLIANT] * 8 + [Status.NON_COMPLIANT, Status.UNVERIFIED])
            yield from self._verdicts(site_id, count, chance, worst)
        yield from self._entries(site_id, chance)

    def _beat(self, site_id: str, run: str, since_us: int, heard_us: int, cameras: int, chance: random.Random) -> bytes:
        """What the box said last: here and there a camera that cannot be reached."""
        told = [chance.choices(("recording", "unreachable", "no_video"), (97, 2, 1))[0] for _ in range(cameras)]
        return SIGNER.seal(
            Heartbeat(
                message_id=fresh_id(), site_id=site_id, agent_id=f"{site_id}-box", timeline_id=run, timeline_started_us=since_us,
                sent_us=heard_us, software="test", clock=ClockReading(observed_us=heard_us, offset_us=0, bound_us=1_000),
                system_clock_error_us=0,
                spool=NOTHING_WAITS,
                cameras=[
                    CameraHealth(
                        camera_id=f"{site_id}-{number:02}", condition=condition,  # type: ignore[arg-type]
                        since_s=(heard_us - since_us) // US_PER_S, unsettled_us=IN_FLIGHT_US,
                    )
                    for number, condition in enumerate(told)
                ],
            )
        )  # fmt: skip

    def _camera(self, site_id: str, number: int, run: str, since_us: int, chance: random.Random, *, busy: bool) -> Rows:
        camera_id, place = f"{site_id}-{number:02}", number % len(KINDS)
        yield (
            models.Camera,
            {"id": camera_id, "site_id": site_id, "zone_id": f"z{place}", "agent_id": f"{site_id}-box",
             "name": f"{ROOMS[place]} {number + 1} 号机", "registered_us": 0, "activated_us": self.begin_us,
             "settled_until_us": self.now_us - IN_FLIGHT_US, "assess_from_day": self.dates[0 if site_id in (PLAIN, BUSY) else -1].isoformat()},
        )  # fmt: skip
        told = {"camera_id": camera_id, "timeline_id": run, "detail": ""}
        yield models.ConditionChange, {"message_id": fresh_id(), "at_us": since_us, "condition": "recording", **told}
        at_us = since_us
        for lost_us, back_us in self._interruptions(since_us, chance, busy=busy):
            yield from self._kept(camera_id, run, at_us, lost_us)
            yield (
                models.ConditionChange,
                {"message_id": fresh_id(), "at_us": lost_us, "condition": "unreachable", **told},
            )
            yield models.ConditionChange, {"message_id": fresh_id(), "at_us": back_us, "condition": "recording", **told}
            at_us = back_us
        yield from self._kept(camera_id, run, at_us, self.now_us - IN_FLIGHT_US)

    def _interruptions(self, since_us: int, chance: random.Random, *, busy: bool) -> Iterator[tuple[int, int]]:
        """Ordinary: of ten days seven have none. Busy: today and yesterday every few minutes, else a few a day."""
        day_us = since_us
        while day_us < self.now_us:
            lately = busy and day_us >= self.now_us - 2 * US_PER_DAY
            count = chance.randint(80, 120) if lately else chance.choice([0] * 7 + [1, 2, chance.randrange(3, 9)])
            before_us = day_us + US_PER_S
            for lost_us in sorted(day_us + chance.randrange(US_PER_DAY - 700 * US_PER_S) for _ in range(count)):
                back_us = lost_us + chance.randrange(5, 200 if lately else 600) * US_PER_S
                if before_us < lost_us and back_us < self.now_us - 80 * US_PER_S:
                    yield lost_us, back_us
                    before_us = back_us + US_PER_S
            day_us += US_PER_DAY

    @staticmethod
    def _kept(camera_id: str, run: str, start_us: int, end_us: int) -> Rows:
        late = (spans.BACKFILLED,) if (start_us // US_PER_S) % 5 == 0 and end_us - start_us < US_PER_HOUR else ()
        for kind in (spans.CLAIMED, spans.SECURED, *late):
            told = {"camera_id": camera_id, "timeline_id": run, "start_us": start_us, "end_us": end_us}
            yield models.CoverageSpan, {"kind": kind, **told}

    def _verdicts(self, site_id: str, cameras: int, chance: random.Random, worst: Status) -> Rows:
        """Entries as the assessment leaves them, of cameras whose recordings are not told."""
        for day in self.dates[:-1]:
            span = day_span(day, ZONE)
            long_us = span.end_us - span.start_us
            for camera in range(cameras):
                missing = chance.random() < (0.002 if worst is Status.COMPLIANT else 0.05)
                status = (
                    (worst if worst is not Status.COMPLIANT else Status.NON_COMPLIANT) if missing else Status.COMPLIANT
                )
                lost_us = chance.randrange(US_PER_HOUR) if missing else 0
                yield (
                    models.Verdict,
                    {"camera_id": f"{site_id}-{camera:02}", "day": day.isoformat(), "status": status.value, "final": True,
                     "expected_us": long_us, "covered_us": long_us - lost_us, "assessed_us": span.end_us, "gaps": b"[]"},
                )  # fmt: skip

    def _entries(self, site_id: str, chance: random.Random) -> Rows:
        """What the keeper of compliance leaves of each day and month, without its rules."""
        told, digest = pack_up(SiteTold())
        likely = chance.choice([(90, 8, 2), (60, 25, 15), (30, 40, 30)])
        months = sorted({day.isoformat()[:7] for day in self.dates})
        for period in [*(day.isoformat() for day in self.dates), *months]:
            status = chance.choices([Status.COMPLIANT, Status.UNVERIFIED, Status.NON_COMPLIANT], likely)[0]
            yield (
                models.ComplianceEntry,
                {"kind": "site", "site_id": site_id, "subject_id": site_id, "period": period, "status": status.value,
                 "final": period < self.dates[-min(3, self.days)].isoformat(), "book": "cn-national-base", "assessed_us": self.now_us,
                 "told_sha256": digest, "told": told},
            )  # fmt: skip

    def _judge(self, site_id: str) -> None:
        """The entries of the days that are over, by the product's own assessment."""
        assessor = Assessor(POLICY)
        with self.database.unit_of_work() as session:
            site = session.get_one(models.Site, site_id)
            assessor.assess_due(session, site, _cameras(session, site_id), self.now_us)


def _cameras(session: Session, site_id: str) -> Sequence[models.Camera]:
    return session.scalars(
        select(models.Camera).where(models.Camera.site_id == site_id).order_by(models.Camera.id)
    ).all()
