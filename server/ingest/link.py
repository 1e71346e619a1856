"""The link to the broker: messages come in unacknowledged, and are acknowledged only when their effect is committed.

The broker repeats what was not acknowledged after the next connect, so an acknowledgement belongs to the connection its
message came over. One that slips through to a later connection could at worst silence a message that its agent then
sends again, because agents wait for the server's own acknowledgement and not for the broker's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from config.base.errors import ConfigurationError
from config.base.logs import get_logger
from config.settings.server import IngestMqttSettings
from config.wire import topics
from config.wire.envelope import Signer
from server.broker_tls import ServiceTls

SESSION_EXPIRY_S = 7 * 86_400
RECONNECT_S_MAX = 15
ANSWERS_QUEUED_MAX = 10_000
log = get_logger("link")


@dataclass(frozen=True)
class Delivery:
    """One message as the broker delivered it, and the connection it came over."""

    topic: str
    payload: bytes
    mid: int
    qos: int
    epoch: int


class BrokerLink:
    """One MQTT v5 session, kept by the broker while this process restarts."""

    def __init__(
        self,
        settings: IngestMqttSettings,
        tls: ServiceTls,
        signer: Signer,
        *,
        name: str,
        group: str = topics.INGEST_GROUP,
    ) -> None:
        """``group``: the shared subscription; ``name``: the certificate's, which the broker takes for the client id."""
        self._settings = settings
        self._tls = tls
        self._group = group
        self._signer = signer
        self._epoch = 0
        self._lock = Lock()
        self._submit: Callable[[Delivery], None] = lambda _: None
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=name,
            protocol=mqtt.MQTTv5,
            manual_ack=True,
        )
        client.tls_set_context(tls.context)
        client.reconnect_delay_set(1, RECONNECT_S_MAX)
        client.max_queued_messages_set(ANSWERS_QUEUED_MAX)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        self._client = client

    def start(self, submit: Callable[[Delivery], None]) -> None:
        """Connects in the background, and again whenever the connection is lost; ``submit`` must not block."""
        self._submit = submit
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        properties.ReceiveMaximum = self._settings.receive_maximum
        self._client.connect_async(
            self._settings.host,
            self._settings.port,
            keepalive=self._settings.keepalive_s,
            clean_start=False,
            properties=properties,
        )
        self._client.loop_start()

    def close(self) -> None:
        """Says goodbye; the broker keeps what arrives until the next start."""
        self._client.disconnect()
        self._client.loop_stop()

    def acknowledge(self, delivery: Delivery) -> None:
        """Tells the broker that a message's effect is committed."""
        with self._lock:
            if delivery.epoch == self._epoch and delivery.qos > 0:
                self._client.ack(delivery.mid, delivery.qos)

    def is_current(self, delivery: Delivery) -> bool:
        """Whether the connection that a message came over still stands; else the broker delivers it again."""
        return delivery.epoch == self._epoch

    def answer(self, message: Any) -> None:
        """Sends one signed message to the agent that it names. Lost answers are asked for again."""
        sealed = self._signer.seal(message)
        sent = self._client.publish(topics.down(message.site_id, message.agent_id), sealed, qos=1)
        if sent.rc not in (mqtt.MQTT_ERR_SUCCESS, mqtt.MQTT_ERR_NO_CONN):
            log.warning("answer_not_sent", agent=message.agent_id, reason=mqtt.error_string(sent.rc))

    def _on_connect(self, client: mqtt.Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            log.error(
                "broker_refused",
                reason=str(reason),
                advice="is mqtt.certificate_file of the authority that this broker knows?",
            )
            return
        with self._lock:
            self._epoch += 1
        client.subscribe(self._group, qos=1)
        log.info("broker_connected", host=self._settings.host, port=self._settings.port)

    def _on_disconnect(self, _client: mqtt.Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        with self._lock:
            self._epoch += 1
        log.warning("broker_disconnected", reason=str(reason))
        try:
            self._tls.refresh()
        except ConfigurationError as error:
            log.error("certificate_not_read", why=str(error))  # noqa: TRY400 - the message says it all

    def _on_message(self, _client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        self._submit(Delivery(message.topic, bytes(message.payload), message.mid, message.qos, self._epoch))
