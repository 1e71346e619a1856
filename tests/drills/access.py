"""Drill ``access``: a million random people ask for random cameras, and thousands of requests for what is not theirs.

``python3 dev.py drill access --json``. Goals, all of them invariants:

- of a million decisions on random facts none allows what a second, independent reading of the rules refuses (I6);
- while a thousand agents break off, come back and all knock at once at a real broker that is restarted under them, no agent gets a
  byte that is not its own, and every one is heard again;
- while a live view runs, forged, copied, replayed and expired tickets and copied addresses bring a stranger no byte of it;
- of the requests over real HTTP, each by a random person for a random path of a random site, no answer to somebody who has
  nothing to do with a site holds a byte of its name (I7), and none is a fault of the server.
"""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
from fastapi.routing import APIRoute

from benchmarks.report import Report
from config.base.clock import US_PER_DAY, US_PER_MINUTE
from config.base.logs import configure
from config.base.roles import Relation, Role
from config.settings.server import load_server
from server.admin.enrolment import make_authority
from server.api.app import build_app
from server.api.gate import _open_endpoints
from server.domain.lease import Holder, Lease, Lens, Permit, judge
from server.domain.weekly_hours import parse
from server.domain.zones import FORBIDDEN_KINDS
from storage.database.migrate import migrate
from storage.database.models import Site
from storage.database.unit_of_work import Database
from tests.drills._storm import Figures, storm
from tests.drills._tickets import Attacks, under_attack
from tests.support.api import serving, settings_for
from tests.support.nursery import MONDAY_US, OTHER, PEOPLE, SITE, Nursery

ZONE, OFFSET_MIN, WEEK_MIN = ZoneInfo("Asia/Shanghai"), 8 * 60, 7 * 24 * 60
MARKS = {SITE: "Sonnenblume-7f3a", OTHER: "Segelboot-91cc"}
REACH = {
    SITE: {"boss", "carer", "fitter", "police", "health", "mum", "dad", "aunt"},
    OTHER: {"captain", "sailor"},
}
ROOMS = ("room-a", "room-b", "nap", "gate")
KINDS = ("activity", "sleeping", "entrance", "toilet", "bath", "")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--decisions", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=5_000)
    parser.add_argument("--agents", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=20261122)
    options = parser.parse_args()
    configure("drill", "ERROR")  # standard output is for the figures
    report, chance = Report("access", figures={"seed": options.seed}), random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="nightlight-access-") as folder:
        with storm(options.agents, options.seed) as stormed:
            (Path(folder) / "live").mkdir()
            with under_attack(Path(folder) / "live", options.seed) as attacks:
                _decide(report, chance, options.decisions)
                _request(report, chance, options.requests, Path(folder))
        _say(report, stormed[0], attacks)
    return report.finish_drill(as_json=options.json)


def _say(report: Report, stormed: Figures, attacks: Attacks) -> None:
    report.figures |= {
        "agents": stormed.agents,
        "agents_at_once": stormed.most_at_once,
        "connections": stormed.connected,
        "restarts_of_the_broker": stormed.restarts,
        "own_bytes_over_the_broker": stormed.own_bytes,
        "tickets_tried": attacks.tried,
        "bytes_to_who_may_look": attacks.seen_bytes,
    }
    report.expect("foreign bytes over the broker", stormed.foreign_bytes, at_most=0)
    report.expect("agents that never heard their own word", stormed.silent_agents, at_most=0)
    report.expect("foreign bytes of a live view", attacks.foreign_bytes, at_most=0)
    report.expect_true("pictures ran, and tickets were tried", value=attacks.seen_bytes > 0 and attacks.tried > 0)


def _decide(report: Report, chance: random.Random, count: int) -> None:
    began, allowed, wrong = time.monotonic(), 0, 0
    for _ in range(count):
        at_us = MONDAY_US + chance.randrange(-7 * US_PER_DAY, 7 * US_PER_DAY)
        holder = Holder("p", chance.choice(list(Role)), chance.random() < 0.05, at_us + chance.choice((0, 1, 10**9)))
        zones = frozenset(chance.sample(ROOMS, chance.choice((1, 1, 2))))
        kinds = frozenset({chance.choice(KINDS[:3]), chance.choice(KINDS)} - {""})
        lens = Lens("s", "c", zones, kinds, blanked=chance.random() < 0.1)
        relation, mode = (
            chance.choice(list(Relation)),
            chance.choice(("forbidden", "off", "consented", "required", "?")),
        )
        leases = [_lease(chance, at_us) for _ in range(chance.choice((0, 1, 1, 2)))]
        answer = judge(holder, lens, relation, mode, leases, at_us, ZONE)
        if isinstance(answer, Permit):
            allowed += 1
            wrong += not _second_reading(holder, lens, relation, mode, leases, at_us, answer.until_us)
    report.figures |= {"decisions": count, "allowed": allowed, "decisions_s": round(time.monotonic() - began, 1)}
    report.expect("decisions that a second reading refuses", wrong, at_most=0)
    report.expect_true("some were allowed", value=allowed > 0)


