"""Notices: told once, gathered, sent by real SMTP and HTTP, and nothing twice after kill -9."""

import base64
import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from threading import Event, Thread

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from sqlalchemy import select

from config.base.errors import ConfigurationError, Conflict, InvalidInput, NotFound
from config.settings.server import NoticeSettings, load_server
from server.domain.duties import add_months
from server.domain.notices import Result
from server.domain.verdict import day_of
from server.jobs.notices import drop_old, plan
from server.services.compliance.choose_pack import choose_pack
from server.services.notices.channels import channels_of
from server.services.notices.outward import Outward
from server.services.notices.plan_messages import EVENTS_MAX, MessagePlanner
from server.services.notices.send_messages import MessageSender
from server.services.notices.subscribe import SUBSCRIPTIONS_MAX, NoticeDesk, Wish, minutes_of
from server.services.notices.tell import ALARM, GAP, SITE_KINDS, News, tell
from server.services.notices.watch_due import DueWatch
from server.services.notices.watch_duties import DutyWatch
from server.web.notice_words import wording
from storage.database import models
from storage.database.models import Account, AccountSite, DatedRecord, NoticeEvent, NoticeMessage, Site
from storage.database.scope import OPERATOR, Scope
from storage.database.unit_of_work import Database
from tests.support.clock import SimulatedClock
from tests.support.receivers import HttpReceiver, MailReceiver

ROOT = Path(__file__).resolve().parents[3]
LIN, WANG = Scope("lin", OPERATOR), Scope("wang", OPERATOR)
ORIGIN = "https://watch.example.org"
only_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


class Office:
    """Everything around notices, on the test's database and clock."""

    def __init__(self, database: Database, clock: SimulatedClock, **changes: object) -> None:
        told: dict[str, object] = {
            "smtp_host": "", "smtp_security": "none", "sender": "Nightlight <nightlight@example.org>",
            "allow_private": True, "timeout_s": 5, "chat_services": ["wecombot", "json"],
        }  # fmt: skip
        kept = msgspec.to_builtins(load_server().notices) | told | changes
        self.settings = msgspec.convert(kept, NoticeSettings)
        self.database, self.clock = database, clock
        self.channels = channels_of(self.settings, clock)
        self.desk = NoticeDesk(database, clock, self.channels)
        self.planner = MessagePlanner(database, clock, self.settings, wording(), ORIGIN)
        self.sender = MessageSender(database, clock, self.settings, self.channels)

    def happen(self, *keys: str, kind: str = GAP, about: str = "agent_offline", urgent: bool = False) -> None:
        with self.database.unit_of_work() as session:
            for key in keys:
                link = f"/sites/sunflower/docket/{key}"
                tell(session, News(key, "sunflower", kind, about, link, self.clock.utc_us(), urgent))

    def round(self, after_s: float = 61) -> list[NoticeMessage]:
        self.clock.advance(after_s)
        plan(self.planner)
        self.sender.recover()
        self.sender.send_due()
        return self.messages()

    def messages(self) -> list[NoticeMessage]:
        with self.database.reading() as session:
            return list(session.scalars(select(NoticeMessage).order_by(NoticeMessage.made_us, NoticeMessage.channel)))


@pytest.fixture
def people(agent, database: Database, clock: SimulatedClock) -> Database:
    with database.unit_of_work() as session:
        for name in ("lin", "wang", "li"):
            session.add(Account(name=name, role=OPERATOR, region="", password_hash="", created_us=0))
        session.flush()
        for name in ("lin", "wang"):
            session.add(AccountSite(account_name=name, site_id="sunflower"))
    return database


def mail(target: str = "lin@example.org", **changes: object) -> Wish:
    return msgspec.structs.replace(Wish("sunflower", list(SITE_KINDS), "email", target, "en"), **changes)


def test_a_dark_site_is_one_mail_and_nothing_is_told_twice(people, clock, mail_receiver: MailReceiver) -> None:
    office = Office(people, clock, smtp_host="127.0.0.1", smtp_port=mail_receiver.port)
    office.desk.subscribe(LIN, mail())
    for _ in range(2):
        office.happen(*(f"gap:{number}" for number in range(16)))
    assert office.round(30) == []
    [message] = office.round(31)
    assert (message.state, message.events) == ("sent", 16)
    [came] = mail_receiver.mails
    assert came.rcpt_tos == ["lin@example.org"]
    read = message_from_bytes(came.content, policy=policy.default)
    assert message.id in read["Message-ID"]
    assert "Recording gap" in read["Subject"]
    assert "Recording gap: site agent was off or out of reach × 16" in read.get_content()
    assert f"{ORIGIN}/sites/sunflower" in read.get_content()
    office.happen("gap:99")
    assert len(office.round()) == 1, "the next digest waits"
    office.happen("alarm:1", kind=ALARM, about="panic", urgent=True)
    assert len(office.round(1)) == 2, "an alarm does not"
    assert len(office.round(600)) == 3
    assert len(mail_receiver.mails) == 3


