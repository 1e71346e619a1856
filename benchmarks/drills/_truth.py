"""What the server says against what is true, frame by frame.

True is: what lay on the agent's disk when it was looked at, what the store gives back version by version, and the time
that the cameras burned into their pictures. None of it is taken from the agent's word.
"""

import sqlite3
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from benchmarks.drills import _footage
from benchmarks.drills._world import World
from config.base.timespan import SpanSet
from server.services.coverage.assess_day import Assessor
from server.services.coverage.read_day import CameraDay, DayReader
from storage.database.models import Camera, QuarantinedMessage, Segment, SegmentEviction
from storage.database.scope import AUDITOR, EVERY_REGION, Scope
from tests.support.edge import SITE

US_PER_S = 1_000_000
TIME_ERROR_US_MAX = 500_000
"""The goal is 100 ms; a machine that is being tormented paces its simulated cameras worse than that."""
EDGE_US = 1_000
PATIENCE_S = 30.0
UNDER_WAY = ("_pending", "neither covered nor a gap")
EVERYBODY = Scope("drill", AUDITOR, EVERY_REGION)


@dataclass
class Finding:
    """What one look found; an invariant that broke is a line of ``broken``."""

    broken: list[str] = field(default_factory=list)
    secured_frames: int = 0
    durable_frames: int = 0
    evicted_frames: int = 0
    covered_s: float = 0.0
    time_error_ms: float = 0.0
    causes: Counter[str] = field(default_factory=Counter)
    """Seconds by cause."""

    def must(self, holds: bool, what: str) -> None:  # noqa: FBT001 - reads as an assertion
        if not holds:
            self.broken.append(what)


