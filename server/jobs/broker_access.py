"""Keeps the broker's list of who may come in equal to the database's, and its files fresh.

Invariants: a revoked agent stands on the list of revoked certificates before its client is deleted, so that what is cut
off finds the door shut; where the list cannot be written, its client is deleted all the same. Whatever the broker forgot,
it is told again: after each connect, and every minute.
"""

import os
import signal
from pathlib import Path
from threading import Event, Thread

from sqlalchemy import select

from config.base.clock import US_PER_S, Clock
from config.base.errors import Conflict, NightlightError, Unavailable
from config.base.logs import get_logger
from config.settings.server import ServerSettings
from config.wire.envelope import key_id_of
from server.broker_tls import ServiceTls
from server.domain.broker_rights import AgentRight, BrokerState, added_services, changes
from server.jobs.broker_control import BrokerControl
from server.services.agents.authority import LIVE
from server.services.agents.broker_files import Keeper
from server.services.agents.revoke_agent import revoked_serials
from storage.database.models import Agent
from storage.database.unit_of_work import Database

RELOAD_WITHIN_S = 0.3
LOOK_AGAIN_US = 60 * US_PER_S
CLOSE_WITHIN_S = 10.0

log = get_logger("broker")


class BrokerAccess:
    """One thread. Without a broker it goes on trying; nothing else waits for it."""

    def __init__(self, settings: ServerSettings, database: Database, clock: Clock, stop: Event) -> None:
        self._database = database
        self._clock = clock
        self._stop = stop
        self._check_s = settings.broker.check_s
        self._pid_file = settings.broker.pid_file
        self._keeper = Keeper.of(settings, clock)
        self._authority = self._keeper.files.load_authority()
        self._keeper.keep(self._authority)
        tls = ServiceTls(self._keeper.files.authority, self._keeper.files.broker_access)
        self._control = BrokerControl(settings.mqtt.host, settings.mqtt.port, tls)
        self._known: BrokerState | None = None
        self._known_of = (0, 0)
        self._thread = Thread(target=self._run, name="broker-access")

    def start(self) -> None:
        self._control.start()
        self._thread.start()

    def close(self) -> None:
        """After ``stop`` was set."""
        self._thread.join(CLOSE_WITHIN_S)
        self._control.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.round()
            except (Unavailable, Conflict) as error:
                log.warning("broker_access_postponed", reason=str(error))
            except Exception:  # the thread's top: the next round may do better
                log.exception("broker_access_failed")
            self._stop.wait(self._check_s)

    def round(self) -> None:
        """Compares once. Raises Unavailable where database or broker does not answer, OSError where files do not."""
        wanted = wanted_rights(self._database)
        try:
            self._keep_files()
        except (OSError, NightlightError) as error:
            advice = "is there room on the disk, may this user write broker.files_dir? Who is revoked is cut off all the same"
            log.error("broker_files_not_kept", why=str(error), advice=advice)  # noqa: TRY400 - raised again
            raise
        finally:
            if self._control.ready:
                self._compare(wanted)

    def _keep_files(self) -> None:
        """Each for itself: a certificate that cannot be made keeps no list from being written, nor from being read."""
        changed, failed = False, []
        for step in (self._keep_certificates, self._list_revoked):
            try:
                changed = step() or changed
            except (OSError, NightlightError) as error:
                failed.append(error)
        if changed:
            self._reload()
        if failed:
            raise failed[0]

    def _keep_certificates(self) -> bool:
        return self._keeper.keep(self._authority)

    def _list_revoked(self) -> bool:
        return self._keeper.list_revoked(self._authority, revoked_serials(self._database, self._clock.utc_us()))

    def _compare(self, wanted: dict[str, AgentRight]) -> None:
        now_us = self._clock.monotonic_us()
        connection, looked_us = self._known_of
        if self._known is None or connection != self._control.connections or now_us - looked_us > LOOK_AGAIN_US:
            self._known, self._known_of = self._control.state(), (self._control.connections, now_us)
        commands = [*added_services(LIVE, self._known), *changes(wanted, self._known)]
        if not commands:
            return
        self._known = None  # until all of it is done, nothing is known
        self._control.carry_out(commands)
        log.info("broker_told", commands=len(commands), agents=len(wanted))
        self._known = self._control.state()

    def _reload(self) -> None:
        """Has the broker read its files again."""
        if not self._pid_file:
            log.info("broker_files_changed", advice="the broker's own machine has it read them again")
            return
        try:
            pid = int(Path(self._pid_file).read_text())
            # The file may be left from a broker that was killed, and the number be somebody else's by now.
            if "mosquitto" not in Path(f"/proc/{pid}/comm").read_text():
                raise ProcessLookupError(f"process {pid} is no mosquitto")
            os.kill(pid, signal.SIGHUP)
        except (OSError, ValueError) as error:
            advice = "is the broker running, and may this user signal it? See broker.pid_file"
            log.warning("broker_not_reloaded", why=str(error), advice=advice)
            return
        log.info("broker_reloaded")
        self._stop.wait(RELOAD_WITHIN_S)


def wanted_rights(database: Database) -> dict[str, AgentRight]:
    """Agent id → its right, of every agent that is not revoked."""
    with database.reading() as session:
        rows = session.execute(select(Agent.id, Agent.site_id, Agent.public_key).where(Agent.revoked_us.is_(None)))
        return {row.id: AgentRight(row.site_id, row.id, key_id_of(row.public_key)) for row in rows}


def start_broker_access(settings: ServerSettings, database: Database, clock: Clock, stop: Event) -> BrokerAccess | None:
    """Runs it; None where this server has no authority yet."""
    try:
        access = BrokerAccess(settings, database, clock, stop)
    except NightlightError as error:
        log.error("broker_access_off", why=str(error))  # noqa: TRY400 - the message says what to do
        return None
    access.start()
    return access
