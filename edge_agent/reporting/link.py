"""One MQTT v5 connection after another, for ever.

Invariants: each connection is a new client with nothing queued inside it, so nothing is sent that its sender no longer
means; what must not be lost lies in the outbox on the disk. Callbacks only enqueue. A PUBACK with a failure code is
told, for paho itself calls such a message published.

Source: MQTT 5.0 (OASIS), 3.1.2.5 will, 3.4 PUBACK, 4.9 flow control.
"""

import queue
import ssl
import threading
import time
from collections.abc import Callable

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from config.base.backoff import Backoff
from config.base.errors import ConfigurationError
from config.base.logs import get_logger
from config.settings.edge import MqttSettings
from config.wire import topics
from config.wire.envelope import ENVELOPE_BYTES_MAX
from edge_agent.enrolment.credentials import Credentials
from edge_agent.lifecycle import Worker
from edge_agent.messages import Sealer
from edge_agent.reporting.closing import ClosingHeartbeats, Delivery
from edge_agent.reporting.pump import Pump

RECONNECT_FIRST_S, RECONNECT_LIMIT_S = 0.5, 15.0
CONNECT_WITHIN_S = 10.0
INFLIGHT_MAX = 128
QUEUED_MAX = 256
INBOX_MAX = 2_048
SAY_GOODBYE_WITHIN_S = 1.0
NO_SUBSCRIBER = 0x10  # MQTT 5.0, 3.4.2.1
SESSION_TAKEN_OVER = 0x8E  # MQTT 5.0, 3.14.2.1; Mosquitto 2.0.11 cuts without the word, hence the count below
SHORT_S, SHORT_MAX = 10.0, 4
"""So many connections in a row that were cut so soon: two clients take the session from each other."""
REFUSED = (
    "the broker does not let this agent in (yet). A few seconds after enrolment that passes; else its certificate is over"
    " or the operator has revoked it: ask for a code, then: sudo nightlight-agent enrol. Recording goes on"
)
COPIED = (
    "no connection lasts: perhaps another machine comes in with this agent's identity. Was the disk copied? Then revoke the"
    " agent and enrol one machine anew"
)

log = get_logger("mqtt")


