"""A site's own store over the real API, with the agent's own parts: tickets, answers, the page, and what the line costs."""

import secrets
import socket
import threading
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from config.base.clock import US_PER_DAY, SystemClock
from config.base.errors import InvalidInput, Unavailable
from config.base.timespan import Span
from config.evidence.leaves import LEAF_BYTES
from config.settings.edge import load_edge
from config.settings.server import load_server
from config.wire import topics
from config.wire.cells import CellChallenge
from config.wire.segments import Receipt
from config.wire.status import Acknowledgement
from edge_agent.cells.worker import CellWorker
from edge_agent.centre import Centre
from edge_agent.messages import Sealer
from server.domain import cells as rules
from server.services.custody.hold_recordings import HoldKeeper
from tests.support.api import AUDITOR, RunningApi, add_accounts, serving, settings_for
from tests.support.cells import KEY, CellSite
from tests.support.stores import ObjectStore

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
TLS_RECORD_BYTES = 22
"""Around at most 16,384 bytes (RFC 8446, 5.2, with AES-GCM)."""
TCP_IP_BYTES = 52
"""Around each packet of at most 1,448 bytes."""
MQTT_BYTES = 12
"""Fixed header, topic length, packet id, properties; and a PUBACK of 4 comes back."""


class CountingProxy:
    """One TCP way to the API; counts what goes through it in either direction."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.bytes = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            upstream = socket.create_connection(("127.0.0.1", self._target))
            for source, sink in ((client, upstream), (upstream, client)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                self.bytes += len(data)
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            end.close()


@pytest.fixture
def site(database, any_object_store: ObjectStore, tmp_path: Path) -> CellSite:
    return CellSite(database, any_object_store, tmp_path)


@pytest.fixture
def api(site: CellSite, tmp_path: Path) -> Iterator[RunningApi]:
    """The API with the store's credential and the server's own key; its clock is the site's."""
    file = settings_for(site.database, tmp_path)
    access = site.store.server
    (tmp_path / "access").write_text(access.access_key)
    (tmp_path / "secret").write_text(access.secret_key)
    pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "sealing.pem").write_bytes(pem)
    text = file.read_text().replace("[server]\n", f'[server]\nsealing_key_file = "{tmp_path / "sealing.pem"}"\n')
    text = text.replace("[store]\n", f'[store]\nendpoint = "{access.endpoint}"\nbucket = "{access.bucket}"\n')
    file.write_text(text)
    add_accounts(site.database, site.clock, site.agent.site_id)
    with serving(load_server(file), SystemClock()) as running:
        yield running


@pytest.fixture
def proxy(api: RunningApi) -> Iterator[CountingProxy]:
    made = CountingProxy(int(api.url.rpartition(":")[2]))
    yield made
    made.close()


@pytest.fixture
def centre(proxy: CountingProxy) -> Iterator[Centre]:
    settings = msgspec.structs.replace(load_edge(enrolled=False).server, url=f"http://127.0.0.1:{proxy.port}")
    made = Centre(settings, 2)
    yield made
    made.close()


def worker_of(site: CellSite, centre: Centre) -> CellWorker:
    sealer = Sealer(site.agent.site_id, site.agent.agent_id, site.agent.signer)
    return CellWorker(sealer, centre, site.agent_store, SystemClock())  # type: ignore[arg-type]


def upload(site: CellSite, centre: Centre) -> tuple[int, int]:
    """One recording all the way to its receipt, tickets over the API; bytes of all MQTT messages, and its size."""
    manifest, data = site.record(secrets.token_bytes(4 * LEAF_BYTES))
    sealer = Sealer(site.agent.site_id, site.agent.agent_id, site.agent.signer)
    names = ("camera_id", "segment_id", "start_us", "end_us", "sha256", "size_bytes")
    ticket = centre.upload_ticket(sealer.ticket_request(*(getattr(manifest, name) for name in names)))
    file = site.folder / manifest.segment_id
    file.write_bytes(data)
    version_id = site.agent_store.put(ticket, file, len(data))
    seen = site.agent_store.look(ticket.look_url)
    (receipt,) = site.tell(manifest, seen, version_id)
    assert isinstance(receipt, Receipt)
    told = msgspec.structs.replace(site.agent.upload_of(manifest, version_id), seen=seen)
    about = {"message_id": "0" * 32, "site_id": site.agent.site_id, "agent_id": site.agent.agent_id}
    acknowledged = Acknowledgement(**about, of_message_id="0" * 32, outcome="committed")
    return sum(_over_mqtt(site, message) for message in (manifest, told, acknowledged, acknowledged, receipt)), len(
        data
    )


def _over_mqtt(site: CellSite, message: msgspec.Struct) -> int:
    topic = topics.up(site.agent.site_id, site.agent.agent_id, "segment-recorded")
    return _on_the_line(len(site.agent.signer.seal(message)) + len(topic) + MQTT_BYTES) + _on_the_line(4)


