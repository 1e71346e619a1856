"""From the first answer of a store that shows a drift to what people see of it, by the server's own processes.

What is timed: the relay notes when it first told each lie; the database is looked at for the finding, its entry in the
ledger, and the time that is not covered any more; and for the notice of each, until it was handed to those who asked to be told.
"""

import sys
import time
from collections.abc import Callable

from sqlalchemy import select

from benchmarks.drills._keeping import SITE, Keeping, Said
from benchmarks.drills._keeping_truth import Found, Outcome, look
from benchmarks.drills._liar import UNSOUND, Lies, Told
from server.services.notices.tell import DRIFT
from storage.database.models import AuditFinding, LedgerEntry, NoticeEvent, Segment

ALARM_S_MAX = 60
WITHIN_S = 90
SLOW_S = 0.02
LIES: tuple[Told, ...] = ("gone", "truncated", "short")
"""One for each drift: object_missing, object_corrupt, lock_short."""


def alarm(world: Keeping, upload: Callable[[], list[Said]]) -> Outcome:
    """Three drifts in the middle of what is whole, on a slow store, found by ``server.jobs``."""
    made = [said for _ in range(6) for said in upload()]
    liars = dict(zip((said.key for said in made[1::4]), LIES, strict=True))
    lies = world.liar.lies = Lies(about=dict(liars), slow_s=SLOW_S)
    world.start("jobs")
    seen: dict[str, float] = {}
    noticed: dict[str, float] = {}

    def all_seen() -> bool:
        if not lies.first_told:
            world.audit_again()  # until it is due, and all of it at once: it is spread over the day otherwise
        now = time.monotonic()
        for key in _told(world, liars):
            seen.setdefault(key, now)
        for key in _handed_on(world, liars):
            noticed.setdefault(key, now)
        return set(seen) == set(noticed) == set(liars)

    world.wait("what was found to be told", all_seen, WITHIN_S)
    world.kill(*world.running)
    first = dict(lies.first_told)
    found, figures = Found(), dict[str, int | float | str]()
    for key, lie in liars.items():
        took_s = seen[key] - first[key] if key in seen else float(WITHIN_S)
        figures[f"{UNSOUND[lie]}_told_s"] = round(took_s, 1)
    late_s = [noticed[key] - first[key] if key in noticed else float(WITHIN_S) for key in liars]
    figures["notice_told_s"] = round(max(late_s), 1)
    figures["told_s"] = max(float(value) for value in figures.values())
    found.must(float(figures["told_s"]) <= ALARM_S_MAX, f"a drift was told {figures['told_s']} s after it was found")
    print(f"  told after {figures['told_s']} s at worst", file=sys.stderr, flush=True)
    return _mended(world, liars, found, figures)


def _told(world: Keeping, liars: dict[str, Told]) -> list[str]:
    """Keys of which all of it is there: finding, entry in the ledger, and no cover."""
    with world.database.reading() as session:
        rows = session.execute(
            select(AuditFinding.object_key, AuditFinding.drift, AuditFinding.segment_id, Segment.secured_us)
            .join(Segment, Segment.id == AuditFinding.segment_id)
            .where(AuditFinding.settled_us.is_(None), AuditFinding.object_key.in_(liars))
        ).all()
        entries = set(
            session.scalars(
                select(LedgerEntry.subject).where(LedgerEntry.site_id == SITE, LedgerEntry.kind == "segment-unsound")
            )
        )
    return [
        row.object_key
        for row in rows
        if row.drift == UNSOUND[liars[row.object_key]] and row.secured_us is None and row.segment_id in entries
    ]


def _handed_on(world: Keeping, liars: dict[str, Told]) -> list[str]:
    """Keys of which a notice was made into messages, or found nobody who asked for any."""
    with world.database.reading() as session:
        handed = session.scalars(select(NoticeEvent.key).where(NoticeEvent.planned_us.is_not(None))).all()
        found = session.execute(
            select(AuditFinding.id, AuditFinding.object_key).where(AuditFinding.object_key.in_(liars))
        ).all()
    return [row.object_key for row in found if any(key.startswith(f"{DRIFT}:{row.id}:") for key in handed)]


def _mended(world: Keeping, liars: dict[str, Told], found: Found, figures: dict[str, int | float | str]) -> Outcome:
    world.liar.lies = Lies()
    world.start("jobs")

    def settled() -> bool:
        # Not what an administrator did before: the lifecycle rule that he agreed to lays a delete marker on everything.
        unsettled = select(AuditFinding.id).where(
            AuditFinding.settled_us.is_(None),
            AuditFinding.object_key.in_(liars),
            AuditFinding.drift.in_([UNSOUND[lie] for lie in LIES]),
        )
        with world.database.reading() as session:
            accused = session.scalars(unsettled).all()
        world.audit_again()
        return not accused

    cleared = world.wait("what is whole again to be accused no more", settled, WITHIN_S)
    found.must(cleared, "what is whole again is still accused")
    world.kill(*world.running)
    after = look(world, settled=False)
    after.broken += found.broken
    return Outcome(after, figures)
