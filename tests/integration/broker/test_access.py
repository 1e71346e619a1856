"""The broker itself keeps agents apart: a real Mosquitto with the access list that deployments use."""

import queue
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from config.wire import topics
from deploy.local.broker import AgentIdentity, Broker
from tests.support.brokers import StartBroker, tls_of

WAIT_S = 10
SILENCE_S = 1.0
SUN = AgentIdentity("sunflower", "sunflower-agent")
BOAT = AgentIdentity("little-boat", "little-boat-agent")


class Peer:
    """One connected client that keeps what happened to it."""

    def __init__(self, client: mqtt.Client) -> None:
        self.client = client
        self.connected: queue.Queue[ReasonCode] = queue.Queue()
        self.received: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.confirmed: queue.Queue[ReasonCode] = queue.Queue()
        self.subscribed: queue.Queue[list[ReasonCode]] = queue.Queue()
        client.on_connect = lambda _c, _u, _f, reason, _p: self.connected.put(reason)
        client.on_message = lambda _c, _u, message: self.received.put((message.topic, message.payload))
        client.on_publish = lambda _c, _u, _m, reason, _p: self.confirmed.put(reason)
        client.on_subscribe = lambda _c, _u, _m, reasons, _p: self.subscribed.put(reasons)

    def publish(self, topic: str) -> ReasonCode:
        self.client.publish(topic, b"hello", qos=1)
        return self.confirmed.get(timeout=WAIT_S)

    def subscribe(self, topic: str) -> None:
        self.client.subscribe(topic, qos=1)
        self.subscribed.get(timeout=WAIT_S)


@contextmanager
def connect(broker: Broker, user: str, client_id: str = "", *, kept: Properties | None = None) -> Iterator[Peer]:
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id or f"test-{user}", protocol=mqtt.MQTTv5)
    client.tls_set_context(tls_of(broker, user))
    peer = Peer(client)
    client.connect("127.0.0.1", broker.port, clean_start=kept is None, properties=kept)
    client.loop_start()
    try:
        yield peer
    finally:
        client.disconnect()
        client.loop_stop()


@pytest.fixture
def broker(start_broker: StartBroker) -> Broker:
    return start_broker(SUN, BOAT)


def test_an_agent_reaches_ingest_and_is_answered(broker: Broker) -> None:
    with connect(broker, "ingest") as ingest, connect(broker, SUN.agent_id) as agent:
        ingest.subscribe(topics.ALL_UP)
        agent.subscribe(topics.down(SUN.site_id, SUN.agent_id))
        assert not agent.publish(topics.up(SUN.site_id, SUN.agent_id, "heartbeat")).is_failure
        assert ingest.received.get(timeout=WAIT_S)[0] == topics.up(SUN.site_id, SUN.agent_id, "heartbeat")
        assert not ingest.publish(topics.down(SUN.site_id, SUN.agent_id)).is_failure
        assert agent.received.get(timeout=WAIT_S)[1] == b"hello"


@pytest.mark.parametrize(
    "topic",
    [
        topics.up(BOAT.site_id, BOAT.agent_id, "heartbeat"),
        topics.up(SUN.site_id, BOAT.agent_id, "heartbeat"),
        topics.up(BOAT.site_id, SUN.agent_id, "heartbeat"),
        topics.down(SUN.site_id, SUN.agent_id),
        "nightlight/v2/up/x",
        "anything",
    ],
)
def test_an_agent_writes_nothing_but_its_own_topics(broker: Broker, topic: str) -> None:
    with connect(broker, "ingest") as ingest, connect(broker, SUN.agent_id) as agent:
        ingest.subscribe(topics.ALL_UP)
        assert agent.publish(topic).getName() == "Not authorized"
        # The broker keeps order: what comes after the refused message proves that the refused one never came.
        agent.publish(topics.up(SUN.site_id, SUN.agent_id, "heartbeat"))
        assert ingest.received.get(timeout=WAIT_S)[0] == topics.up(SUN.site_id, SUN.agent_id, "heartbeat")


@pytest.mark.parametrize("topic", ["#", "nightlight/v1/up/#", topics.down(BOAT.site_id, BOAT.agent_id), "$SYS/#"])
def test_an_agent_reads_nothing_but_its_own_topic(broker: Broker, topic: str) -> None:
    with connect(broker, "ingest") as ingest, connect(broker, SUN.agent_id) as agent:
        agent.subscribe(topic)
        ingest.publish(topics.down(BOAT.site_id, BOAT.agent_id))
        with pytest.raises(queue.Empty):
            agent.received.get(timeout=SILENCE_S)


def test_nobody_comes_in_without_a_certificate_of_the_authority(
    broker: Broker, start_broker: StartBroker, tmp_path: Path
) -> None:
    plain = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    nameless = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    nameless.tls_set_context(ssl.create_default_context(cafile=str(broker.authority_file)))
    forger = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    foreign = ssl.create_default_context(cafile=str(broker.authority_file))
    foreign.load_cert_chain(start_broker(SUN, BOAT).certificate_file(SUN.agent_id))
    forger.tls_set_context(foreign)
    for client in (plain, nameless, forger):
        peer = Peer(client)
        with suppress(OSError):
            client.connect("127.0.0.1", broker.port)
            client.loop_start()
            with pytest.raises(queue.Empty):
                peer.connected.get(timeout=SILENCE_S)
            client.loop_stop()


