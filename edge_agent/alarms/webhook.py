"""An HTTP webhook on loopback, for panels that have a bridge of their own (Home Assistant, a vendor's gateway).

    POST /alarms/v1/events
    Authorization: Bearer TOKEN
    {"panel_id": "hall-panel", "kind": "panic", "state": "raised", "partition": "", "point": "3",
     "code": "button", "text": "nap room", "event_id": "a name that the bridge never gives twice"}

204 means stored; anything else means that it is to be sent again, but for 4xx, which never succeeds as it is.
``{"panel_id": "hall-panel"}`` alone says that the panel is alive.

Invariants: it listens on 127.0.0.1 alone; nothing is read of a body that is too long, or before the token was right;
each request has so many seconds and no more.
"""

import hmac
import http.server
import socket
import threading
from http import HTTPStatus
from typing import Annotated

import msgspec

from config.base.decoding import decode_json
from config.base.errors import NightlightError
from config.base.logs import get_logger
from config.wire.alarms import AlarmKind, AlarmState
from edge_agent.alarms.codes import Meaning
from edge_agent.alarms.desk import AlarmDesk, Said
from edge_agent.alarms.messages import Report
from edge_agent.lifecycle import Worker

PATH = "/alarms/v1/events"
BODY_BYTES_MAX = 4_096
LENGTH_DIGITS_MAX = 9
REQUEST_S_MAX = 5.0
LOOK_EVERY_S = 0.25

log = get_logger("alarms")


class WebhookEvent(msgspec.Struct, forbid_unknown_fields=True):
    """What a bridge says; without a kind: only that the panel is alive."""

    panel_id: Annotated[str, msgspec.Meta(max_length=64)]
    kind: AlarmKind | None = None
    state: AlarmState = "raised"
    partition: Annotated[str, msgspec.Meta(max_length=32)] = ""
    point: Annotated[str, msgspec.Meta(max_length=64)] = ""
    code: Annotated[str, msgspec.Meta(max_length=32)] = ""
    text: Annotated[str, msgspec.Meta(max_length=160)] = ""
    at_us: Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)] | None = None
    event_id: Annotated[str, msgspec.Meta(max_length=128)] = ""


class Webhook(Worker):
    """One request at a time: a bridge has one panel, and an answer takes milliseconds."""

    def __init__(self, port: int, token: str, desk: AlarmDesk) -> None:
        super().__init__("alarm-webhook")
        self._port = port
        self._token = token.encode()
        self._desk = desk

    def run(self) -> None:
        with _Server(("127.0.0.1", self._port), self._handler()) as server:
            server.timeout = LOOK_EVERY_S
            log.info("alarm_webhook_listening", port=self._port)
            while not self.stopping.is_set():
                self.pulse()
                server.handle_request()

    def receive(self, body: bytes) -> HTTPStatus:
        """What becomes of a body whose sender has proved itself."""
        try:
            event = decode_json(body, WebhookEvent)
        except (msgspec.MsgspecError, UnicodeError) as error:
            log.warning("webhook_refused", why=str(error)[:200])
            return HTTPStatus.BAD_REQUEST
        panel = self._desk.book.panels.get(event.panel_id)
        if panel is None:
            log.warning("webhook_refused", why="no such panel", advice="name one of alarms.panels")
            return HTTPStatus.NOT_FOUND
        self._desk.book.heard(panel)
        if event.kind is None:
            return HTTPStatus.NO_CONTENT
        meaning = panel.meaning(Meaning(event.kind, event.state, event.code or event.kind), event.point)
        said = Said(
            source="webhook",
            panel_id=panel.panel_id,
            reports=(Report(event.code, meaning, event.partition, event.point, event.text),),
            raw=body,
            panel_at_us=event.at_us,
            identity=f"webhook\0{panel.panel_id}\0{event.event_id}".encode() if event.event_id else b"",
        )
        try:
            self._desk.take(said)
        except NightlightError as error:
            log.exception("alarm_not_stored", panel=panel.panel_id, why=str(error))
            return HTTPStatus.SERVICE_UNAVAILABLE
        return HTTPStatus.NO_CONTENT

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        webhook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            timeout = REQUEST_S_MAX

            def do_POST(self) -> None:
                self.send_response(self._status())
                self.send_header("Content-Length", "0")
                self.end_headers()

            def _status(self) -> HTTPStatus:
                given = self.headers.get("Authorization", "").removeprefix("Bearer ").encode("latin-1", "replace")
                if not hmac.compare_digest(given, webhook._token):
                    return HTTPStatus.UNAUTHORIZED
                if self.path != PATH:
                    return HTTPStatus.NOT_FOUND
                length = self.headers.get("Content-Length", "")
                if not length.isascii() or not length.isdigit():
                    return HTTPStatus.LENGTH_REQUIRED
                if len(length) > LENGTH_DIGITS_MAX or int(length) > BODY_BYTES_MAX:
                    return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
                return webhook.receive(self.rfile.read(int(length)))

            def log_message(self, format: str, *_: object) -> None:  # noqa: A002 - the base class names it so
                pass

        return Handler


class _Server(http.server.HTTPServer):
    """Gives a request a whole deadline besides the pause that one read may make."""

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        opened = request if isinstance(request, socket.socket) else request[1]
        deadline = threading.Timer(2 * REQUEST_S_MAX, _cut, (opened,))
        deadline.start()
        try:
            super().process_request(request, client_address)
        finally:
            deadline.cancel()

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        log.error("webhook_request_failed")


def _cut(opened: socket.socket) -> None:
    try:
        opened.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is over already