class MqttLink(Worker):
    """Thread-safe. Bytes from the server arrive in ``inbox``."""

    def __init__(
        self,
        settings: MqttSettings,
        credentials: Credentials,
        sealer: Sealer,
        timeline_id: Callable[[], str],
        closing: ClosingHeartbeats,
        on_connected: Callable[[], None],
    ) -> None:
        super().__init__("mqtt-link")
        self._settings = settings
        self._credentials = credentials
        self._sealer = sealer
        self._timeline_id = timeline_id
        self._closing = closing
        self._on_connected = on_connected
        self._down = topics.down(sealer.site_id, sealer.agent_id)
        self._client: Client | None = None
        self._pump: Pump | None = None
        self._connected = threading.Event()
        self.number = 0
        """Of the connection: a new one each time."""
        self._refused: set[int] = set()
        self._came_in, self._came_in_s = False, 0.0
        self._short = 0
        self._backoff = Backoff(RECONNECT_FIRST_S, RECONNECT_LIMIT_S)
        self.inbox: queue.Queue[bytes] = queue.Queue(INBOX_MAX)
        self._refused_publishes = 0

    @property
    def connected(self) -> bool:
        return self._connected.is_set()

    def publish(self, name: str, body: bytes, *, expires_s: int | None = None) -> bool:
        """Hands a message to the connection; False where there is none or its window is full. No promise beyond.

        ``expires_s``: the broker throws it away if nobody has taken it by then.
        """
        return self.deliver(name, body, expires_s=expires_s) is not None

    def deliver(self, name: str, body: bytes, *, expires_s: int | None = None) -> Delivery | None:
        """The same, for whoever wants to know what becomes of it; None where nothing was handed over."""
        client = self._client
        if client is None or not self.connected:
            return None
        return self._send(client, name, body, expires_s)

    def publish_closing(self) -> None:
        """Sends what disproves a timeline, if there is a connection; else the next one begins with it."""
        client = self._client
        if client is not None and self.connected:
            self._closing.send(lambda name, body: self._send(client, name, body, None))

    def renew(self) -> None:
        """Ends the connection in good order and makes another, whose last will speaks of the present timeline."""
        client = self._client
        if client is not None:
            client.disconnect()

    def _send(self, client: Client, name: str, body: bytes, expires_s: int | None) -> Delivery | None:
        properties = None
        if expires_s is not None:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = expires_s
        topic = topics.up(self._sealer.site_id, self._sealer.agent_id, name)
        body = self._sealer.under_present_key(body)
        info, refused = client.publish(topic, body, qos=1, properties=properties), self._refused
        pump = self._pump
        if pump is not None:
            pump.rouse()
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            return None
        return lambda: info.mid not in refused if info.is_published() else None

    def run(self) -> None:
        while not self.stopping.is_set():
            self._connect_once()
            self.stopping.wait(self._backoff.next_s())

    def close(self, timeout_s: float) -> bool:
        """Says goodbye in good order, so that the last will is not needed."""
        client = self._client
        if client is not None and self.connected:
            topic = topics.up(self._sealer.site_id, self._sealer.agent_id, "presence")
            said = client.publish(topic, self._sealer.presence(self._timeline_id(), online=False), qos=1, retain=True)
            if said.rc == MQTTErrorCode.MQTT_ERR_SUCCESS:
                said.wait_for_publish(SAY_GOODBYE_WITHIN_S)
        self.stop()
        if client is not None:
            client.disconnect()
        return super().close(timeout_s)

    def _connect_once(self) -> None:
        """One connection from its first byte to its end."""
        where = f"{self._settings.host}:{self._settings.port}"
        try:
            client, self._refused = self._new_client(), set()
        except ConfigurationError as error:
            log.error("no_certificate", why=str(error))  # noqa: TRY400 - the message says what to do
            return
        with Pump(client) as pump:
            try:
                client.connect(self._settings.host, self._settings.port, self._settings.keepalive_s, clean_start=True)
            except ssl.SSLError as error:
                log.error("broker_untrusted", broker=where, why=str(error)[:200], advice=advice_on(error))  # noqa: TRY400
                return
            except (OSError, ValueError) as error:
                log.warning("broker_unreachable", broker=where, error=type(error).__name__, why=str(error)[:120])
                return
            self._client, self._pump = client, pump
            try:
                pump.run()
            except OSError as error:
                log.warning("broker_connection_broke", broker=where, error=type(error).__name__)
            finally:
                self._connected.clear()
                self._client = self._pump = None

    def _new_client(self) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._sealer.agent_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        client.tls_set_context(self._credentials.tls_context())
        client.connect_timeout = CONNECT_WITHIN_S
        client.max_inflight_messages_set(INFLIGHT_MAX)
        client.max_queued_messages_set(QUEUED_MAX)
        will = topics.up(self._sealer.site_id, self._sealer.agent_id, "presence")
        client.will_set(will, self._sealer.presence(self._timeline_id(), online=False), qos=1, retain=True)
        client.on_connect = self._connected_now
        client.on_disconnect = self._disconnected
        client.on_publish = self._published
        client.on_message = self._received
        client.on_subscribe = self._subscribed
        self._came_in = False
        return client

    def _connected_now(
        self, client: Client, _userdata: object, _flags: ConnectFlags, code: ReasonCode, _properties: Properties | None
    ) -> None:
        if code.is_failure:
            log.error("broker_refused", why=str(code), advice=REFUSED)
            return
        self._came_in, self._came_in_s = True, time.monotonic()
        client.subscribe(self._down, qos=1)
        self._closing.send(lambda name, body: self._send(client, name, body, None))
        topic = topics.up(self._sealer.site_id, self._sealer.agent_id, "presence")
        client.publish(topic, self._sealer.presence(self._timeline_id(), online=True), qos=1, retain=True)
        self.number += 1
        self._connected.set()
        log.info("broker_connected", broker=f"{self._settings.host}:{self._settings.port}")
        self._on_connected()

    def _disconnected(
        self, _client: Client, _userdata: object, _flags: DisconnectFlags, code: ReasonCode, _props: Properties | None
    ) -> None:
        self._connected.clear()
        if self.stopping.is_set():
            return
        lasted = self._came_in and time.monotonic() - self._came_in_s > SHORT_S
        if self._came_in:
            self._short = 0 if lasted or not code.is_failure else self._short + 1
        if lasted:
            self._backoff.reset()
        if code.value == SESSION_TAKEN_OVER or (self._came_in and self._short >= SHORT_MAX):
            log.error("identity_in_two_places", why=str(code), short_connections=self._short, advice=COPIED)
        elif not self._came_in:
            log.error("broker_refused", why=str(code), advice=REFUSED)
        else:
            log.warning("broker_disconnected", why=str(code))

    def _subscribed(
        self, client: Client, _userdata: object, _mid: int, codes: list[ReasonCode], _properties: Properties | None
    ) -> None:
        if any(code.is_failure for code in codes):
            log.error("subscription_refused", advice=REFUSED)
            client.disconnect()  # and again, at growing intervals, until the broker knows this agent

    def _published(
        self, _client: Client, _userdata: object, mid: int, code: ReasonCode, _properties: Properties | None
    ) -> None:
        if code.value == NO_SUBSCRIBER:
            self._refused.add(mid)  # accepted, and thrown away: the server was not there
        if code.is_failure:
            self._refused_publishes += 1
            self._refused.add(mid)
            advice = "the broker's access list does not let this agent write its own topics"
            log.error("publish_refused", why=str(code), advice=advice, refused=self._refused_publishes)

    def _received(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        if len(message.payload) > ENVELOPE_BYTES_MAX:
            log.warning("answer_too_large", size_bytes=len(message.payload))
            return
        try:
            self.inbox.put_nowait(bytes(message.payload))
        except queue.Full:  # the server answers again when the question is sent again
            log.warning("answer_dropped", waiting=self.inbox.qsize())


def advice_on(error: ssl.SSLError) -> str:
    """What to do where TLS did not come about."""
    why = str(error)
    if "not yet valid" in why:
        return "the clock of this machine is behind: timedatectl set-ntp true"
    if "expired" in why:
        return "the broker's certificate is over, or this machine's clock is ahead: timedatectl status"
    if "verify failed" in why:
        return "what answers is not the broker of the server that this machine was enrolled at, or has another name"
    return REFUSED