def test_quiet_hours_hold_everything_but_alarms(people, clock, mail_receiver: MailReceiver) -> None:
    office = Office(people, clock, smtp_host="127.0.0.1", smtp_port=mail_receiver.port, coalesce_s=0)
    # The simulated noon is UTC: 20:00 at the site.
    office.desk.subscribe(LIN, mail(quiet_from_min=minutes_of("19:00"), quiet_until_min=minutes_of("06:30")))
    office.happen("gap:1")
    [message] = office.round()
    assert message.state == "waiting"
    office.happen("alarm:1", kind=ALARM, about="panic", urgent=True)
    assert sorted(one.state for one in office.round(1)) == ["sent", "waiting"]
    assert [one.state for one in office.round(10.5 * 3_600)] == ["sent", "sent"]


@only_sqlite
def test_quiet_hours_that_begin_while_a_message_waits_hold_it_too(people, clock, mail_receiver: MailReceiver) -> None:
    office = Office(people, clock, smtp_host="127.0.0.1", smtp_port=mail_receiver.port, coalesce_s=0)
    # The simulated noon is UTC: 20:00 at the site.
    office.desk.subscribe(LIN, mail(quiet_from_min=minutes_of("20:30"), quiet_until_min=minutes_of("06:30")))
    mail_receiver.refuse = "451 later"
    office.happen("gap:1")
    assert office.round()[0].attempts == 1
    mail_receiver.refuse = ""
    [message] = office.round(3_600)
    assert (message.state, message.attempts, mail_receiver.mails) == ("waiting", 1, [])
    assert [one.state for one in office.round(10 * 3_600)] == ["sent"]


@only_sqlite
def test_whoever_was_overtaken_changes_nothing(people, clock, http_receiver: HttpReceiver) -> None:
    """A sender takes longer than its claim holds; another one settles the message and sends it again."""
    office = Office(people, clock, coalesce_s=0)
    office.desk.subscribe(LIN, Wish("sunflower", [GAP], "webhook", http_receiver.url))
    office.happen("gap:1")
    clock.advance(1)
    plan(office.planner)
    http_receiver.status = 503
    http_receiver.hold.clear()
    slow = Thread(target=office.sender.send_due)
    slow.start()
    assert http_receiver.came.wait(20)
    with people.unit_of_work() as session:
        for row in session.scalars(select(NoticeMessage)):
            row.state, row.attempts = "sent", 2
    http_receiver.hold.set()
    slow.join(20)
    assert [(one.state, one.attempts) for one in office.messages()] == [("sent", 2)]


@only_sqlite
def test_an_alarm_does_not_wait_behind_a_thousand_gaps(people, clock, mail_receiver: MailReceiver) -> None:
    office = Office(people, clock, smtp_host="127.0.0.1", smtp_port=mail_receiver.port)
    office.desk.subscribe(LIN, mail())
    with people.unit_of_work() as session:
        session.add_all(
            NoticeEvent(key=f"gap:{number}", site_id="sunflower", kind=GAP, about="agent_offline", link="/", urgent=False,
                        at_us=clock.utc_us())
            for number in range(EVENTS_MAX)
        )  # fmt: skip
    office.happen("alarm:1", kind=ALARM, about="panic", urgent=True)
    [message] = office.round(1)
    assert (message.state, message.urgent) == ("sent", True)