def _lease(chance: random.Random, at_us: int) -> Lease:
    return Lease(
        lease_id="l",
        child_id="c1",
        guardian_id="g1",
        zone_ids=frozenset(chance.sample(ROOMS, chance.choice((0, 1, 2, 3)))),
        hours=chance.choice((None, _DAY, _NIGHT)),
        start_us=at_us - chance.choice((0, 10**9, -1)),
        until_us=at_us + chance.choice((0, 1, US_PER_DAY)),
        revoked=chance.random() < 0.2,
        approved=chance.random() < 0.8,
        pick_up_day=chance.choice((None, "2026-11-01", "2026-12-31")),
        lacking=chance.choice((0, 0, 1, None)),
    )


_DAY, _NIGHT = parse("mon-fri 08:00-17:30"), parse("sun 22:00-06:00")


def _second_reading(holder, lens, relation, mode, leases, at_us, until_us) -> bool:
    """The rules said again, another way: minutes of a week in a zone whose clocks never change."""
    if holder.locked or not at_us < until_us <= holder.session_until_us or lens.blanked:
        return False
    if lens.zone_kinds & FORBIDDEN_KINDS or not lens.zone_kinds:
        return False
    if (holder.role, relation) in {
        ("police_auditor", "region"),
        ("health_regulator", "region"),
        ("facility_manager", "site"),
    }:
        return True
    minute = (at_us // US_PER_MINUTE + OFFSET_MIN + 3 * 24 * 60) % WEEK_MIN  # 1970-01-01 was a Thursday
    day, within = divmod(minute, 24 * 60)
    inside = {
        _DAY: day < 5 and 480 <= within < 1050,
        _NIGHT: (day == 6 and within >= 1320) or (day == 0 and within < 360),
    }
    return (holder.role, relation) == ("guardian", "child") and any(
        lease.lacking == 0
        and lease.approved
        and not lease.revoked
        and lease.start_us <= at_us < lease.until_us
        and until_us <= max(one.until_us for one in leases)
        and lease.pick_up_day != "2026-12-31"
        and not lens.zone_ids - lease.zone_ids
        and mode in {"consented", "required"}
        and inside.get(lease.hours, False)
        for lease in leases
    )


def _request(report: Report, chance: random.Random, count: int, folder: Path) -> None:
    database = Database(f"sqlite:///{folder / 'drill.db'}")
    migrate(database)
    nursery = Nursery(database).furnish()
    for site_id, mark in MARKS.items():
        nursery.change(Site, Site.id == site_id, name=mark)
    began, foreign, faults, seen = time.monotonic(), 0, 0, 0
    file = settings_for(database, folder)
    settings = load_server(file)
    make_authority(settings, database)  # without it nobody can be invited, and the server says so with 503
    with serving(settings, nursery.clock) as api:
        routes = [one for one in _routes(api.parts) if not one.path.endswith("/events")]
        clients = {}
        for name in PEOPLE:
            nursery.session(name)
            # A connection that was idle may be closed at the moment it is used again.
            fresh = httpx.Limits(max_keepalive_connections=0)
            kept = {"nightlight": nursery.tokens[name]}
            clients[name] = api.client(follow_redirects=False, cookies=kept, limits=fresh)
        for _ in range(count):
            name, site_id, route = chance.choice(list(PEOPLE)), chance.choice((SITE, OTHER)), chance.choice(routes)
            camera = chance.choice(("cam-a", "cam-b", "boat-cam-a"))
            path = route.path.format_map(_Filled(site=site_id, camera=camera, day="2026-11-23", agent=f"{site_id}-box"))
            answer = clients[name].request("GET" if "GET" in route.methods else "POST", path)
            strange = [mark for other, mark in MARKS.items() if name not in REACH[other]]
            foreign += sum(answer.content.count(mark.encode()) * len(mark) for mark in strange)
            if answer.status_code >= 500:
                print(f"  ! {answer.status_code} {name} {path}", file=sys.stderr)
            faults += answer.status_code >= 500
            seen += answer.status_code == 200
        api.close()
    report.figures |= {
        "requests": count,
        "answered_with_a_page": seen,
        "requests_s": round(time.monotonic() - began, 1),
    }
    report.expect("foreign bytes", foreign, at_most=0)
    report.expect("faults of the server", faults, at_most=0)


def _routes(parts) -> list[APIRoute]:
    found = []
    for route in build_app(parts).routes:
        found += route.original_router.routes if hasattr(route, "original_router") else [route]
    return [route for route in found if route.endpoint not in _open_endpoints]


class _Filled(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "1" if name in {"alarm_id", "certificate", "number"} else "0" * 32


if __name__ == "__main__":
    sys.exit(main())
