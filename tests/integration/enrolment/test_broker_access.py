"""Who may come in at a real broker follows the database: let in after enrolment, out within seconds of revocation."""

import json
import queue
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event

import paho.mqtt.client as mqtt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from paho.mqtt.enums import CallbackAPIVersion

from config.base.clock import SystemClock
from config.base.errors import IntegrityViolation
from config.settings.server import load_server
from config.wire import topics
from deploy.local.broker import Broker
from server.domain.broker_rights import AgentRight
from server.jobs.broker_access import BrokerAccess, start_broker_access
from server.jobs.broker_control import COMMANDS_A_MESSAGE
from server.services.agents.broker_files import CertificateFiles, Keeper
from server.services.agents.revoke_agent import Revoker
from storage.database.unit_of_work import Database
from tests.support.api import settings_for
from tests.support.brokers import free_port
from tests.support.edge import wait_for
from tests.support.enrolment import AGENT, SITE, Box, Enrolling, enrolling_on, write_authority

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
OFF_WITHIN_S = 5.0
UP = topics.up(SITE, AGENT, "presence")


class Access:
    """A broker with the server's files, and the part of ``server.jobs`` that looks after it."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.clock = SystemClock()
        port = free_port()
        file = settings_for(database, folder)
        with file.open("a") as opened:
            opened.write(
                f'[mqtt]\nport = {port}\n[broker]\npid_file = "{folder}/mosquitto/mosquitto.pid"\ncheck_s = 0.2\n'
            )
        self.settings = load_server(file)
        write_authority(folder)
        self.keeper = Keeper.of(self.settings, self.clock)
        authority = self.keeper.files.load_authority()
        self.keeper.keep(authority)
        self.keeper.list_revoked(authority, {})
        self.folder = folder
        self.broker = Broker(folder / "mosquitto", port, files=self.keeper.files.broker_dir)
        self.enrolling: Enrolling = enrolling_on(database, self.clock)
        self._stop = Event()
        self._access: BrokerAccess | None = None

    def start(self) -> "Access":
        self.broker.start()
        self._access = start_broker_access(self.settings, self.database, self.clock, self._stop)
        assert self._access is not None
        return self

    def close(self) -> None:
        """Whatever of it is there: a test that failed on the way leaves no thread and no process."""
        self._stop.set()
        try:
            if self._access is not None:
                self._access.close()
        finally:
            self.broker.stop()

    def enrol(self, box: Box) -> Path:
        """Certificate and key of a box that has just come in."""
        pem = self.enrolling.enrol(box).certificate
        encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        file = self.folder / f"{box.signer.key_id}.pem"
        file.write_text(pem + box.key.private_bytes(encoding, form, serialization.NoEncryption()).decode())
        return file


class Visitor:
    """An MQTT client that comes again whenever it is thrown out."""

    def __init__(self, access: Access, certificate: Path) -> None:
        self.confirmed: queue.Queue[str] = queue.Queue()
        self.arrivals: list[float] = []
        self.thrown_out: list[str] = []
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=AGENT, protocol=mqtt.MQTTv5)
        context = ssl.create_default_context(cafile=str(access.broker.authority_file))
        context.load_cert_chain(certificate)
        self.client.tls_set_context(context)
        self.client.reconnect_delay_set(1, 1)
        self.client.on_connect = lambda *_: self.arrivals.append(time.monotonic())
        self.client.on_disconnect = lambda _c, _u, _f, reason, _p: self.thrown_out.append(str(reason))
        self.client.on_publish = lambda _c, _u, _m, reason, _p: self.confirmed.put(reason.getName())
        self.client.connect_async("127.0.0.1", access.broker.port)
        self.client.loop_start()

    def says(self) -> str:
        """What the broker answers to a message on the agent's own topic; empty where it says nothing."""
        while not self.confirmed.empty():
            self.confirmed.get_nowait()
        with suppress(queue.Empty):
            if self.client.is_connected() and self.client.publish(UP, b"x", qos=1).rc == mqtt.MQTT_ERR_SUCCESS:
                return self.confirmed.get(timeout=1)
        return ""

    def may_speak(self) -> bool:
        return self.says() in {"Success", "No matching subscribers"}

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def access(database: Database, tmp_path: Path) -> Iterator[Access]:
    made = Access(database, tmp_path)
    try:
        yield made.start()
    finally:
        made.close()