@only_sqlite
def test_what_the_mail_server_says_decides(people, clock, mail_receiver: MailReceiver) -> None:
    office = Office(people, clock, smtp_host="127.0.0.1", smtp_port=mail_receiver.port, coalesce_s=0, digest_s=0)
    office.desk.subscribe(LIN, mail())
    mail_receiver.refuse = "451 later"
    office.happen("gap:1")
    [message] = office.round()
    assert (message.state, message.why, message.attempts) == ("waiting", "smtp_451", 1)
    mail_receiver.refuse = "550 nobody"
    [message] = office.round()
    assert (message.state, message.why) == ("failed", "smtp_550")
    mail_receiver.refuse, mail_receiver.answer = "", "554 no"
    office.happen("gap:2")
    assert [one.state for one in office.round()] == ["failed", "failed"]
    mail_receiver.answer, mail_receiver.goodbye = "250 taken", "421 closing"
    office.happen("gap:2b")
    assert office.round()[-1].state == "sent", "what is said after it was taken changes nothing"
    with people.unit_of_work() as session:
        session.get_one(Site, "sunflower").name = "Sun\r\nBcc: x@example.org"
    office.happen("gap:2c")
    assert office.round()[-1].state == "sent"
    read = message_from_bytes(mail_receiver.mails[-1].content, policy=policy.default)
    assert (read["Bcc"], "Sun Bcc: x@example.org" in read["Subject"]) == (None, True)
    nobody = Office(people, clock, smtp_host="127.0.0.1", smtp_port=1, coalesce_s=0, digest_s=0)
    nobody.happen("gap:3")
    assert nobody.round()[-1].state == "waiting"
    encrypted = Office(
        people, clock, smtp_host="127.0.0.1", smtp_port=mail_receiver.port, smtp_security="starttls", coalesce_s=0
    )
    assert encrypted.round()[-1].why == "SMTPNotSupportedError"