def test_who_says_to_be_somebody_else_is_still_who_the_certificate_says(broker: Broker) -> None:
    with connect(broker, "ingest") as ingest:
        ingest.subscribe(topics.ALL_UP)
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=BOAT.agent_id, protocol=mqtt.MQTTv5)
        client.username_pw_set("service.ingest", "")
        client.tls_set_context(tls_of(broker, SUN.agent_id))
        peer = Peer(client)
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        assert peer.publish(topics.up(BOAT.site_id, BOAT.agent_id, "heartbeat")).getName() == "Not authorized"
        assert peer.publish(topics.down(BOAT.site_id, BOAT.agent_id)).getName() == "Not authorized"
        client.disconnect()
        client.loop_stop()


def test_the_brokers_list_is_not_for_agents_or_ingest(broker: Broker) -> None:
    for user in ("ingest", SUN.agent_id):
        with connect(broker, user) as peer:
            assert peer.publish("$CONTROL/dynamic-security/v1").is_failure


def test_keys_lie_where_only_their_owner_reads_them(broker: Broker) -> None:
    folder = broker.certificate_file("ingest").parent
    assert all(file.stat().st_mode & 0o077 == 0 for file in folder.iterdir() if b"PRIVATE" in file.read_bytes())
    assert (broker.authority_file.parent / "server.pem").stat().st_mode & 0o027 == 0


def test_a_message_for_an_absent_agent_survives_an_orderly_restart(broker: Broker) -> None:
    topic = topics.down(SUN.site_id, SUN.agent_id)
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="agent", protocol=mqtt.MQTTv5)
    client.tls_set_context(tls_of(broker, SUN.agent_id))
    peer = Peer(client)
    kept = Properties(PacketTypes.CONNECT)
    kept.SessionExpiryInterval = 3_600
    client.connect("127.0.0.1", broker.port, clean_start=False, properties=kept)
    client.loop_start()
    peer.subscribe(topic)
    client.disconnect()
    client.loop_stop()
    with connect(broker, "ingest") as ingest:
        ingest.publish(topic)
    identity = broker.certificate_file("ingest").read_text()
    broker.stop()
    broker.start()
    assert broker.certificate_file("ingest").read_text() == identity
    client.connect("127.0.0.1", broker.port, clean_start=False, properties=kept)
    client.loop_start()
    assert peer.received.get(timeout=WAIT_S) == (topic, b"hello")
    client.disconnect()
    client.loop_stop()


@pytest.mark.parametrize("victim", ["ingest", BOAT.agent_id])
def test_with_the_client_id_of_another_nobody_takes_its_session(broker: Broker, victim: str) -> None:
    name = victim if victim == BOAT.agent_id else "service.ingest"
    with connect(broker, victim, name) as held:
        assert not held.connected.get(timeout=WAIT_S).is_failure
        lost: queue.Queue[str] = queue.Queue()
        held.client.on_disconnect = lambda _c, _u, _f, reason, _p: lost.put(str(reason))
        with connect(broker, SUN.agent_id, name) as thief:
            assert not thief.publish(topics.up(SUN.site_id, SUN.agent_id, "heartbeat")).is_failure
            with pytest.raises(queue.Empty):
                lost.get(timeout=SILENCE_S)
            assert held.client.is_connected()


def test_both_ways_into_ingest_stand_at_once_and_keep_what_came_while_they_were_away(broker: Broker) -> None:
    kept = Properties(PacketTypes.CONNECT)
    kept.SessionExpiryInterval = 3_600
    groups = {"ingest": topics.INGEST_GROUP, "ingest-express": topics.EXPRESS_GROUP}
    for _ in range(2):
        with (
            connect(broker, "ingest", kept=kept) as common,
            connect(broker, "ingest-express", kept=kept) as express,
            connect(broker, SUN.agent_id) as agent,
        ):
            for peer, group in zip((common, express), groups.values(), strict=True):
                peer.subscribe(group)
            agent.publish(topics.up(SUN.site_id, SUN.agent_id, "heartbeat"))
            agent.publish(topics.up(SUN.site_id, SUN.agent_id, "alarm-event"))
            assert common.received.get(timeout=WAIT_S)[0].endswith("/heartbeat")
            assert express.received.get(timeout=WAIT_S)[0].endswith("/alarm-event")
            assert common.client.is_connected()
            assert express.client.is_connected()
    with connect(broker, SUN.agent_id) as agent:
        agent.publish(topics.up(SUN.site_id, SUN.agent_id, "alarm-event"))
    with connect(broker, "ingest-express", kept=kept) as express:
        assert express.received.get(timeout=WAIT_S)[0].endswith("/alarm-event")
