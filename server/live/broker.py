"""Says to agents over the broker that somebody watches.

Invariant: it can only speak downwards and hears nothing; what it says is worth nothing later, so the broker keeps none of it
(QoS 0).
"""

from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from config.base.errors import ConfigurationError
from config.base.logs import get_logger
from config.settings.server import IngestMqttSettings
from config.wire import topics
from config.wire.envelope import Signer
from server.broker_tls import ServiceTls

RECONNECT_S_MAX = 15
QUEUED_MAX = 1_000

log = get_logger("live")


class Caller:
    """Thread-safe."""

    def __init__(self, settings: IngestMqttSettings, tls: ServiceTls, signer: Signer, name: str) -> None:
        self._settings = settings
        self._tls = tls
        self._signer = signer
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5)
        client.tls_set_context(tls.context)
        client.reconnect_delay_set(1, RECONNECT_S_MAX)
        client.max_queued_messages_set(QUEUED_MAX)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        self._client = client

    @property
    def connected(self) -> bool:
        return self._client.is_connected()

    def start(self) -> None:
        """Connects in the background, and again whenever the connection is lost."""
        self._client.connect_async(self._settings.host, self._settings.port, keepalive=self._settings.keepalive_s)
        self._client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def say(self, message: Any) -> bool:
        """Sends one message to the agent that it names; False where the broker is away."""
        if not self._client.is_connected():
            return False
        sealed = self._signer.seal(message)
        topic = topics.down(message.site_id, message.agent_id)
        return self._client.publish(topic, sealed, qos=0).rc == mqtt.MQTT_ERR_SUCCESS

    def _on_connect(self, _client: mqtt.Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            advice = "is live.pem of the authority that this broker knows, and has server.jobs told the broker of it?"
            log.error("broker_refused", reason=str(reason), advice=advice)
            return
        log.info("broker_connected", host=self._settings.host, port=self._settings.port)

    def _on_disconnect(self, _client: mqtt.Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        log.warning("broker_disconnected", reason=str(reason))
        try:
            self._tls.refresh()
        except ConfigurationError as error:
            log.error("certificate_not_read", why=str(error))  # noqa: TRY400 - the message says it all
