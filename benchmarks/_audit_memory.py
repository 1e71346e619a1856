"""How much memory an audit takes: ``python -m benchmarks._audit_memory VERSIONS [stating]``: seconds and bytes as JSON.

The database is real and holds that many rows. The store stands in, for a million objects would take an hour to put: it
answers and lists as one would that holds them all, with locks in its listings where ``stating`` is given. Run as a process of its own, so that
the peak is the audit's.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text

from config.base.clock import US_PER_DAY, US_PER_S, SystemClock, from_datetime
from server.services.audit.audit_store import StoreAuditor
from server.services.registers.register import Register
from storage.database.migrate import migrate
from storage.database.unit_of_work import Database
from storage.objects.port import ClockOffset, ListedVersion, LockMode, StoredVersion
from tests.support.clock import SimulatedClock
from tests.support.sites import SigningAgent

A_DAY = 1_440
DAYS = 85
RETAIN_DAYS = 90
_ROWS = """
INSERT INTO segment (id, site_id, camera_id, agent_id, timeline_id, chain_id, sequence, start_us, end_us, sha256,
  size_bytes, payload_sha256, envelope, received_us, object_key, version_id, retain_until_us, secured_us, etag)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :rows)
SELECT printf('%032x', i + :first), :site, :camera, :agent, :zero, printf('%032x', :first), i, :start + i * :step,
  :start + (i + 1) * :step, printf('%064x', i), 1, printf('%064x', i), zeroblob(900), :start + (i + 1) * :step,
  '', printf('v%d', i + :first), :start + (i + 1) * :step + :keep, :start + (i + 1) * :step, 'e'
FROM n
"""


class StandIn:
    """A store that holds every version that the database knows; with ``states_locks`` its listings say so."""

    def __init__(self, rows_a_camera: int, start_us: int, *, states_locks: bool) -> None:
        self._rows, self._start_us, self.states_locks = rows_a_camera, start_us, states_locks

    def clock_offset(self) -> ClockOffset:
        return ClockOffset(0, 1)

    def stat_version(self, key: str, version_id: str) -> StoredVersion:
        number = int(version_id[1:])
        digest = f"{number % self._rows:064x}"
        return StoredVersion(
            key, version_id, 1, digest, "store", "COMPLIANCE", 2**53, legal_hold=False, is_delete_marker=False, etag="e"
        )

    def list_versions(self, prefix: str, *, stating: bool = False) -> Iterator[ListedVersion]:
        _, camera, year, month, day, _ = prefix.split("/")
        midnight_us = from_datetime(datetime(int(year), int(month), int(day), tzinfo=UTC))
        in_day = (midnight_us - self._start_us) // (60 * US_PER_S)
        mode: LockMode | None = "COMPLIANCE" if stating and self.states_locks else None
        for number in range(max(0, in_day), min(in_day + A_DAY, self._rows)):
            version_id = f"v{int(camera.rpartition('-')[2]) * self._rows + number}"
            yield ListedVersion("", version_id, 1, True, False, 0, "e", mode, 2**53)
            yield ListedVersion(f"{prefix}{number}.mp4", f"x{number}", 1, True, False, 2**53)


def main(versions: int, *, stating: bool) -> None:
    """Fills a database and audits it once."""
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder)}/bench.db")
        migrate(database)
        cameras = max(1, versions // (A_DAY * DAYS))
        rows = versions // cameras
        agent = _register(database, clock, cameras)
        start_us = clock.utc_us() - (rows // A_DAY + 1) * US_PER_DAY
        start_us -= start_us % US_PER_DAY
        for number in range(cameras):
            with database.unit_of_work() as session:
                session.execute(
                    text(_ROWS),
                    {
                        "rows": rows,
                        "first": number * rows,
                        "site": agent.site_id,
                        "camera": f"camera-{number:03}",
                        "agent": agent.agent_id,
                        "zero": "0" * 32,
                        "start": start_us,
                        "step": 60 * US_PER_S,
                        "keep": (RETAIN_DAYS + 2) * US_PER_DAY,
                    },
                )
        store = StandIn(rows, start_us, states_locks=stating)
        auditor = StoreAuditor(database, store, clock, RETAIN_DAYS)  # type: ignore[arg-type]
        before = _peak_bytes()
        began = time.perf_counter()
        auditor.begin()
        while auditor.step():
            pass
        took_s = time.perf_counter() - began
        with database.reading() as session:
            checked, found = session.execute(text("SELECT checked, found FROM audit_round")).one()
        database.close()
        told = {
            "seconds": took_s,
            "peak_bytes": _peak_bytes(),
            "before_bytes": before,
            "checked": checked,
            "found": found,
        }
        print(json.dumps(told))


def _register(database: Database, clock: SystemClock, cameras: int) -> SigningAgent:
    agent = SigningAgent(database, SimulatedClock(clock.utc_us()), camera_id="camera-000").register()
    register = Register(database, clock)
    for number in range(1, cameras):
        name = f"camera-{number:03}"
        register.add_camera(agent.site_id, name, "nap", agent.agent_id, name)
    return agent


def _peak_bytes() -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1_024


if __name__ == "__main__":
    main(int(sys.argv[1]), stating=sys.argv[2:] == ["stating"])
