"""How a message leaves: by e-mail, web push, webhook, or into a group chat (WeCom, DingTalk, Feishu).

Invariants: a channel says honestly whether its message was taken, was certainly not, or perhaps; no address, name or secret
goes into a log or into what is kept of a failure.
Sources: RFC 5321 (reply codes), RFC 8030, 8291, 8292 (web push), standard-webhooks 1.0.
"""

import base64
import hashlib
import hmac
import re
import smtplib
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from typing import TYPE_CHECKING, Protocol

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02

from config.base.clock import US_PER_S, Clock, isoformat
from config.base.decoding import decode_json
from config.base.errors import ConfigurationError, InvalidInput
from config.settings.loader import read_secret
from config.settings.server import NoticeSettings
from server.domain.notices import Channel, Result
from server.services.notices.outward import Outward

if TYPE_CHECKING:
    from apprise import Apprise

PUSH_TTL_S = 86_400
VAPID_S = 12 * 3_600
ADDRESS_CHARS_MAX = 254
CHAT_CHARS_MAX = 500
_CHAT = re.compile(r"([a-z]+)://[^\s,;?#]+")
"""One address: the library takes several in one text, and options that switch off certificates and time limits."""
SECRET_PREFIX = "whsec_"  # noqa: S105 - the standard's own prefix


class Message(msgspec.Struct, frozen=True):
    """What is sent; ``message_id`` stays the same however often it is tried."""

    message_id: str
    target: str
    secret: str
    title: str
    body: str
    link: str
    site_id: str
    kinds: list[str]
    at_us: int


class Sending(Protocol):
    """One channel."""

    def check(self, target: str) -> None:
        """Raises InvalidInput where nothing can be sent there."""
        ...

    def send(self, message: Message) -> tuple[Result, str]:
        """How it ended, and why."""
        ...


@dataclass(frozen=True)
class Mail:
    """Plain text over SMTP."""

    settings: NoticeSettings
    password: str = field(repr=False, default="")

    def check(self, target: str) -> None:
        name, address = parseaddr(target)
        plain = target.isascii() and target.isprintable() and len(target) <= ADDRESS_CHARS_MAX and not name
        if (
            not plain
            or address != target
            or address.count("@") != 1
            or address.startswith("@")
            or address.endswith("@")
        ):
            raise InvalidInput("that is no e-mail address", code="target_address")

    def send(self, message: Message) -> tuple[Result, str]:
        server: smtplib.SMTP | None = None
        try:
            server = self._connected()
            server.send_message(self._written(message))
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            return _by_code(codes[0] if codes else 550)
        except smtplib.SMTPResponseException as error:
            return _by_code(error.smtp_code)
        except (smtplib.SMTPException, OSError) as error:
            return (Result.PERHAPS if server is not None else Result.NOT_TAKEN), type(error).__name__
        else:
            return Result.TAKEN, ""
        finally:
            if server is not None:
                _leave(server)

    def _connected(self) -> smtplib.SMTP:
        kept = self.settings
        context = ssl.create_default_context()
        server: smtplib.SMTP
        if kept.smtp_security == "tls":
            server = smtplib.SMTP_SSL(kept.smtp_host, kept.smtp_port, timeout=kept.timeout_s, context=context)
        else:
            server = smtplib.SMTP(kept.smtp_host, kept.smtp_port, timeout=kept.timeout_s)
        try:
            if kept.smtp_security == "starttls":
                server.starttls(context=context)
            if kept.smtp_user:
                server.login(kept.smtp_user, self.password)
        except (smtplib.SMTPException, OSError):
            server.close()
            raise
        return server

    def _written(self, message: Message) -> EmailMessage:
        written = EmailMessage()
        written["From"], written["To"] = self.settings.sender, message.target
        written["Subject"] = " ".join(message.title.split())  # a name with a line break is no header of its own
        written["Date"] = formatdate(message.at_us / US_PER_S)
        domain = parseaddr(self.settings.sender)[1].rpartition("@")[2] or "nightlight.invalid"
        written["Message-ID"] = f"<{message.message_id}@{domain}>"
        written["Auto-Submitted"] = "auto-generated"
        written.set_content(f"{message.body}\n\n{message.link}\n")
        return written


