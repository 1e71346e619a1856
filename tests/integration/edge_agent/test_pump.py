"""One thread alone touches the agent's TLS connection, however many publish."""

import threading
import time

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from config.wire import topics
from deploy.local.broker import AgentIdentity
from edge_agent.reporting.pump import Pump
from tests.support.brokers import StartBroker, tls_of
from tests.support.edge import AGENT, SITE, wait_for

THREADS, EACH = 6, 150


def test_many_threads_publish_while_answers_come_in_and_the_connection_stays_whole(start_broker: StartBroker) -> None:
    broker = start_broker(AgentIdentity(SITE, AGENT))
    answering = Client(CallbackAPIVersion.VERSION2, "ingest", protocol=MQTTProtocolVersion.MQTTv5)
    answering.tls_set_context(tls_of(broker, "ingest"))
    answering.on_connect = lambda client, *_: client.subscribe(topics.ALL_UP, 1)
    answering.on_message = lambda client, _, message: client.publish(topics.down(SITE, AGENT), message.payload, 1)
    answering.connect("127.0.0.1", broker.port)
    answering.loop_start()

    client = Client(CallbackAPIVersion.VERSION2, AGENT, protocol=MQTTProtocolVersion.MQTTv5, reconnect_on_failure=False)
    client.tls_set_context(tls_of(broker, AGENT))
    client.max_inflight_messages_set(128)
    ready, lost = threading.Event(), threading.Event()
    acknowledged, answers = [], []
    client.on_connect = lambda made, *_: made.subscribe(topics.down(SITE, AGENT), 1)
    client.on_subscribe = lambda *_: ready.set()
    client.on_disconnect = lambda *_: lost.set()
    client.on_publish = lambda *_: acknowledged.append(1)
    client.on_message = lambda _c, _u, message: answers.append(message.payload)

    def say(number: int) -> None:
        for step in range(EACH):
            while client.publish(topics.up(SITE, AGENT, "heartbeat"), f"{number}/{step}" + "x" * 900, 1).rc:
                time.sleep(0.01)
            time.sleep(0.001)

    with Pump(client) as pump:
        client.connect("127.0.0.1", broker.port)
        turning = threading.Thread(target=pump.run)
        turning.start()
        assert ready.wait(10)
        speakers = [threading.Thread(target=say, args=(number,)) for number in range(THREADS)]
        for speaker in speakers:
            speaker.start()
        for speaker in speakers:
            speaker.join()
        wait_for("every answer", lambda: len(answers) >= THREADS * EACH)
        assert not lost.is_set()
        assert len(acknowledged) == THREADS * EACH
        client.disconnect()
        turning.join(10)
        assert not turning.is_alive()
    answering.disconnect()
    answering.loop_stop()
    assert "rotocol error" not in broker.log.read_text()
