"""A forgotten password, and guesses that keep nobody out who has a right to come in."""

import html
import re
import sys

import httpx
import pyotp
import pytest
from sqlalchemy import select

from config.base.clock import US_PER_S
from config.settings.server import load_server
from server.admin.__main__ import main
from storage.database.models import Account, AccountEvent, Guardian, GuardianAccount, PasswordReset, SignInFailure
from tests.support.api import serving, settings_for
from tests.support.edge import wait_for
from tests.support.nursery import OTHER, PASSWORD, SITE

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
NEW_PASSWORD = "seven-small-lamps-in-a-row"


@pytest.fixture
def house(nursery, tmp_path, mail_receiver):
    """The nursery behind a real API that sends mail."""
    file = settings_for(nursery.database, tmp_path)
    with file.open("a") as opened:
        opened.write(
            f'[notices]\nsmtp_host = "127.0.0.1"\nsmtp_port = {mail_receiver.port}\nsmtp_security = "none"\n'
            'sender = "Nightlight <nightlight@example.org>"\n'
        )
    with serving(load_server(file), nursery.clock) as api:
        api.nursery, api.mails = nursery, mail_receiver.mails
        yield api


def enter(house, name: str, password: str = PASSWORD) -> httpx.Client:
    client = house.client(follow_redirects=False)
    answer = client.post("/sign-in", data={"name": name, "password": password})
    assert answer.status_code == 303, answer.text
    return client


def halves(text: str) -> tuple[str, str]:
    return html.unescape(re.search(r"/reset\?r=([\w-]+)", text)[1]), re.search(r"<code>(\w{4}-\w{4})</code>", text)[1]


def test_the_facility_gives_a_link_and_a_code_once_and_all_sessions_end(house):
    boss, mum = enter(house, "boss"), enter(house, "mum")
    old_link, old_code = halves(boss.post(f"/sites/{SITE}/people/resets", data={"account": "mum"}).text)
    made = boss.post(f"/sites/{SITE}/people/resets", data={"account": "mum"})
    assert made.status_code == 201
    link, code = halves(made.text)
    stranger = house.client(follow_redirects=False)
    assert 'name="code"' in stranger.get(f"/reset?r={link}").text
    given = {"link": link, "code": code, "password": NEW_PASSWORD}
    for wrong, status in (
        ({"code": "AAAA-AAAA"}, 403),
        ({"link": "x" * 32}, 403),
        ({"password": "password1234"}, 400),
        ({"link": old_link, "code": old_code}, 403),  # the newer one ended it
    ):
        assert stranger.post("/reset", data=given | wrong).status_code == status
    assert mum.get("/me").status_code == 200
    done = stranger.post("/reset", data=given)
    assert (done.status_code, done.headers["location"]) == (303, "/sign-in?said=reset")
    assert "The password was changed" in stranger.get("/sign-in?said=reset").text
    assert stranger.post("/reset", data=given).status_code == 403, "it works once"
    assert mum.get("/me").status_code == 303
    assert stranger.post("/sign-in", data={"name": "mum", "password": PASSWORD}).status_code == 401
    page = enter(house, "mum", NEW_PASSWORD).get("/me").text
    assert "New password by such a link" in page
    assert "by boss" in page, "its owner sees who made it"