@dataclass(frozen=True)
class Webhook:
    """JSON to an address of the subscriber's, signed, with an id that stays when it is sent again."""

    outward: Outward
    clock: Clock

    def check(self, target: str) -> None:
        self.outward.check(target)

    def send(self, message: Message) -> tuple[Result, str]:
        said = {
            "type": f"nightlight.{message.kinds[0] if len(message.kinds) == 1 else 'digest'}",
            "timestamp": isoformat(message.at_us),
            "data": {
                "site_id": message.site_id,
                "kinds": message.kinds,
                "title": message.title,
                "body": message.body,
                "link": message.link,
            },
        }
        body = msgspec.json.encode(said)
        return self.outward.post(message.target, body, signed(message, body, self.clock.utc_us() // US_PER_S))


def signed(message: Message, body: bytes, now_s: int) -> dict[str, str]:
    """The headers of standard-webhooks."""
    name = f"msg_{message.message_id}"
    key = base64.b64decode(message.secret.removeprefix(SECRET_PREFIX))
    digest = hmac.new(key, f"{name}.{now_s}.".encode() + body, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": str(now_s),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


class PushKeys(msgspec.Struct, frozen=True):
    """What a browser gives."""

    p256dh: str
    auth: str


class PushSubscription(msgspec.Struct, frozen=True):
    """A browser's PushSubscription as JSON."""

    endpoint: str
    keys: PushKeys


@dataclass(frozen=True)
class WebPush:
    """To a browser through the push service that it chose; encrypted to the browser."""

    outward: Outward
    clock: Clock
    key: Vapid02
    contact: str

    def check(self, target: str) -> None:
        given = _subscription(target)
        self.outward.check(given.endpoint)
        self._encrypted(given, b"{}")

    def send(self, message: Message) -> tuple[Result, str]:
        try:
            given = _subscription(message.target)
            shown = {"title": message.title, "body": message.body, "link": message.link, "tag": message.message_id}
            body = self._encrypted(given, msgspec.json.encode(shown))
        except InvalidInput as error:
            return Result.REFUSED, error.code
        origin = "/".join(given.endpoint.split("/", 3)[:3])
        claims = {"aud": origin, "sub": self.contact, "exp": self.clock.utc_us() // US_PER_S + VAPID_S}
        headers = {
            **self.key.sign(claims),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(PUSH_TTL_S),
            # A push service replaces what it has not delivered yet by what comes under the same topic.
            "Topic": message.message_id,
        }
        return self.outward.post(given.endpoint, body, headers)

    @property
    def public_key(self) -> str:
        """What the browser subscribes with."""
        return public_key(self.key)

    def _encrypted(self, given: PushSubscription, body: bytes) -> bytes:
        # It brings two HTTP clients with it that nobody needs before the first browser subscribes.
        from pywebpush import WebPusher, WebPushException

        info: Mapping[str, object] = {
            "endpoint": given.endpoint, "keys": {"p256dh": given.keys.p256dh, "auth": given.keys.auth},
        }  # fmt: skip
        try:
            return bytes(WebPusher(info).encode(body)["body"])
        except (WebPushException, ValueError, TypeError, KeyError) as error:
            raise InvalidInput("the browser's keys are not valid: subscribe anew", code="target_keys") from error


@dataclass(frozen=True)
class Chat:
    """A robot of a group chat, by the address that the ``apprise`` library knows: wecombot://key and others."""

    services: tuple[str, ...]
    timeout_s: float

    def check(self, target: str) -> None:
        if not self._is_ours(target):
            raise InvalidInput(f"one address of {', '.join(self.services)}, without options", code="target_chat")
        if not self._made().add(target):
            raise InvalidInput("the chat's address is not complete", code="target_chat")

    def send(self, message: Message) -> tuple[Result, str]:
        made = self._made()
        if not self._is_ours(message.target) or not made.add(message.target):
            return Result.REFUSED, "target_chat"
        taken = made.notify(title=message.title, body=f"{message.body}\n{message.link}", timeout=self.timeout_s)
        # The library says only whether; it may have been taken all the same.
        return (Result.TAKEN, "") if taken else (Result.PERHAPS, "not_confirmed")

    def _is_ours(self, target: str) -> bool:
        matched = _CHAT.fullmatch(target)
        plain = len(target) <= CHAT_CHARS_MAX and target.isascii() and target.isprintable()
        return plain and matched is not None and matched[1] in self.services

    def _made(self) -> "Apprise":
        # A second's work, and only where chats are used.
        from apprise import Apprise, AppriseAsset

        return Apprise(asset=AppriseAsset(app_id="Nightlight", secure_logging=True, plugin_paths=[]))


def channels_of(settings: NoticeSettings, clock: Clock) -> dict[str, Sending]:
    """The channels that are set up. Raises ConfigurationError."""
    outward = Outward(settings.timeout_s, settings.allow_private)
    found: dict[str, Sending] = {Channel.WEBHOOK: Webhook(outward, clock)}
    if settings.chat_services:
        found[Channel.CHAT] = Chat(tuple(settings.chat_services), settings.timeout_s)
    if settings.smtp_host:
        if not settings.sender:
            raise ConfigurationError("'notices.sender': name what e-mail comes from")
        password = ""
        if settings.smtp_user:
            password = read_secret(settings.smtp_password_file, "notices.smtp_password_file")
        found[Channel.EMAIL] = Mail(settings, password)
    if settings.vapid_key_file:
        found[Channel.WEBPUSH] = WebPush(outward, clock, _vapid(settings.vapid_key_file), settings.vapid_contact)
    return found


def _vapid(file: str) -> Vapid02:
    pem = read_secret(file, "notices.vapid_key_file")
    try:
        return Vapid02.from_pem(pem.encode())
    except Exception as error:  # the library raises whatever its own parser does
        raise ConfigurationError(f"'notices.vapid_key_file': {file} holds no EC P-256 key in PEM form") from error


def public_key(key: Vapid02) -> str:
    """Uncompressed, base64url without padding (RFC 8292)."""
    point = key.public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(point).rstrip(b"=").decode()


def _subscription(target: str) -> PushSubscription:
    try:
        return decode_json(target, PushSubscription)
    except msgspec.MsgspecError as error:
        raise InvalidInput("that is no subscription of a browser", code="target_keys") from error


def _leave(server: smtplib.SMTP) -> None:
    """Takes leave; whatever is answered, what became of the message was said before."""
    with suppress(smtplib.SMTPException, OSError):
        server.quit()
    server.close()


def _by_code(code: int) -> tuple[Result, str]:
    """4xx may be taken later, 5xx never; both say that it was not taken now."""
    return (Result.NOT_TAKEN if 400 <= code < 500 else Result.REFUSED), f"smtp_{code}"
