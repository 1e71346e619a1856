"""The pages of people over HTTP: invited and not registered, second steps, consents, and the marks of a day."""

import html
import re
import sys

import httpx
import pyotp
import pytest
from sqlalchemy import event, select

from config.base.clock import US_PER_DAY, US_PER_S, SystemClock
from config.base.errors import Conflict, Unavailable
from config.settings.server import load_server
from server.admin.__main__ import main
from server.domain.lease import Permit
from server.services.people import steady_time
from storage.database.models import Account, Guardian, GuardianChild, NewestInstant, SignInFailure, Staff
from storage.database.scope import Scope
from tests.support.api import serving, settings_for
from tests.support.nursery import PASSWORD, SITE, Nursery

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
NEW_PASSWORD = "seven-small-lamps-in-a-row"


@pytest.fixture
def house(nursery, tmp_path):
    """The nursery behind a real API."""
    with serving(load_server(settings_for(nursery.database, tmp_path)), nursery.clock) as api:
        api.nursery = nursery
        yield api


def enter(house, name: str, password: str = PASSWORD) -> httpx.Client:
    client = house.client(follow_redirects=False)
    answer = client.post("/sign-in", data={"name": name, "password": password})
    assert answer.status_code == 303, answer.text
    return client


def sees(nursery: Nursery, name: str, camera: str = "cam-a") -> bool:
    return isinstance(nursery.desk.decide(nursery.session(name), camera, nursery.now_us), Permit)


def test_a_guardian_comes_in_by_link_and_code_and_sees_after_approval_and_consent(house):
    nursery = house.nursery
    nursery.add(Guardian(site_id=SITE, id="g7"))
    nursery.add(GuardianChild(site_id=SITE, guardian_id="g7", child_id="c1"))
    assert not sees(nursery, "mum"), "the new guardian's consent is missing"
    boss = enter(house, "boss")
    invited = boss.post(f"/sites/{SITE}/people/invitations", data={"guardian": "g7"})
    assert invited.status_code == 201
    link = html.unescape(re.search(r"/join\?i=([\w-]+)", invited.text)[1])
    code = re.search(r"<code>(\w{4}-\w{4})</code>", invited.text)[1]
    stranger = house.client(follow_redirects=False)
    assert stranger.get(f"/join?i={link}").status_code == 200
    given = {"link": link, "code": code, "name": "granny", "password": NEW_PASSWORD}
    for wrong, said in (
        ({"code": "AAAA-AAAA"}, 403),
        ({"password": "password1234"}, 400),
        ({"name": "mum"}, 409),
        ({"name": "A b"}, 400),
        ({"name": "server-admin"}, 400),
    ):
        assert stranger.post("/join", data=given | wrong).status_code == said
    joined = stranger.post("/join", data=given)
    assert (joined.status_code, joined.headers["location"]) == (303, "/")
    assert stranger.get("/").headers["location"] == "/live", "the child's page"
    assert 'class="button wide" href="/my/consents"' in stranger.get("/live").text, "with what is to be done next"
    assert house.client().post("/join", data=given | {"name": "thief"}).status_code == 403
    assert 'says" value="yes' in stranger.get("/my/consents").text
    say = {"site": SITE, "guardian": "g7", "child": "c1", "says": "yes"}
    assert stranger.post("/my/consents", data=say).status_code == 303
    assert 'class="button wide" href="/my/consents"' not in stranger.get("/live").text
    assert sees(nursery, "mum")
    assert not sees(nursery, "granny")
    assert boss.post(f"/sites/{SITE}/people/approvals", data={"account": "granny"}).status_code == 303
    nursery.sessions.pop("granny")
    nursery.clock.advance(3600 * 5.5)  # 15:30, within the hours
    assert sees(nursery, "granny")
    assert stranger.post("/my/consents", data=say | {"says": "no"}).status_code == 303
    assert not sees(nursery, "granny")
    assert not sees(nursery, "mum")
    foreign = stranger.post("/my/consents", data=say | {"guardian": "g1"})
    assert foreign.status_code == 404


def test_five_wrong_codes_end_an_invitation(house):
    made = house.parts.people.invitations
    house.nursery.add(Guardian(site_id=SITE, id="g7"))
    invite = made.invite(Scope("boss", "facility_manager"), SITE, guardian_id="g7")
    client = house.client()
    given = {"link": invite.link, "name": "mallory", "password": NEW_PASSWORD}
    for _ in range(5):
        assert client.post("/join", data=given | {"code": "2222-2222"}).status_code == 403
    assert client.post("/join", data=given | {"code": invite.code}).status_code == 403