@only_sqlite
def test_a_webhook_is_signed_and_keeps_its_id_when_it_comes_again(people, clock, http_receiver: HttpReceiver) -> None:
    office = Office(people, clock, coalesce_s=0)
    office.desk.subscribe(LIN, Wish("sunflower", [GAP], "webhook", f"{http_receiver.url}/hook?a=b", "zh-CN"))
    [kept] = office.desk.mine(LIN).subscriptions
    http_receiver.status = 500
    office.happen("gap:1")
    [message] = office.round()
    assert (message.state, message.why) == ("waiting", "http_500")
    http_receiver.status = 204
    [message] = office.round()
    assert (message.state, message.attempts) == ("sent", 2)
    ids = {headers["webhook-id"] for _, headers, _ in http_receiver.requests}
    assert ids == {f"msg_{message.id}"}
    path, headers, body = http_receiver.requests[-1]
    assert path == "/hook?a=b"
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(kept.secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    said = json.loads(body)
    assert said["type"] == "nightlight.gap"
    assert "录像缺口：园内主机关闭或失去联系" in said["data"]["title"]


@only_sqlite
@pytest.mark.parametrize(("status", "state"), [(302, "failed"), (404, "failed"), (429, "waiting"), (503, "waiting")])
def test_redirects_are_not_followed_and_refusals_are_final(people, clock, http_receiver, status, state) -> None:
    office = Office(people, clock, coalesce_s=0)
    office.desk.subscribe(LIN, Wish("sunflower", [GAP], "webhook", http_receiver.url))
    http_receiver.status = status
    office.happen("gap:1")
    [message] = office.round()
    assert (message.state, len(http_receiver.requests)) == (state, 1)


@only_sqlite
def test_a_chat_goes_through_apprise_and_only_to_services_of_the_settings(people, clock, http_receiver) -> None:
    office = Office(people, clock, coalesce_s=0, digest_s=0)
    for target in (
        "mailto://a:b@example.org", "file:///etc/passwd", "wecombot://", "wecombot://key1 xml://10.0.0.1/",
        "wecombot://key1,xml://10.0.0.1/", "wecombot://key1?verify=no&rto=600", "wecombot://key1\nxml://10.0.0.1/",
    ):  # fmt: skip
        with pytest.raises(InvalidInput):
            office.desk.subscribe(LIN, Wish("sunflower", [GAP], "chat", target))
    office.desk.subscribe(LIN, Wish("sunflower", [GAP], "chat", f"json://127.0.0.1:{http_receiver.port}/room"))
    office.happen("gap:1")
    [message] = office.round()
    assert message.state == "sent"
    assert f"{ORIGIN}/sites/sunflower/docket/gap:1" in json.loads(http_receiver.requests[0][2])["message"]
    http_receiver.status = 500
    office.happen("gap:2")
    assert office.round()[-1].state == "unknown"
    assert office.desk.mine(LIN).unknown == 1
    without = Office(people, clock, chat_services=["wecombot"], coalesce_s=0, digest_s=0)
    without.happen("gap:3")
    assert without.round()[-1].why == "target_chat"
    assert [one.shown for one in office.desk.mine(LIN).subscriptions] == ["json"]


@only_sqlite
def test_a_browser_is_pushed_to_with_an_encrypted_body(people, clock, http_receiver, tmp_path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    file = tmp_path / "vapid.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    office = Office(people, clock, vapid_key_file=str(file), vapid_contact="mailto:ops@example.org", coalesce_s=0)
    browser = ec.generate_private_key(ec.SECP256R1())
    point = browser.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    keys = {"p256dh": _b64(point), "auth": _b64(os.urandom(16))}
    target = json.dumps({"endpoint": f"{http_receiver.url}/push/1", "keys": keys, "expirationTime": None})
    office.desk.subscribe(LIN, Wish("sunflower", [GAP], "webpush", target))
    office.happen("gap:1")
    [message] = office.round()
    assert message.state == "sent"
    [(path, headers, body)] = http_receiver.requests
    assert (path, headers["content-encoding"]) == ("/push/1", "aes128gcm")
    assert headers["authorization"].startswith("vapid t=")
    assert office.desk.mine(LIN).push_key in headers["authorization"]
    import http_ece

    shown = json.loads(
        http_ece.decrypt(body, private_key=browser, auth_secret=base64.urlsafe_b64decode(keys["auth"] + "=="))
    )
    assert shown["link"] == f"{ORIGIN}/sites/sunflower/docket/gap:1"
    http_receiver.status = 410
    office.happen("gap:2")
    assert office.round(601)[-1].state == "failed"
    assert office.desk.mine(LIN).subscriptions == []
    for bad in ("{}", json.dumps({"endpoint": http_receiver.url, "keys": {"p256dh": "x", "auth": "y"}})):
        with pytest.raises(InvalidInput):
            office.desk.subscribe(LIN, Wish("sunflower", [GAP], "webpush", bad))
    file.write_text("no key")
    with pytest.raises(ConfigurationError, match="vapid_key_file"):
        Office(people, clock, vapid_key_file=str(file))


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def test_what_nobody_has_seen_goes_to_the_next_person(people, clock, mail_receiver: MailReceiver) -> None:
    office = Office(people, clock, smtp_host="127.0.0.1", smtp_port=mail_receiver.port, coalesce_s=0, digest_s=0)
    office.desk.subscribe(LIN, mail(escalate_to="wang", escalate_min=60))
    office.desk.subscribe(WANG, mail("wang@example.org", kinds=["complaint"], escalate_to="lin", escalate_min=10))
    office.happen("gap:1")
    assert len(office.round(1)) == 1
    office.happen("gap:2")
    second = office.round(1)[-1]
    office.desk.seen(LIN, second.id)
    messages = office.round(3_600)
    assert [(one.account_name, one.escalated_from) for one in messages] == [
        ("lin", None), ("lin", None), ("wang", messages[0].id),
    ]  # fmt: skip
    assert len(office.round(700)) == 3, "lin was told already"
    with pytest.raises(NotFound):
        office.desk.seen(WANG, second.id)


@only_sqlite
def test_who_has_lost_the_site_hears_nothing_more(people, clock, mail_receiver: MailReceiver) -> None:
    office = Office(people, clock, smtp_host="127.0.0.1", smtp_port=mail_receiver.port, coalesce_s=0, digest_s=0)
    first = office.desk.subscribe(LIN, mail())
    office.desk.subscribe(WANG, mail("wang@example.org", quiet_from_min=0, quiet_until_min=1_439))
    office.happen("gap:1")
    office.round(1)
    office.desk.end(LIN, first)
    with people.unit_of_work() as session:
        session.delete(session.get_one(AccountSite, ("wang", "sunflower")))
    office.happen("gap:2")
    messages = office.round(86_400)
    assert [(one.account_name, one.state, one.why) for one in messages] == [
        ("lin", "sent", ""), ("wang", "dropped", "no_longer_in_reach"),
    ]  # fmt: skip
    with pytest.raises(NotFound):
        office.desk.end(WANG, first)


@only_sqlite
def test_what_cannot_be_sent_is_refused_with_a_reason(people, clock) -> None:
    office = Office(people, clock, smtp_host="127.0.0.1", chat_services=[])
    for wish, code in (
        (mail(kinds=[]), "no_kinds"),
        (mail(kinds=["weather"]), "no_kinds"),
        (mail(channel="chat"), "channel_off"),
        (mail("lin"), "target_address"),
        (mail("Lin <lin@example.org>"), "target_address"),
        (mail("lin@example.org\nBcc: x@example.org"), "target_address"),
        (mail(quiet_from_min=5), "quiet_hours"),
        (mail(quiet_from_min=5, quiet_until_min=1_440), "quiet_hours"),
        (mail(language="tlh"), "target_address"),
        (mail(escalate_to="li", escalate_min=5), "escalation"),
        (mail(escalate_to="wang", escalate_min=0), "escalation"),
    ):
        with pytest.raises(InvalidInput) as refused:
            office.desk.subscribe(LIN, wish)
        assert refused.value.code == code, wish
    with pytest.raises(NotFound):
        office.desk.subscribe(Scope("li", OPERATOR), mail())
    with pytest.raises(NotFound):
        office.desk.subscribe(LIN, mail(site_id="\0"))
    for text in ("25:00", "7", "aa:00", "07:60"):
        with pytest.raises(InvalidInput):
            minutes_of(text)
    for _ in range(SUBSCRIPTIONS_MAX):
        office.desk.subscribe(LIN, mail())
    with pytest.raises(Conflict):
        office.desk.subscribe(LIN, mail())


@pytest.mark.parametrize("database", ["sqlite", "postgresql"], indirect=True)
def test_what_was_told_is_kept_for_half_a_year_and_not_for_ever(people, clock, mail_receiver: MailReceiver) -> None:
    office = Office(people, clock, smtp_host="127.0.0.1", smtp_port=mail_receiver.port, coalesce_s=0, digest_s=0)
    office.desk.subscribe(LIN, mail())
    office.happen("gap:1")
    office.round()
    mail_receiver.refuse = "451 later"
    office.happen("gap:2")
    office.round()
    clock.advance(190 * 86_400)
    drop_old(people, clock, Event())
    assert [one.state for one in office.messages()] == ["sent", "waiting"]
    clock.advance(11 * 86_400)
    drop_old(people, clock, Event())
    assert [one.state for one in office.messages()] == ["waiting"]
    with people.reading() as session:
        assert [event.key for event in session.scalars(select(NoticeEvent))] == ["gap:2"]


@only_sqlite
def test_what_comes_due_is_told_once(people, clock) -> None:
    with people.unit_of_work() as session:
        for until in ("2026-12-10", "2028-01-01"):
            session.add(
                DatedRecord(
                    site_id="sunflower", staff_id="" if until < "2027" else "li", kind="fire_drill", done_on="2026-01-01",
                    valid_until=until,
                )
            )  # fmt: skip
    for _ in range(2):
        DueWatch(people, clock).look()
        DutyWatch(people, clock).look()
    with people.reading() as session:
        assert [event.key for event in session.scalars(select(NoticeEvent))] == [
            "duty:sunflower::fire_drill:2026-12-10"
        ]


@only_sqlite
def test_duties_meetings_and_orders_are_told_beforehand_and_when_they_are_late(people, clock) -> None:
    choose_pack(people, clock, "sunflower", "luzhou-longmatan")
    today = day_of(clock.utc_us(), "Asia/Shanghai")
    with people.unit_of_work() as session:
        session.add(models.Staff(site_id="sunflower", id="g1", name="x", role="guard", banned=False))
        session.add_all(
            DatedRecord(
                site_id="sunflower", staff_id=staff, kind=kind, done_on=done.isoformat(),
                valid_until=(today - timedelta(days=9)).isoformat() if kind == "health_check" else None,
            )
            for staff, kind, done in (
                ("", "fire_drill", add_months(today, -60)),
                ("g1", "record_check", add_months(today, -12) + timedelta(days=12)),
                ("g1", "health_check", add_months(today, -12)),
            )
        )  # fmt: skip
        for number, region, when in (("a" * 32, "cn/sichuan", 5), ("b" * 32, "cn/yunnan", 5), ("c" * 32, "", -2)):
            day = (today + timedelta(days=when)).isoformat()
            session.add(
                models.AgendaEvent(
                    id=number, region=region, kind="meeting", day=day, told="x", made_us=1, made_by="wang"
                )
            )
    for _ in range(2):
        DutyWatch(people, clock).look()
    with people.reading() as session:
        events = [(event.key.partition(":")[0], event.about) for event in session.scalars(select(NoticeEvent))]
    assert sorted(events) == [
        ("duty", "meeting"), ("duty", "record_check"), ("late", "late:health_check"), ("late", "late:meeting"),
    ], "what is late for years is no news"  # fmt: skip
    words = wording()
    assert words.say("duty", "late:health_check", "zh-CN") == "已过期：健康检查"
    assert words.say("duty", "meeting", "en") == "Due soon: Joint meeting"
    assert words.say("order", "overdue", "zh-CN").startswith("整改令")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/", "https://user:x@example.org/", "ftp://example.org/", "https:///x", "https://127.0.0.1/",
        "https://10.1.2.3/", "https://[::1]/", "https://[::ffff:192.168.1.1]/", "https://169.254.169.254/latest",
        "https://localhost/", "https://[64:ff9b::7f00:1]/", "https://0/", "https://2130706433/", "https://[fe80::1%25lo]/",
        "https://100.64.0.1/", "https://224.0.0.1/", "https://a b/", "https://[", "https://host.invalid:99999/",
        "https://[2002:7f00:1::]/", "https://[fec0::1]/", "https://[::7f00:1]/", "https://[64:ff9b:1::1]/", f"https://example.org/{'x' * 1_000}",
    ],
)  # fmt: skip
def test_no_webhook_leads_inside(url: str) -> None:
    with pytest.raises(InvalidInput):
        Outward(2).check(url)