def test_let_in_after_enrolment_and_out_within_seconds_of_revocation(access: Access) -> None:
    visitor = Visitor(access, access.enrol(Box()))
    try:
        wait_for("the agent to be let in", visitor.may_speak)
        assert Revoker(access.database, access.clock).revoke(SITE, AGENT, "stolen")
        revoked = time.monotonic()
        wait_for("the cut", lambda: visitor.thrown_out, OFF_WITHIN_S)
        assert time.monotonic() - revoked < OFF_WITHIN_S
        assert visitor.thrown_out[0] == "Administrative action"
        time.sleep(2.5)  # it tries again every second
        arrived_after = [at for at in visitor.arrivals if at > revoked]
        assert arrived_after == [], "the handshake itself is refused"
        assert not visitor.client.is_connected()
        visitor.close()
        visitor = Visitor(access, access.enrol(Box()))
        wait_for("the box that was enrolled anew", visitor.may_speak)
    finally:
        visitor.close()


def test_a_new_box_in_an_agents_place_ends_the_old_ones_connection(access: Access) -> None:
    old = Visitor(access, access.enrol(Box()))
    try:
        wait_for("the old box", old.may_speak)
        fresh = access.enrol(Box())
        wait_for("the cut", lambda: "Administrative action" in old.thrown_out, OFF_WITHIN_S)
        new = Visitor(access, fresh)
        try:
            wait_for("the new box", new.may_speak)
            time.sleep(2.0)  # the old one tries again every second
            assert len(old.arrivals) == 1
            assert new.may_speak()
        finally:
            new.close()
    finally:
        old.close()


def test_a_broker_that_lost_its_list_is_told_again(access: Access) -> None:
    visitor = Visitor(access, access.enrol(Box()))
    try:
        wait_for("the agent to be let in", visitor.may_speak)
        access.broker.stop()
        rights = access.keeper.files.rights
        assert AGENT in rights.read_text()
        rights.unlink()
        wait_for("the first rights", rights.exists)
        assert AGENT not in rights.read_text()
        access.broker.start()
        wait_for("the agent to be let in again", visitor.may_speak)
    finally:
        visitor.close()


def test_a_stranger_in_the_list_is_deleted(access: Access) -> None:
    access.broker.stop()
    rights = access.keeper.files.rights
    document = json.loads(rights.read_text())
    stranger = AgentRight(SITE, "planted", "")
    document["clients"].append({k: v for k, v in stranger.client_command.items() if k != "command"})
    document["roles"].append({k: v for k, v in stranger.role_command.items() if k != "command"})
    rights.write_text(json.dumps(document))
    access.broker.start()
    wait_for("the stranger to go", lambda: "planted" not in rights.read_text())


def test_who_is_revoked_is_cut_off_although_the_files_cannot_be_written(
    access: Access, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    visitor = Visitor(access, access.enrol(Box()))
    try:
        wait_for("the agent to be let in", visitor.may_speak)

        def full(*_: object) -> bool:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(Keeper, "list_revoked", full)
        monkeypatch.setattr(Keeper, "keep", full)
        Revoker(access.database, access.clock).revoke(SITE, AGENT, "stolen")
        wait_for("the cut", lambda: visitor.thrown_out, OFF_WITHIN_S)
        monkeypatch.undo()
        listed = access.keeper.files.revocations
        wait_for("the list", lambda: len(x509.load_pem_x509_crl(listed.read_bytes())) == 1)
    finally:
        visitor.close()
    said = capsys.readouterr()
    assert "broker_files_not_kept" in said.out + said.err


def test_a_refused_command_keeps_none_of_those_after_it_from_being_carried_out(access: Access) -> None:
    access._stop.set()
    assert access._access is not None
    access._access._thread.join()
    control = access._access._control
    wait_for("the connection", lambda: control.ready)
    bad = [{"command": "createClient", "username": f"bad-{number}", "roles": 7} for number in range(3)]
    roles = [{"command": "createRole", "rolename": f"agent.v1.x.{number}"} for number in range(COMMANDS_A_MESSAGE)]
    with pytest.raises(IntegrityViolation, match="refuses") as raised:
        control.carry_out([{"command": "noSuchCommand"}, *bad, *roles])
    assert raised.value.code == "refused"
    assert {role["rolename"] for role in roles} <= control.state().roles


def test_it_is_off_where_there_is_no_authority(database: Database, tmp_path: Path) -> None:
    settings, stop = load_server(settings_for(database, tmp_path)), Event()
    made = start_broker_access(settings, database, SystemClock(), stop)
    stop.set()  # where it is on all the same, it goes on after the test
    assert made is None
    assert not CertificateFiles.of(settings).broker_dir.exists()