def test_a_link_ends_by_itself_after_five_wrong_codes_and_keeps_second_steps(house):
    desk, clock = house.parts.people.resets, house.nursery.clock
    steps = house.parts.people.steps
    secret, _ = steps.begin_totp("mum")
    steps.confirm_totp("mum", pyotp.TOTP(secret).at(clock.utc_us() // US_PER_S), "x")
    client = house.client(follow_redirects=False)
    late = desk.make_for("mum")
    clock.advance(3_601)
    used = {"link": late.link, "code": late.code, "password": NEW_PASSWORD}
    assert client.post("/reset", data=used).status_code == 403
    guessed = desk.make_for("mum")
    used = {"link": guessed.link, "code": guessed.code, "password": NEW_PASSWORD}
    for _ in range(5):
        assert client.post("/reset", data=used | {"code": "2222-2222"}).status_code == 403
    assert client.post("/reset", data=used).status_code == 403
    good = desk.make_for("mum")
    used = {"link": good.link, "code": good.code.lower(), "password": NEW_PASSWORD}
    assert client.post("/reset", data=used).status_code == 303
    answer = client.post("/sign-in", data={"name": "mum", "password": NEW_PASSWORD})
    assert 'name="step"' in answer.text, "the second step is still asked for"
    locked = desk.make_for("mum")
    house.nursery.change(Account, Account.name == "mum", locked_us=1)
    used = {"link": locked.link, "code": locked.code, "password": PASSWORD}
    assert client.post("/reset", data=used).status_code == 403


def test_a_facility_gives_no_way_into_what_is_not_its_own_alone(house):
    boss = enter(house, "boss")
    for name, status in (
        ("sailor", 404),
        ("captain", 404),
        ("boss", 404),
        ("root", 404),
        ("nobody", 404),
        ("../x", 404),
    ):
        assert boss.post(f"/sites/{SITE}/people/resets", data={"account": name}).status_code == status, name
    house.nursery.add(Guardian(site_id=OTHER, id="g9"))
    house.nursery.add(GuardianAccount(account_name="mum", site_id=OTHER, guardian_id="g9", joined_us=1))
    refused = boss.post(f"/sites/{SITE}/people/resets", data={"account": "mum"})
    assert (refused.status_code, "another facility too" in refused.text) == (409, True)
    assert boss.post(f"/sites/{OTHER}/people/resets", data={"account": "sailor"}).status_code == 404
    assert enter(house, "carer").post(f"/sites/{SITE}/people/resets", data={"account": "dad"}).status_code == 403
    with house.nursery.database.reading() as session:
        assert session.scalars(select(PasswordReset)).all() == []


def test_by_mail_the_answer_is_the_same_for_everybody(house):
    house.nursery.change(Guardian, Guardian.id == "g1", Guardian.site_id == SITE, contact="mum@example.org")
    client = house.client(follow_redirects=False)
    answers = {
        client.post("/forgot", data={"name": name}).text for name in ("mum", "dad", "nobody", "boss", "\0", "a b")
    }
    assert len(answers) == 1, "nobody learns who has an account"
    (mail,) = wait_for("the mail", lambda: house.mails)
    assert mail.rcpt_tos == ["mum@example.org"]
    link = re.search(rb"/reset\?r=3D([\w-]+)|/reset\?r=([\w-]+)", mail.content)
    link = (link[1] or link[2]).decode()
    assert 'name="code"' not in client.get(f"/reset?r={link}").text
    assert client.post("/reset", data={"link": link, "password": NEW_PASSWORD}).status_code == 303
    enter(house, "mum", NEW_PASSWORD)
    for _ in range(4):
        assert client.post("/forgot", data={"name": "mum"}).status_code == 200
    assert client.post("/forgot", data={"name": "mum"}).status_code == 429, "ten questions in five minutes"
    with house.nursery.database.reading() as session:
        assert len(session.scalars(select(PasswordReset)).all()) == 3, "three mails a day"
        assert {row.by for row in session.scalars(select(AccountEvent).where(AccountEvent.what == "reset_made"))} == {
            "mail"
        }


def test_a_mailed_link_leads_here_whatever_name_the_request_gives_this_server(house):
    house.nursery.change(Guardian, Guardian.id == "g1", Guardian.site_id == SITE, contact="mum@example.org")
    told = {"Host": "trap.example", "Origin": "http://trap.example"}
    assert house.client().post("/forgot", data={"name": "mum"}, headers=told).status_code == 200
    (mail,) = wait_for("the mail", lambda: house.mails)
    assert b"trap.example" not in mail.content
    assert house.url.encode() in mail.content


def test_without_mail_the_page_says_whom_to_ask(nursery, tmp_path, monkeypatch, capsys):
    file = settings_for(nursery.database, tmp_path)
    with serving(load_server(file), nursery.clock) as api:
        page = api.client().get("/forgot").text
        assert "ask your facility" in page
        assert "<form" not in page
        assert api.client().post("/forgot", data={"name": "mum"}).status_code == 404
    monkeypatch.setattr(sys, "argv", ["server.admin", "--settings", str(file), "account", "reset", "boss"])
    assert main() == 0
    told = capsys.readouterr().out
    assert re.search(r"/reset\?r=[\w-]{32}", told)
    assert re.search(r"\w{4}-\w{4}\b", told)
    with nursery.database.reading() as session:
        (row,) = session.scalars(select(PasswordReset))
        assert (row.account_name, row.made_by) == ("boss", "server-admin")


def test_who_guesses_at_a_name_keeps_its_owner_out_of_nothing(house):
    """An attack from ever new addresses, going on: a browser that has signed in before comes in, and so does a script."""
    nursery, known = house.nursery, enter(house, "dad")
    script = house.client(auth=("boss", PASSWORD))
    assert script.get("/api/v1/sites").status_code == 200
    known.post("/sign-out")
    credentials = {"name": "dad", "password": PASSWORD}
    for name in ("dad", "boss"):
        for number in range(40):
            nursery.add(SignInFailure(account_name=name, source=f"192.0.2.{number}", at_us=nursery.now_us))
    for _ in range(12):
        nursery.add(SignInFailure(account_name="mum", source="127.0.0.1", at_us=nursery.now_us))
    assert house.client().post("/sign-in", data=credentials).status_code == 429, "a stranger waits"
    assert known.post("/sign-in", data=credentials).status_code == 303, "also where others of the same address failed"
    nursery.clock.advance(61)
    for name in ("dad", "boss"):
        for number in range(20):
            nursery.add(SignInFailure(account_name=name, source=f"198.51.100.{number}", at_us=nursery.now_us))
    assert script.get("/api/v1/sites").status_code == 200, "its password was right before and is the same"
    other = house.client(follow_redirects=False, cookies={"nightlight-device": known.cookies["nightlight-device"]})
    assert other.post("/sign-in", data=credentials | {"name": "aunt"}).status_code == 429, (
        "known to its own account alone"
    )
    for _ in range(10):
        assert known.post("/sign-in", data=credentials | {"password": "wrong"}).status_code == 401
    assert known.post("/sign-in", data=credentials).status_code == 429, "and no longer when it guesses itself"
    nursery.clock.advance(15 * 60 + 1)
    assert known.post("/sign-in", data=credentials).status_code == 303
    assert house.client(follow_redirects=False).get("/me").status_code == 303, "the device's cookie opens nothing"