def test_a_receiver_that_answers_byte_by_byte_holds_nobody() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        stop = Event()

        def drip() -> None:
            with server.accept()[0] as peer, suppress(OSError):
                for byte in b"HTTP/1.1 204 No Content\r\nX: " + b"x" * 1_000:
                    peer.send(bytes([byte]))
                    if stop.wait(0.1):
                        return

        thread = Thread(target=drip)
        thread.start()
        found = Outward(1, allow_private=True).post(f"http://127.0.0.1:{server.getsockname()[1]}/", b"{}", {})
        stop.set()
        thread.join(20)
    assert found == (Result.PERHAPS, "cut_off")


CHILD = """
import sys
from pathlib import Path
from config.base.clock import SystemClock
from config.settings.server import load_server
from server.runtime import open_database
from server.services.notices.channels import channels_of
from server.services.notices.send_messages import MessageSender
settings, clock = load_server(Path(sys.argv[1])), SystemClock()
database = open_database(settings.database)
MessageSender(database, clock, settings.notices, channels_of(settings.notices, clock)).send_due()
"""


@only_sqlite
@pytest.mark.parametrize("channel", ["email", "webhook"])
def test_nothing_is_sent_twice_after_a_kill(
    people, clock, mail_receiver: MailReceiver, http_receiver: HttpReceiver, tmp_path, channel
) -> None:
    """The sender dies after its message has left and before it could write that down."""
    office = Office(people, clock, smtp_host="127.0.0.1", smtp_port=mail_receiver.port, coalesce_s=0)
    target = "lin@example.org" if channel == "email" else http_receiver.url
    office.desk.subscribe(LIN, mail(target, channel=channel))
    office.happen("gap:1")
    clock.advance(1)
    plan(office.planner)
    file = tmp_path / "server.toml"
    file.write_text(
        f'[database]\nurl = "{people.engine.url.render_as_string(hide_password=False)}"\n[notices]\n'
        f'smtp_host = "127.0.0.1"\nsmtp_port = {mail_receiver.port}\nsmtp_security = "none"\n'
        'sender = "nightlight@example.org"\nallow_private = true\n'
    )
    mail_receiver.hold = True
    http_receiver.hold.clear()
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(file)], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    try:
        assert (mail_receiver if channel == "email" else http_receiver).came.wait(60)
        os.kill(child.pid, signal.SIGKILL)
    finally:
        child.kill()
        child.wait()
    mail_receiver.hold = False
    http_receiver.hold.set()
    [message] = office.messages()
    assert message.state == "claimed"
    # The child lived by the machine's clock.
    assert message.claimed_us is not None
    clock.jump((message.claimed_us - clock.utc_us()) / 1_000_000)
    assert office.round(60)[0].state == "claimed", "whoever claimed it may still be at work"
    [message] = office.round(61)
    if channel == "email":
        assert (message.state, message.why) == ("unknown", "crashed")
        assert len(mail_receiver.mails) == 1
        assert office.desk.mine(LIN).unknown == 1
    else:
        assert (message.state, message.attempts) == ("sent", 2)
        assert [headers["webhook-id"] for _, headers, _ in http_receiver.requests] == [f"msg_{message.id}"] * 2
