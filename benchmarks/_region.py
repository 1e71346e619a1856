"""A region's quarter written straight into the tables: sites, cameras, spans and verdicts as years of running leave them.

What is made up is said: no message was sent and no recording exists. The tables are the product's own, made by its
migrations. Days are like those of a site that works: most without a gap, some with an interruption or two, a few in
pieces, an agent that restarts once in two weeks.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Engine, insert, select
from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY, US_PER_S
from config.base.ids import fresh_id
from server.domain.verdict import day_span
from server.services.coverage.assess_day import Assessor
from storage.database import models, spans
from storage.database.unit_of_work import Database

ZONE = "Asia/Shanghai"
FIRST = date(2026, 6, 1)
KEY = b"\0" * 32
RESTART_DAYS = 14
BATCH_SITES = 20
Row = dict[str, object]


@dataclass(frozen=True)
class Region:
    """How much there is, from a seed."""

    sites: int
    cameras: int
    days: int
    seed: int = 1

    @property
    def begin_us(self) -> int:
        return day_span(FIRST, ZONE).start_us

    @property
    def end_us(self) -> int:
        return self.begin_us + self.days * US_PER_DAY

    @property
    def now_us(self) -> int:
        """Noon of the day after the quarter's last, when the backfill window of all but three days has closed."""
        return self.end_us + US_PER_DAY // 2

    @property
    def dates(self) -> list[date]:
        return [FIRST + timedelta(days=number) for number in range(self.days)]

    def site_ids(self) -> list[str]:
        return [f"site-{number:04}" for number in range(self.sites)]

    def fill(self, database: Database) -> None:
        """Writes everything but the verdicts."""
        for first in range(0, self.sites, BATCH_SITES):
            rows: dict[type[models.Base], list[Row]] = {}
            for site_id in self.site_ids()[first : first + BATCH_SITES]:
                for table, row in self._site(site_id):
                    rows.setdefault(table, []).append(row)
            _write(database.engine, rows)

    def _site(self, site_id: str) -> Iterator[tuple[type[models.Base], Row]]:
        chance = random.Random(f"{self.seed}:{site_id}")  # noqa: S311 (to be drawn again by anybody)
        agent_id = f"{site_id}-box"
        yield models.Site, {"id": site_id, "name": site_id, "region": "cn/sichuan", "timezone": ZONE, "created_us": 0}
        yield models.Zone, {"site_id": site_id, "id": "hall", "name": "hall", "kind": "corridor"}
        yield models.Agent, {"id": agent_id, "site_id": site_id, "public_key": KEY, "created_us": 0}
        runs = self._runs(chance)
        for key, start_us, end_us in runs:
            ends = {"started_us": start_us, "last_us": end_us, "first_heard_us": start_us, "vouched_until_us": end_us}
            yield models.Timeline, {"id": key, "agent_id": agent_id, "stored": False, **ends}
            yield models.TrustedSpan, {"timeline_id": key, "start_us": start_us, "end_us": end_us}
        status = {"heard_us": self.now_us, "sent_us": self.now_us, "timeline_id": runs[-1][0], "gone": False}
        yield models.AgentStatus, {"agent_id": agent_id, "heartbeat": b"", **status}
        for number in range(self.cameras):
            yield from self._camera(f"{site_id}-{number:02}", site_id, agent_id, runs, chance)

    def _runs(self, chance: random.Random) -> list[tuple[str, int, int]]:
        """Timelines one after another, the last of them until now."""
        runs: list[tuple[str, int, int]] = []
        at_us = self.begin_us
        while at_us < self.now_us:
            end_us = min(
                at_us + chance.randrange(1, 2 * RESTART_DAYS) * US_PER_DAY + chance.randrange(US_PER_DAY), self.now_us
            )
            runs.append((fresh_id(), at_us, end_us))
            at_us = end_us + 40 * US_PER_S
        return runs

    def _camera(
        self, camera_id: str, site_id: str, agent_id: str, runs: list[tuple[str, int, int]], chance: random.Random
    ) -> Iterator[tuple[type[models.Base], Row]]:
        yield (
            models.Camera,
            {
                "id": camera_id,
                "site_id": site_id,
                "zone_id": "hall",
                "agent_id": agent_id,
                "name": camera_id,
                "registered_us": 0,
                "activated_us": self.begin_us,
                "settled_until_us": self.now_us,
                "assess_from_day": FIRST.isoformat(),
            },
        )
        for key, start_us, end_us in runs:
            told = {"camera_id": camera_id, "timeline_id": key, "detail": ""}
            yield (
                models.ConditionChange,
                {"message_id": fresh_id(), "at_us": start_us, "condition": "recording", **told},
            )
            at_us = start_us
            for lost_us, back_us in self._interruptions(start_us, end_us, chance):
                yield from _kept(camera_id, key, at_us, lost_us)
                for when_us, word in ((lost_us, "unreachable"), (back_us, "recording")):
                    yield (
                        models.ConditionChange,
                        {"message_id": fresh_id(), "at_us": when_us, "condition": word, **told},
                    )
                at_us = back_us
            yield from _kept(camera_id, key, at_us, end_us)

    def _interruptions(self, start_us: int, end_us: int, chance: random.Random) -> Iterator[tuple[int, int]]:
        """Of ten days seven have none, two have one or two, one has up to eight."""
        at_us = start_us
        while at_us < end_us:
            count = chance.choice([0] * 7 + [1, 2, chance.randrange(3, 9)])
            times = sorted(chance.randrange(at_us, at_us + US_PER_DAY - 700 * US_PER_S) for _ in range(count))
            before_us = at_us + US_PER_S
            for time_us in times:
                back_us = time_us + chance.randrange(5, 600) * US_PER_S
                if before_us < time_us and back_us < end_us:
                    yield time_us, back_us
                    before_us = back_us + US_PER_S
            at_us += US_PER_DAY


def _kept(camera_id: str, key: str, start_us: int, end_us: int) -> Iterator[tuple[type[models.Base], Row]]:
    for kind in (spans.CLAIMED, spans.SECURED):
        told = {"camera_id": camera_id, "timeline_id": key, "start_us": start_us, "end_us": end_us}
        yield models.CoverageSpan, {"kind": kind, **told}


def _write(engine: Engine, rows: dict[type[models.Base], list[Row]]) -> None:
    """As many rows a statement as the driver takes; PostgreSQL by COPY."""
    postgres = engine.dialect.name == "postgresql"
    with engine.begin() as connection:
        for table, some in rows.items():
            if not postgres:
                connection.execute(insert(table), some)
                continue
            names = list(some[0])
            raw = connection.connection.driver_connection
            assert raw is not None  # noqa: S101 (told to the type checker)
            with raw.cursor().copy(f"COPY {table.__tablename__} ({', '.join(names)}) FROM STDIN") as copy:
                for row in some:
                    copy.write_row([row[name] for name in names])


def judge_site(session: Session, assessor: Assessor, region: Region, site_id: str) -> int:
    """Writes the entries of a site's quarter, as its assessment does."""
    site = session.get_one(models.Site, site_id)
    return len(assessor.assess_due(session, site, cameras_of(session, site_id), region.now_us))


def cameras_of(session: Session, site_id: str) -> Sequence[models.Camera]:
    """The cameras of a site, in order."""
    return session.scalars(
        select(models.Camera).where(models.Camera.site_id == site_id).order_by(models.Camera.id)
    ).all()