def _on_the_line(payload: int) -> int:
    """With TLS and TCP around it, and the other side's acknowledgements."""
    with_tls = payload + TLS_RECORD_BYTES * -(-payload // 16_384)
    return with_tls + 2 * TCP_IP_BYTES * -(-with_tls // 1_448)


def test_an_audited_camera_day_costs_a_thousandth_of_its_video(
    site: CellSite, api: RunningApi, proxy: CountingProxy, centre: Centre
) -> None:
    upload(site, centre)
    before = proxy.bytes
    over_mqtt, _ = upload(site, centre)
    a_segment = over_mqtt + _on_the_line(proxy.bytes - before)
    challenges = [task for task in site.challenges() if isinstance(task, CellChallenge)]
    before = proxy.bytes
    for task in challenges:
        worker_of(site, centre)._answer(task)
    assert len(site.covered()) == 1
    assert site.outcomes() == ["right", "right"]
    a_path = 6 * 67 * 4 // 3  # a recording of 15 MB has a path of eight: six hashes more, as JSON in base 64
    a_challenge = (
        _on_the_line((proxy.bytes - before) // 2) + a_path + sum(_over_mqtt(site, task) for task in challenges) // 2
    )
    a_beat = _over_mqtt(site, site.agent.heartbeat())
    assert a_challenge < rules.COST_BYTES * 1.1
    for bits_per_second in (2_000_000, 4_000_000):
        video = bits_per_second // 8 * 86_400
        pairs = max(video / rules.BYTES_A_DRAW, US_PER_DAY / rules.WAIT_US_MAX)
        line = 1_440 * a_segment + 2 * pairs * a_challenge + 2_880 * a_beat
        print(f"{bits_per_second}: {line:.0f} of {video} = {line / video:.4%}; {a_segment=} {a_challenge=} {a_beat=}")
        assert line / video <= 0.001


def test_an_answer_has_its_bounds_and_a_manifest_comes_first(site: CellSite, api: RunningApi, centre: Centre) -> None:
    with pytest.raises(InvalidInput) as refused:
        centre.cell_answer(b"{}", bytes(200_000))
    assert refused.value.code == "oversized"
    with pytest.raises(InvalidInput):
        centre.cell_answer(b"{}", b"")
    with pytest.raises(InvalidInput):
        centre.cell_fetched(b"{}")
    sealer = Sealer(site.agent.site_id, site.agent.agent_id, site.agent.signer)
    now_us = SystemClock().utc_us()
    with pytest.raises(Unavailable) as early:
        centre.upload_ticket(sealer.ticket_request(site.camera_id, "ab" * 16, now_us - 10, now_us, "0" * 64, 1))
    assert early.value.code == "manifest_first"


def test_the_page_and_its_data_say_whose_word_it_is(site: CellSite, api: RunningApi, centre: Centre) -> None:
    upload(site, centre)
    for task in site.challenges():
        worker_of(site, centre)._try(task)
    client = api.signed_in(AUDITOR)
    where = f"/sites/{site.agent.site_id}"
    assert client.get(f"/api/v1{where}/cell").json()["basis"] == "as_the_sites_agent_read_it"
    day = client.get(f"/api/v1{where}/days/today").json()
    assert day["cell"]["samples"] <= 1
    page = client.get(f"{where}/cell")
    assert page.status_code == 200
    assert "as the site's agent read them" in unescape(page.text)
    assert "1 − 0.01" in page.text or "nothing is known" in page.text
    assert "自有存储" in client.get(f"{where}/cell", headers={"Accept-Language": "zh-CN"}).text
    assert f'href="{where}/cell"' in client.get(where).text
    assert api.client().get(f"{where}/cell").status_code in (303, 401)


def test_a_recording_is_asked_for_on_the_page_and_played(site: CellSite, api: RunningApi, centre: Centre) -> None:
    upload(site, centre)
    client = api.signed_in(AUDITOR)
    where = f"/sites/{site.agent.site_id}"
    form = {"camera": site.camera_id, "at": "2020-01-01T00:00:00", "reason": "an accident"}
    refused = client.post(f"{where}/cell/fetches", data=form)
    assert refused.status_code == 404
    assert "no recording of that camera" in refused.text
    assert client.post(f"{where}/cell/fetches", data=form | {"at": "soon"}).status_code == 400
    at_us = site.end_us - 1_000_000
    assert client.post(f"/api/v1{where}/fetches", content=b"{").status_code == 400
    order = {"camera_id": site.camera_id, "at_us": at_us, "reason": "an accident"}
    asked = client.post(f"/api/v1{where}/fetches", json=order).json()
    assert asked["outcome"] is None
    assert client.get(f"{where}/fetches/{asked['fetch_id']}.mp4").status_code == 409
    (task,) = api.parts.cell_fetcher.due()
    worker_of(site, centre)._try(task)  # type: ignore[arg-type]
    (view,) = client.get(f"/api/v1{where}/fetches").json()
    assert view["outcome"] == "here"
    played = client.get(f"{where}/fetches/{asked['fetch_id']}.mp4")
    assert played.headers["content-type"] == "video/mp4"
    assert len(played.content) == task.size_bytes  # type: ignore[union-attr]
    assert "Play" in client.get(f"{where}/cell").text


def test_an_order_is_answered_over_the_api_and_stands_on_the_page_until_then(
    site: CellSite, api: RunningApi, centre: Centre
) -> None:
    upload(site, centre)
    review_us = site.clock.utc_us() + 30 * US_PER_DAY
    span = Span(site.end_us - 5_000_000, site.end_us)
    HoldKeeper(site.database, site.clock).place(site.agent.site_id, None, span, "an accident", "li", review_us)
    client = api.signed_in(AUDITOR)
    where = f"/sites/{site.agent.site_id}"
    (order,) = site.orders()
    waiting = client.get(f"/api/v1{where}/cell").json()
    assert (waiting["held"], waiting["not_held"], waiting["orders"][0]["pending"]) == (0, 1, 1)
    assert "0 of 1 recordings under a hold are held there" in client.get(f"{where}/cell").text
    assert "0 of 1 recordings are held, as its agent read them" in unescape(client.get(f"{where}/custody").text)
    with pytest.raises(InvalidInput):
        centre.cell_ordered(b"{}")
    worker_of(site, centre)._try(order)
    held = client.get(f"/api/v1{where}/cell").json()
    assert (held["held"], held["not_held"], held["orders"]) == (1, 0, [])
    assert "Nothing is on its way." in client.get(f"{where}/cell").text
