"""Speaks to Mosquitto's dynamic-security plugin: commands out, answers in, bounded in size and time.

Source: mosquitto 2.0, plugins/dynamic-security, "API usage".
"""

import json
import queue
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from config.base.errors import ConfigurationError, IntegrityViolation, Unavailable
from config.base.ids import fresh_id
from config.base.logs import get_logger
from server.broker_tls import ServiceTls
from server.domain.broker_rights import CONTROL, CONTROL_ANSWERS, BrokerState, Command
from server.services.agents.authority import BROKER_ACCESS

COMMANDS_A_MESSAGE = 50
PAGE = 200
PAGES_MAX = 5_000
ANSWER_WITHIN_S = 5.0
RECONNECT_S_MAX = 2
ANSWERS_KEPT = 64
ALREADY_SO = ("already exists", "not found")

log = get_logger("broker")


class BrokerControl:
    """One connection under the identity ``service.broker-access``. Used by one thread."""

    def __init__(self, host: str, port: int, tls: ServiceTls) -> None:
        self._host, self._port, self._tls = host, port, tls
        self._answers: queue.Queue[bytes] = queue.Queue(ANSWERS_KEPT)
        self._numbers = count()
        self._mine = fresh_id()
        self.connections = 0
        """How often it has been connected: what was known before the last time may no longer be so."""
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, BROKER_ACCESS, protocol=mqtt.MQTTv5)
        self._client.tls_set_context(tls.context)
        self._client.reconnect_delay_set(1, RECONNECT_S_MAX)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._ready = False

    @property
    def ready(self) -> bool:
        return self._ready

    def start(self) -> None:
        self._client.connect_async(self._host, self._port, keepalive=10)
        self._client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def state(self) -> BrokerState:
        """Everything the broker holds. Raises Unavailable."""
        clients = {
            str(client["username"]): str(client.get("textdescription", ""))
            for page in self._pages("listClients", "clients")
            for client in page
        }
        roles = frozenset(str(role["rolename"]) for page in self._pages("listRoles", "roles") for role in page)
        return BrokerState(clients, roles)

    def carry_out(self, commands: Sequence[Command]) -> None:
        """Raises Unavailable where the broker does not answer; IntegrityViolation, after all of them, where it refused some."""
        refused: list[str] = []
        for start in range(0, len(commands), COMMANDS_A_MESSAGE):
            for answer in self._ask(commands[start : start + COMMANDS_A_MESSAGE]):
                wrong = str(answer.get("error", ""))
                if wrong and not any(known in wrong for known in ALREADY_SO):
                    refused.append(f"{answer.get('command')}: {wrong}")
        if refused:
            raise IntegrityViolation(f"the broker refuses {len(refused)} commands: {refused[0]}", code="refused")

    def _pages(self, command: str, key: str) -> Iterator[list[dict[str, Any]]]:
        for page in range(PAGES_MAX):
            asked = {"command": command, "verbose": True, "count": PAGE, "offset": page * PAGE}
            (answer,) = self._ask([asked])
            try:
                found: list[dict[str, Any]] = answer["data"][key]
                total = int(answer["data"]["totalCount"])
            except (KeyError, TypeError, ValueError) as error:
                raise Unavailable(f"the broker's answer to {command} makes no sense") from error
            yield found
            if not found or (page + 1) * PAGE >= total:
                return

    def _ask(self, commands: Sequence[Command]) -> list[dict[str, Any]]:
        if not self._ready:
            raise Unavailable("no connection to the broker")
        known = f"{self._mine}-{next(self._numbers)}"
        body = {"commands": [{**command, "correlationData": known} for command in commands]}
        self._client.publish(CONTROL, json.dumps(body), qos=1)
        for _ in range(ANSWERS_KEPT):
            try:
                found = json.loads(self._answers.get(timeout=ANSWER_WITHIN_S))["responses"]
            except queue.Empty as error:
                raise Unavailable(f"the broker did not answer within {ANSWER_WITHIN_S:.0f} s") from error
            except (ValueError, KeyError, TypeError) as error:
                raise Unavailable("the broker's answer makes no sense") from error
            if found and found[0].get("correlationData") == known:
                return list(found)
        raise Unavailable("the broker answers others only")

    def _on_connect(self, client: mqtt.Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            log.error("broker_refused", reason=str(reason))
            return
        client.subscribe(CONTROL_ANSWERS, qos=1)

    def _on_subscribe(self, _client: mqtt.Client, _userdata: Any, _mid: int, codes: Any, _properties: Any) -> None:
        if any(code.is_failure for code in codes):
            advice = "its dynamic-security file does not know this identity: put back the one from broker.files_dir"
            log.error("broker_control_refused", advice=advice)
            return
        self.connections += 1
        self._ready = True

    def _on_disconnect(self, _client: mqtt.Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._ready = False
        try:
            self._tls.refresh()
        except ConfigurationError as error:
            log.error("certificate_not_read", why=str(error))  # noqa: TRY400 - the message says it all
        log.warning("broker_disconnected", reason=str(reason))

    def _on_message(self, _client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        try:
            self._answers.put_nowait(bytes(message.payload))
        except queue.Full:
            log.warning("broker_answer_dropped")
