"""A change of the inventory is on its way within two seconds, and a database that is away only delays it."""

from threading import Event
from typing import ClassVar

import msgspec
import pytest

from config.base.clock import SystemClock
from config.base.errors import Unavailable
from config.wire.desired_state import DesiredCamera, DesiredState
from server.ingest.senders import Sender
from server.services.cameras.configure_cameras import CameraConfigurer
from server.services.cameras.send_configuration import ConfigurationOutlet
from storage.database.unit_of_work import Database
from tests.support.edge import wait_for
from tests.support.sites import SigningAgent


class Faulty(ConfigurationOutlet):
    """Fails in every way, once each."""

    faults: ClassVar[list[Exception]] = [Unavailable("away"), RuntimeError("a fault of our own")]

    def due(self) -> list[DesiredState]:
        if self.faults:
            raise self.faults.pop()
        return super().due()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_change_goes_out_after_faults_too(database: Database, agent: SigningAgent) -> None:
    sent: list[msgspec.Struct] = []
    stop = Event()
    worker = Sender("configuration", 0.01, Faulty(database, SystemClock()).due, sent.append, stop)
    worker.start()
    try:
        wanted = DesiredCamera(camera_id="nap-room", url="rtsp://192.0.2.10/main")
        CameraConfigurer(database, SystemClock()).change("sunflower", "nap-room", lambda _: wanted)
        wait_for("the desired state", lambda: sent)
    finally:
        stop.set()
        worker.close()
    (state,) = sent
    assert isinstance(state, DesiredState)
    assert (state.version, state.cameras) == (1, [wanted])