def test_one_tap_blanks_a_room_and_ends_a_childs_day(house):
    carer = enter(house, "carer")
    assert carer.get(f"/sites/{SITE}/today").status_code == 200
    for do, seen in (({"zone": "room-a", "why": "nap"}, False), ({"zone": "room-a", "do": "lift"}, True)):
        assert carer.post(f"/sites/{SITE}/today/rooms", data=do).status_code == 303
        assert sees(house.nursery, "mum") is seen
    for do, seen in (("fetched", False), ("back", True)):
        assert carer.post(f"/sites/{SITE}/today/children", data={"child": "c1", "do": do}).status_code == 303
        assert sees(house.nursery, "mum") is seen
    assert carer.post("/sites/boat/today/rooms", data={"zone": "room-a", "why": "nap"}).status_code == 404
    assert carer.post(f"/sites/{SITE}/people/mode", data={"mode": "off"}).status_code == 403


def test_a_code_of_time_counts_once_and_recovery_codes_stand_in(house):
    clock, client = house.nursery.clock, enter(house, "boss")
    page = client.post("/me/totp", data={"password": PASSWORD})
    secret = re.search(r"<code>([A-Z2-7 ]{20,})</code>", page.text)[1].replace(" ", "")
    totp = pyotp.TOTP(secret)

    def code() -> str:
        return totp.at(clock.utc_us() // US_PER_S)

    assert client.post("/me/totp/confirm", data={"code": "000000"}).status_code == 403
    confirmed = client.post("/me/totp/confirm", data={"code": code()})
    recovery = re.findall(r"<code>((?:\w{4}-){5}\w{4})</code>", confirmed.text)
    assert len(recovery) == 10
    assert house.client(auth=("boss", PASSWORD)).get("/api/v1/sites").status_code == 401

    def halfway(given: str) -> httpx.Response:
        other = house.client(follow_redirects=False)
        step = re.search(
            r'name="step" value="([\w-]+)"', other.post("/sign-in", data={"name": "boss", "password": PASSWORD}).text
        )[1]
        return other.post("/sign-in/second", data={"step": step, "code": given})

    assert halfway(code()).status_code == 401, "the code that confirmed was used"
    clock.advance(30)
    assert halfway(code()).status_code == 303
    assert halfway(code()).status_code == 401
    assert halfway(recovery[0]).status_code == 303
    assert halfway(recovery[0]).status_code == 401
    client = enter_second(house, recovery[1])
    assert client.post("/me/totp/remove", data={"password": "wrong"}).status_code == 401
    assert client.post("/me/totp/remove", data={"password": PASSWORD}).status_code == 303
    assert enter(house, "boss").get("/me").status_code == 200


def enter_second(house, given: str) -> httpx.Client:
    client = house.client(follow_redirects=False)
    step = re.search(r'value="([\w-]+)"', client.post("/sign-in", data={"name": "boss", "password": PASSWORD}).text)[1]
    assert client.post("/sign-in/second", data={"step": step, "code": given}).status_code == 303
    return client


def test_sessions_die_with_the_password_the_lock_and_the_role(house):
    nursery, client = house.nursery, enter(house, "mum")
    other = enter(house, "mum")
    assert other.get("/me").status_code == 200
    assert client.post("/me/sessions/end", data={}).status_code == 303
    assert (client.get("/me").status_code, other.get("/me").status_code) == (200, 303)
    assert client.post("/me/password", data={"old": PASSWORD, "new": "123456789012"}).status_code == 400
    assert client.post("/me/password", data={"old": PASSWORD, "new": NEW_PASSWORD}).status_code == 303
    assert client.get("/me").status_code == 303
    client = enter(house, "mum", NEW_PASSWORD)
    nursery.change(Account, Account.name == "mum", locked_us=1)
    assert client.get("/me").status_code == 303
    assert house.client().post("/sign-in", data={"name": "mum", "password": NEW_PASSWORD}).status_code == 401


def test_failures_outlive_a_restart_and_lock_an_account_from_everywhere(house, nursery, tmp_path):
    for number in range(20):
        nursery.add(SignInFailure(account_name="dad", source=f"192.0.2.{number}", at_us=nursery.now_us))
    assert house.client().post("/sign-in", data={"name": "dad", "password": PASSWORD}).status_code == 429
    assert (
        house.client(follow_redirects=False).post("/sign-in", data={"name": "mum", "password": PASSWORD}).status_code
        == 303
    )
    nursery.clock.advance(15 * 60 + 1)
    assert (
        house.client(follow_redirects=False).post("/sign-in", data={"name": "dad", "password": PASSWORD}).status_code
        == 303
    )


def test_failures_are_kept_as_a_log_for_200_days_and_counted_by_an_index(house, nursery):
    for days in (201, 199, 1):
        nursery.add(SignInFailure(account_name="dad", source="192.0.2.1", at_us=nursery.now_us - days * US_PER_DAY))
    asked: list[tuple[str, object]] = []

    def note(_connection, _cursor, statement, parameters, *_):
        if statement.startswith("SELECT count") and "sign_in_failure" in statement:
            asked.append((statement, parameters))

    event.listen(house.parts.database.engine, "before_cursor_execute", note)
    assert house.client().post("/sign-in", data={"name": "dad", "password": "wrong"}).status_code == 401
    event.remove(house.parts.database.engine, "before_cursor_execute", note)
    with nursery.database.reading() as session:
        rows = session.scalars(select(SignInFailure).order_by(SignInFailure.at_us)).all()
        assert [(nursery.now_us - row.at_us) // US_PER_DAY for row in rows] == [199, 1, 0]
        for statement, parameters in asked:
            plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            assert all("SEARCH sign_in_failure USING" in row[-1] and "at_us>" in row[-1] for row in plan), plan
    assert len(asked) == 2, "by address and by account"


def test_a_session_that_was_planted_is_not_the_one_that_is_opened(house):
    client = house.client(follow_redirects=False)
    client.cookies.set("nightlight", "planted-by-somebody")
    answer = client.post("/sign-in", data={"name": "mum", "password": PASSWORD})
    assert "planted" not in answer.headers["set-cookie"]
    attributes = answer.headers["set-cookie"].lower()
    assert "httponly" in attributes
    assert "samesite=strict" in attributes
    client = enter(house, "mum")
    stale = house.client(follow_redirects=False, cookies=dict(client.cookies))
    assert stale.get("/me").status_code == 200
    client.post("/sign-in", data={"name": "mum", "password": PASSWORD})
    assert stale.get("/me").status_code == 303, "the session before ends where a new one begins"


def test_the_manager_writes_consents_on_paper_down_and_sets_the_mode(house):
    boss, nursery = enter(house, "boss"), house.nursery
    taken = {"guardian": "g2", "child": "c1", "says": "no"}
    assert boss.post(f"/sites/{SITE}/people/consents", data=taken).status_code == 303
    assert not sees(nursery, "mum")
    paper = taken | {"says": "yes", "reference": ""}
    assert boss.post(f"/sites/{SITE}/people/consents", data=paper).status_code == 400
    assert boss.post(f"/sites/{SITE}/people/consents", data=paper | {"reference": "folder 7"}).status_code == 303
    assert sees(nursery, "mum")
    assert boss.post(f"/sites/{SITE}/people/mode", data={"mode": "off", "hours": "never"}).status_code == 400
    assert boss.post(f"/sites/{SITE}/people/mode", data={"mode": "off", "hours": ""}).status_code == 303
    assert not sees(nursery, "mum")
    assert boss.post(f"/sites/{SITE}/people/mode", data={"mode": "consented", "hours": ""}).status_code == 303
    assert (
        boss.post(f"/sites/{SITE}/people/hours", data={"guardian": "g1", "hours": "sun 01:00-02:00"}).status_code == 303
    )
    assert not sees(nursery, "mum")
    assert boss.post(f"/sites/{SITE}/people/revocations", data={"guardian": "g1"}).status_code == 303
    assert boss.post(f"/sites/{SITE}/people/revocations", data={"guardian": "g1"}).status_code == 404
    assert boss.get(f"/sites/{SITE}/people").status_code == 200
    assert boss.get(f"/sites/{SITE}/looks").status_code == 200


def test_a_role_that_needs_a_second_step_sets_one_up_before_anything_else(nursery, tmp_path):
    file = settings_for(nursery.database, tmp_path)
    file.write_text(file.read_text().replace("second_step_roles = []", 'second_step_roles = ["police_auditor"]'))
    with serving(load_server(file), nursery.clock) as api:
        officer = enter(api, "police")
        for path in ("/", f"/sites/{SITE}", "/draws"):
            assert officer.get(path).headers["location"] == "/me"
        assert officer.get("/api/v1/sites").json()["code"] == "second_step_needed"
        basic = api.client(auth=("police", PASSWORD)).get("/api/v1/sites")
        assert (basic.status_code, basic.json()["code"]) == (403, "second_step_needed")
        assert "Your role needs a second step" in officer.get("/me").text
        page = officer.post("/me/totp", data={"password": PASSWORD})
        secret = re.search(r"<code>([A-Z2-7 ]{20,})</code>", page.text)[1].replace(" ", "")
        code = pyotp.TOTP(secret).at(nursery.clock.utc_us() // US_PER_S)
        assert officer.post("/me/totp/confirm", data={"code": code}).status_code == 200
        assert officer.get("/draws").status_code == 200
        assert enter(api, "boss").get(f"/sites/{SITE}").status_code == 200, "other roles are not asked"
    assert "police_auditor" in load_server(None).api.second_step_roles


def test_the_command_line_locks_an_account_and_sets_the_leases_clock_back(nursery, tmp_path, capsys, monkeypatch):
    file = settings_for(nursery.database, tmp_path)

    def admin(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["server.admin", "--settings", str(file), *words])
        return main()

    assert sees(nursery, "mum")
    assert admin("account", "lock", "mum") == 0
    assert admin("account", "lock", "mum") == 0
    assert not sees(nursery, "mum")
    assert admin("account", "unlock", "mum") == 0
    nursery.sessions.pop("mum")
    assert sees(nursery, "mum"), "with a new session; the ones before stay over"
    assert admin("account", "lock", "nobody") == 1
    assert admin("account", "unlock", "nobody") == 1
    ahead_us = SystemClock().utc_us() + 10 * US_PER_DAY
    nursery.change(NewestInstant, NewestInstant.id == 1, seen_us=ahead_us)
    assert admin("people", "clock") == 0
    assert steady_time.newest(nursery.database) == ahead_us
    assert admin("people", "clock", "--set-back") == 0
    assert steady_time.newest(nursery.database) < ahead_us
    assert "10" not in capsys.readouterr().out.rsplit("clock:", 1)[1]


def test_a_remembered_password_ends_with_a_new_one(house):
    script = house.client(auth=("boss", PASSWORD))
    assert script.get("/api/v1/sites").status_code == 200
    house.parts.sign_in.change_password("boss", PASSWORD, NEW_PASSWORD, "192.0.2.1")
    assert script.get("/api/v1/sites").status_code == 401


def test_a_session_alone_adds_no_passkey(house):
    client = enter(house, "mum")
    assert client.post("/me/passkeys/options", headers={"Sec-Fetch-Mode": "cors"}, data={}).status_code == 401
    assert (
        client.post("/me/passkeys/options", headers={"Sec-Fetch-Mode": "cors"}, data={"password": "wrong"}).status_code
        == 401
    )
    assert (
        client.post("/me/passkeys/options", headers={"Sec-Fetch-Mode": "cors"}, data={"password": PASSWORD}).status_code
        == 200
    )


def test_a_guardian_has_one_account_and_another_comes_only_after_it_was_removed(house):
    desk, boss = house.parts.people.invitations, Scope("boss", "facility_manager")
    with pytest.raises(Conflict) as refused:
        desk.invite(boss, SITE, guardian_id="g1")
    assert refused.value.code == "has_account"
    desk.remove(boss, SITE, "mum")
    made = desk.invite(boss, SITE, guardian_id="g1")
    assert desk.accept(made.link, made.code, "mum-again", NEW_PASSWORD) == "mum-again"


def test_somebody_of_the_staff_who_left_finds_nothing_any_more(house):
    desk, boss = house.parts.people.invitations, Scope("boss", "facility_manager")
    house.nursery.add(Staff(site_id=SITE, id="s9", name="Wen", role="carer"))
    made = desk.invite(boss, SITE, staff_id="s9")
    desk.accept(made.link, made.code, "wen", NEW_PASSWORD)
    client = enter(house, "wen", NEW_PASSWORD)
    assert client.get(f"/sites/{SITE}/today").status_code == 200
    assert enter(house, "boss").post(f"/sites/{SITE}/people/removals", data={"account": "wen"}).status_code == 303
    assert client.get(f"/sites/{SITE}/today").status_code == 303
    assert enter(house, "wen", NEW_PASSWORD).get(f"/sites/{SITE}/today").status_code == 404


def test_what_the_database_says_of_itself_is_told_to_nobody(house, monkeypatch):
    def away(_token):
        raise Unavailable("the database does not answer: server at 10.1.2.3 refused")

    monkeypatch.setattr(house.parts.sign_in, "resume", away)
    answer = house.client(cookies={"nightlight": "x"}).get("/api/v1/sites")
    assert answer.status_code == 503
    assert "10.1.2.3" not in answer.text