class Truth:
    """Objects are read once: they are locked, and do not change."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._read: dict[str, _footage.Footage] = {}
        self.versions_read = 0

    def settle(self, within_s: float) -> int | None:
        """Waits until all that had been recorded a moment ago is with the server, or told to be lost; that moment."""
        now_us = self._world.clock.utc_us()
        settled = self._world.wait("the agent to settle", lambda: self._settled_until_us() > now_us, within_s)
        received = self._world.wait("the receipts", lambda: not self._open_before(now_us), within_s)
        return now_us if settled and received else None

    def judge(self, window: tuple[int, int], causes: set[str], only: set[str] | None = None) -> Finding:
        """``check``, again for a while where something is merely under way: what is settled may be unsettled again."""
        until = time.monotonic() + PATIENCE_S
        while True:
            found = self.check(window, causes, only)
            waits = found.broken and all(any(word in line for word in UNDER_WAY) for line in found.broken)
            if not waits or time.monotonic() > until:
                return found
            time.sleep(1)

    def check(self, window: tuple[int, int], causes: set[str], only: set[str] | None = None) -> Finding:
        """Judges a stretch of time; gaps in it may have these causes and no other.

        ``only``: the cameras that may have any gap.
        """
        found, world = Finding(), self._world
        evicted = self._evicted_digests(found)
        for camera in world.cameras:
            segments = self._segments(camera)
            secured = self._secured_digests(segments, camera, found)
            durable = world.durable[camera]
            found.durable_frames += len(durable)
            found.secured_frames += len(secured)
            on_disk = self._still_on_disk(camera)
            lost = durable - secured.keys() - evicted.get(camera, set()) - on_disk
            found.must(not lost, f"{camera}: {len(lost)} frames had been durable and are neither secured nor told lost")
            twice = [digest for digest, times in secured.items() if times > 1]
            found.must(not twice, f"{camera}: {len(twice)} frames are secured more than once")
            allowed = causes if only is None or camera in only else set()
            self._check_coverage(camera, segments, window, allowed, found)
        self._check_books(found)
        return found

    def _settled_until_us(self) -> int:
        with self._world.database.reading() as session:
            return min(session.scalars(select(Camera.settled_until_us)), default=0)

    def _open_before(self, instant_us: int) -> int:
        rows = self._world.box.query(
            "SELECT COUNT(*) AS n FROM segments WHERE state IN ('waiting', 'uploaded') AND start_us < ?", instant_us
        )
        return rows[0]["n"] if rows else 1

    def _segments(self, camera: str) -> list[Segment]:
        with self._world.database.reading() as session:
            query = select(Segment).where(Segment.camera_id == camera, Segment.secured_us.is_not(None))
            return list(session.scalars(query.order_by(Segment.start_us)))

    def _secured_digests(self, segments: list[Segment], camera: str, found: Finding) -> Counter[str]:
        digests: Counter[str] = Counter()
        store = self._world.evidence()
        for segment in segments:
            if segment.id not in self._read:
                data = b"".join(store.chunks(segment.object_key or "", segment.version_id or ""))
                self._read[segment.id] = _footage.read(data)
                self.versions_read += 1
            footage = self._read[segment.id]
            found.must(bool(footage.frames), f"{camera}: a secured segment holds no frame")
            spoilt = any(
                name == camera and segment.start_us < until and segment.end_us > since
                for name, since, until in self._world.garbage
            )
            found.must(not footage.unreadable_keyframes or spoilt, f"{camera}: a secured segment cannot be decoded")
            digests.update(footage.frames)
        return digests

    def _evicted_digests(self, found: Finding) -> dict[str, set[str]]:
        """Frames of segments that the agent gave up, as far as they were seen on its disk before."""
        with self._world.database.reading() as session:
            rows = session.execute(select(SegmentEviction.camera_id, SegmentEviction.segment_id)).all()
        given_up: dict[str, set[str]] = {}
        for camera, segment_id in rows:
            given_up.setdefault(camera, set()).update(self._world.frames_of.get(segment_id, set()))
        found.evicted_frames = sum(map(len, given_up.values()))
        return given_up

    def _still_on_disk(self, camera: str) -> set[str]:
        """What waits for its end: younger than what is settled."""
        found: set[str] = set()
        for path in list(self._world.box.spool.glob(f"{camera}/*.mp4*")):
            try:
                found.update(_footage.digests(path.read_bytes()))
            except FileNotFoundError:
                continue
        return found

    def _check_coverage(
        self, camera: str, segments: list[Segment], window: tuple[int, int], causes: set[str], found: Finding
    ) -> None:
        shown = SpanSet()
        for segment in segments:
            footage = self._read[segment.id]
            self._check_times(camera, segment, footage, found)
            shown |= SpanSet.of((segment.start_us, segment.start_us + footage.span_us + EDGE_US))
        covered, gaps = self._days(camera, window)
        found.covered_s += sum(span.duration_us for span in covered) / US_PER_S
        invented = covered - _widened(shown)
        found.must(not invented, f"{camera}: covered without footage: {_text(invented)}")
        uncounted = (shown.clip(*window) - covered) - _widened_gaps(gaps)
        long = SpanSet(span for span in uncounted if span.duration_us > TIME_ERROR_US_MAX)
        found.must(not long, f"{camera}: footage that is neither covered nor a gap: {_text(long)}")
        for start_us, end_us, cause in gaps:
            found.causes[cause] += round((end_us - start_us) / US_PER_S, 3)  # type: ignore[assignment]
            found.must(cause in causes, f"{camera}: {cause} at {_text(SpanSet.of((start_us, end_us)))}")
        accounted = covered | SpanSet.of(*((start, end) for start, end, _ in gaps))
        first_us = min((span.start_us for span in covered), default=window[1])
        unexplained = SpanSet.of((first_us, window[1])) - accounted if first_us < window[1] else SpanSet()
        found.must(not unexplained, f"{camera}: neither covered nor a gap: {_text(unexplained)}")

    def _check_times(self, camera: str, segment: Segment, footage: _footage.Footage, found: Finding) -> None:
        for at_us, instant_us in footage.stamped:
            error_us = segment.start_us + at_us - instant_us
            found.time_error_ms = max(found.time_error_ms, abs(error_us) / 1_000)
            found.must(
                abs(error_us) <= TIME_ERROR_US_MAX,
                f"{camera}: a picture of {_clock(instant_us)} stands at {_clock(segment.start_us + at_us)}",
            )

    def _days(self, camera: str, window: tuple[int, int]) -> tuple[SpanSet, list[tuple[int, int, str]]]:
        world = self._world
        reader = DayReader(world.database, world.clock, Assessor(world.settings.policy))
        covered: SpanSet = SpanSet()
        gaps: list[tuple[int, int, str]] = []
        day = datetime.fromtimestamp(window[0] / US_PER_S, UTC).date() - timedelta(days=1)
        while day <= datetime.fromtimestamp(window[1] / US_PER_S, UTC).date() + timedelta(days=1):
            seen: CameraDay = next(
                found for found in reader.day(EVERYBODY, SITE, day).cameras if found.camera_id == camera
            )
            covered |= SpanSet(seen.covered)
            gaps += [(gap.start_us, gap.end_us or window[1], gap.cause) for gap in seen.gaps]
            day += timedelta(days=1)
        clipped = [(max(start, window[0]), min(end, window[1]), cause) for start, end, cause in gaps]
        return covered.clip(*window), [gap for gap in clipped if gap[0] < gap[1]]

    def _check_books(self, found: Finding) -> None:
        """Nothing stands in quarantine, nothing was refused, no file is unknown, and no chain has a hole."""
        with self._world.database.reading() as session:
            refused = Counter(session.scalars(select(QuarantinedMessage.reason)))
            places = session.execute(select(Segment.camera_id, Segment.chain_id, Segment.sequence)).all()
        found.must(not refused, f"in quarantine: {dict(refused)}")
        chains: dict[tuple[str, str], list[int]] = {}
        for camera, chain, sequence in places:
            chains.setdefault((camera, chain), []).append(sequence)
        for (camera, _), sequences in chains.items():
            whole = sorted(sequences) == list(range(len(sequences)))
            found.must(whole, f"{camera}: the chain of manifests has a hole")
        states = self._world.box.query("SELECT state, COUNT(*) AS n FROM segments GROUP BY state")
        bad = {row["state"]: row["n"] for row in states if row["state"] in ("refused", "damaged")}
        found.must(not bad, f"segments set aside: {bad}")
        dead = self._world.box.query("SELECT COUNT(*) AS n FROM dead_letters")
        found.must(not dead or not dead[0]["n"], "dead letters")
        log = self._world.box.log()
        for word in ("worker_failed", "unknown_file_left_alone", "segment_unreadable", "told_in_vain"):
            found.must(word not in log, f"the agent's log says {word}")


def wait_for_database(world: World, within_s: float = 20) -> None:
    """The agent's spool can be read."""

    def readable() -> bool:
        try:
            return bool(world.box.query("SELECT 1 AS one FROM spool"))
        except sqlite3.Error:
            time.sleep(0.1)
            return False

    world.wait("the spool", readable, within_s)


def _widened(spans: SpanSet) -> SpanSet:
    return SpanSet((start - TIME_ERROR_US_MAX, end + TIME_ERROR_US_MAX) for start, end in spans)


def _widened_gaps(gaps: list[tuple[int, int, str]]) -> SpanSet:
    return SpanSet((start - EDGE_US, end + EDGE_US) for start, end, _ in gaps)


def _text(spans: SpanSet) -> str:
    return ", ".join(f"{_clock(start)} to {_clock(end)}" for start, end in list(spans)[:5])


def _clock(instant_us: int) -> str:
    return datetime.fromtimestamp(instant_us / US_PER_S, UTC).strftime("%H:%M:%S.%f")[:-3]
