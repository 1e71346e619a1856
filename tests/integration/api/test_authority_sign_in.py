"""Sign-in of authorities through their own provider: who comes in, and every answer that does not hold."""

import html
import re
import sys
import warnings
from urllib.parse import parse_qs, urlsplit

import httpx
import pyotp
import pytest
from sqlalchemy import select

from config.base.clock import US_PER_S, SystemClock
from config.base.errors import ConfigurationError
from config.settings.server import load_server
from server.admin.__main__ import main
from server.api.parts import build
from storage.database.models import Account, AccountEvent, AccountIdentity, HalfSignIn, LoginSession, Totp
from tests.support.api import serving, settings_for
from tests.support.nursery import PASSWORD, SITE, Nursery
from tests.support.oidc import CLIENT, SECRET, provider

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
SUBJECT = "person-1"


def configured(nursery, folder, issuer: str, more: str = ""):
    file = settings_for(nursery.database, folder)
    (folder / "client").write_text(SECRET)
    with file.open("a") as opened:
        opened.write(
            f'[oidc]\nissuer = "{issuer}"\nclient_id = "{CLIENT}"\nclient_secret_file = "{folder / "client"}"\n{more}'
        )
    return file


@pytest.fixture
def idp(nursery):
    with provider(nursery.clock) as made:
        yield made


@pytest.fixture
def house(nursery, tmp_path, idp):
    """An officer bound, and the provider's amr "mfa" believed."""
    file = configured(nursery, tmp_path, idp.issuer, 'second_step_amr = ["mfa"]\n')
    file.write_text(file.read_text().replace("second_step_roles = []", 'second_step_roles = ["police_auditor"]'))
    nursery.add(AccountIdentity(issuer=idp.issuer, subject=SUBJECT, account_name="police", bound_us=1))
    with serving(load_server(file), nursery.clock) as api:
        api.nursery, api.idp = nursery, idp
        yield api


def begin(house, path: str = "/sign-in/authority") -> tuple[httpx.Client, str]:
    """A browser, and the address that the provider sends it back to."""
    client = house.client(follow_redirects=False)
    there = client.get(path)
    assert there.status_code == 303, there.text
    back = httpx.get(there.headers["location"], trust_env=False)
    assert back.status_code == 302
    return client, back.headers["location"]


def test_an_officer_comes_in_as_the_account_that_is_bound_and_goes_on_by_a_page_of_ours(house):
    house.idp.claims = {"amr": ["pwd", "mfa"], "email": "boss@example.org"}
    page = house.client().get("/sign-in", headers={"Accept-Language": "zh-CN"}).text
    assert "监管部门统一登录" in page
    client, address = begin(house, f"/sign-in/authority?next=/sites/{SITE}")
    asked = house.idp.asked[0]
    assert "code_verifier" not in asked
    assert asked["scope"] == "openid"
    answer = client.get(address)
    assert answer.status_code == 200
    assert f'content="0;url=/sites/{SITE}"' in answer.text, "a redirect would lose the strict cookie"
    assert client.get(f"/sites/{SITE}").status_code == 200, "the provider's second step is believed"
    with house.nursery.database.reading() as session:
        event = session.scalars(select(AccountEvent).order_by(AccountEvent.id.desc())).first()
        assert (event.account_name, event.what, event.proof) == ("police", "signed_in", "authority_two")
        assert session.get(AccountIdentity, (house.idp.issuer, SUBJECT)).used_us is not None
    again = client.get(address)
    assert again.status_code == 401, "an answer counts once"


def test_a_second_step_that_the_provider_did_not_see_to_is_asked_for_here(house):
    client, address = begin(house)
    assert client.get(address).status_code == 200
    assert client.get(f"/sites/{SITE}").headers["location"] == "/me", "the role needs one and has none"
    page = client.post("/me/totp", data={"password": PASSWORD})
    secret = re.search(r"<code>([A-Z2-7 ]{20,})</code>", page.text)[1].replace(" ", "")
    clock = house.nursery.clock
    code = pyotp.TOTP(secret).at(clock.utc_us() // US_PER_S)
    assert client.post("/me/totp/confirm", data={"code": code}).status_code == 200
    client, address = begin(house)
    page = client.get(address)
    step = re.search(r'name="step" value="([\w-]+)"', page.text)[1]
    assert client.get("/me").status_code == 303, "not in yet"
    clock.advance(30)
    code = pyotp.TOTP(secret).at(clock.utc_us() // US_PER_S)
    assert client.post("/sign-in/second", data={"step": step, "code": code}).status_code == 303
    assert client.get(f"/sites/{SITE}").status_code == 200
    assert "/leave" in left_for(client.post("/sign-out")), "the way in led through the provider all the same"


def left_for(answer: httpx.Response) -> str:
    return html.unescape(re.search(r'content="0;url=([^"]+)"', answer.text)[1])


def test_signing_out_here_goes_on_to_the_provider_and_comes_back(house):
    house.idp.claims = {"amr": ["mfa"]}
    client, address = begin(house)
    assert client.get(address).status_code == 200
    answer = client.post("/sign-out")
    assert answer.status_code == 200, "a redirect after a form would be stopped by form-action"
    assert client.get("/me").status_code == 303, "the session here is over before the provider is asked"
    back = httpx.get(left_for(answer), trust_env=False)
    assert back.headers["location"] == f"{house.url}/sign-in"
    assert house.idp.left == [{"tenant": "a", "client_id": CLIENT, "post_logout_redirect_uri": f"{house.url}/sign-in"}]
    assert client.post("/sign-out").headers["location"] == "/sign-in", "nobody is signed in any more"
    ours = house.client(follow_redirects=False)
    ours.post("/sign-in", data={"name": "boss", "password": PASSWORD})
    assert ours.post("/sign-out").headers["location"] == "/sign-in", "who came in here has nothing to leave there"


def test_a_provider_without_a_way_out_or_away_keeps_nobody_signed_in_here(house):
    house.idp.claims, house.idp.lie = {"amr": ["mfa"]}, "no_way_out"
    client, address = begin(house)
    assert client.get(address).status_code == 200
    answer = client.post("/sign-out")
    assert answer.headers["location"] == "/sign-in?said=left"
    assert client.get("/me").status_code == 303
    assert "could not be asked" in client.get("/sign-in?said=left").text


def test_who_leaves_a_screen_open_is_signed_out_at_the_provider_too(house):
    """Else whoever stands at the screen comes in by the provider, which asks nothing of who is known there."""
    house.idp.claims = {"amr": ["mfa"]}
    client, address = begin(house)
    assert client.get(address).status_code == 200
    back = httpx.get(left_for(client.post("/wall/screen")), trust_env=False)
    assert back.headers["location"] == f"{house.url}/sign-in"
    assert client.get("/sign-in").headers["location"] == "/wall", "where the provider sends the screen back to"
    assert (client.get("/wall").status_code, client.get("/me").status_code) == (200, 403)
    assert client.get("/sign-in?next=/").status_code == 200, "somebody may sign in there all the same"
    house.idp.lie = "no_way_out"
    house.nursery.clock.advance(3_700)
    client, address = begin(house)
    assert client.get(address).status_code == 200
    assert client.post("/wall/screen").headers["location"] == "/sign-in?said=left"
    assert client.get("/sign-in?said=left").status_code == 200
    assert client.get("/wall").status_code == 200


def test_who_signs_out_late_is_sent_on_to_the_provider_too_and_once(house):
    """The session here ended by itself; the provider's may stand, and would let in whoever sits down next."""
    house.idp.claims = {"amr": ["mfa"]}
    for forgotten in (False, True):
        client, address = begin(house)
        assert client.get(address).status_code == 200
        house.nursery.clock.advance(13 * 3_600)
        if forgotten:
            del client.cookies["nightlight"]
        assert client.get("/me").status_code == 303
        assert "/leave" in left_for(client.post("/sign-out"))
        assert client.post("/sign-out").headers["location"] == "/sign-in"


def test_a_sign_out_at_the_provider_ends_what_was_opened_through_it_and_nothing_else(house):
    house.idp.claims = {"amr": ["mfa"]}
    client, address = begin(house)
    assert client.get(address).status_code == 200
    screen, address = begin(house)
    assert screen.get(address).status_code == 200
    screen.post("/wall/screen")
    ours = house.client(follow_redirects=False)
    assert ours.post("/sign-in", data={"name": "police", "password": PASSWORD}).status_code == 303
    provider = httpx.Client(base_url=house.url, trust_env=False)

    def said(token: str) -> int:
        return provider.post("/back-channel/sign-out", data={"logout_token": token}).status_code

    event = "http://schemas.openid.net/event/backchannel-logout"
    house.idp.lie = "key"
    assert said(house.idp.logout()) == 400
    house.idp.lie = ""
    for lie in (
        {"sub": None}, {"sub": 7}, {"sub": ""}, {"sub": "x" * 256}, {"events": None}, {"events": {}}, {"events": {event: 1}},
        {"events": [event]}, {"nonce": "n"}, {"aud": "somebody-else"}, {"iss": "https://evil.example"}, {"iat": None},
        {"iat": house.nursery.clock.utc_us() // US_PER_S - 3_600}, {"exp": 1},
    ):  # fmt: skip
        assert said(house.idp.logout(**lie)) == 400, lie
    for token in ("", "x", "a.b.c", house.idp.identity("n"), "\0"):
        assert said(token) == 400
    for subject in ("person-2", "\0"):
        assert said(house.idp.logout(sub=subject)) == 200, "nobody here is bound to it"
    assert client.get(f"/sites/{SITE}").status_code == 200
    answer = provider.post("/back-channel/sign-out", data={"logout_token": house.idp.logout(exp=None, sid=None)})
    assert (answer.status_code, answer.headers["cache-control"], answer.content) == (200, "no-store", b"")
    assert client.get(f"/sites/{SITE}").status_code == 303, "over at once"
    assert screen.get("/wall").status_code == 200, "it was left open on purpose, and signed out at the provider then"
    assert ours.get("/me").status_code == 200, "who came in by a password did not come through there"
    assert said(house.idp.logout()) == 200, "a second time changes nothing"


def test_a_sign_in_half_done_is_over_with_a_sign_out_there(house):
    house.nursery.add(Totp(account_name="police", secret=b"\0AAAA", made_us=1, confirmed_us=1, last_step=0))
    client, address = begin(house)
    step = re.search(r'name="step" value="([\w-]+)"', client.get(address).text)[1]
    with house.nursery.database.reading() as session:
        assert session.query(HalfSignIn).filter_by(account_name="police").count() == 1
    token = {"logout_token": house.idp.logout()}
    assert httpx.post(f"{house.url}/back-channel/sign-out", data=token, trust_env=False).status_code == 200
    assert "took too long" in client.post("/sign-in/second", data={"step": step, "code": "123456"}).text


def test_keys_that_are_none_open_nothing_and_break_nothing(house):
    house.idp.lie = "no_keys"
    client, address = begin(house)
    assert client.get(address).status_code == 503


LIES = (
    "nonce", "no_nonce", "audience", "audiences", "azp", "issuer", "expired", "old", "no_subject", "key", "secret", "unsigned", "iss",
)  # fmt: skip


def test_a_token_that_does_not_hold_opens_nothing(house):
    for lie in LIES:
        house.idp.lie = lie
        client, address = begin(house)
        assert client.get(address).status_code == 401, lie
        assert client.get("/me").status_code == 303, lie
    house.idp.lie = ""
    client, address = begin(house)
    assert client.get(address).status_code == 200


def test_what_another_browser_began_or_nobody_did_opens_nothing(house):
    victim, address = begin(house)
    thief = house.client(follow_redirects=False)
    assert thief.get(address).status_code == 401, "the cookie of who began is missing"
    assert victim.get(address).status_code == 401, "and the state is used up"
    client, address = begin(house)
    house.nursery.clock.advance(301)
    assert client.get(address).status_code == 401
    client, address = begin(house)
    parts = urlsplit(address)
    code = parse_qs(parts.query)["code"][0]
    for query in (
        "",
        "?state=x&code=y",
        f"?code={code}",
        "?error=access_denied",
        "?state=%00&code=%00",
        "?code=" + "x" * 3_000,
    ):
        assert client.get(f"{parts.path}{query}").status_code == 401


def test_who_is_not_bound_or_is_no_authority_any_more_stays_out(house):
    house.idp.subject = "person-2"
    client, address = begin(house)
    answer = client.get(address)
    assert (answer.status_code, "no account here is bound to you" in answer.text) == (401, True)
    house.idp.subject = SUBJECT
    for change in ({"role": "facility_manager"}, {"role": "police_auditor", "locked_us": 1}):
        house.nursery.change(Account, Account.name == "police", **change)
        client, address = begin(house)
        assert client.get(address).status_code == 401
        assert client.get("/me").status_code == 303


def test_a_provider_that_is_away_or_another_one_is_said_and_passwords_go_on(house, nursery, tmp_path):
    house.idp.lie = "discovery"
    answer = house.client(follow_redirects=False).get("/sign-in/authority")
    assert (answer.status_code, "does not answer" in answer.text) == (503, True)
    away = configured(nursery, tmp_path, "http://127.0.0.1:9")
    with serving(load_server(away), nursery.clock) as api:
        client = api.client(follow_redirects=False)
        for _ in range(2):
            assert client.get("/sign-in/authority").status_code == 503
        assert client.post("/sign-in", data={"name": "boss", "password": PASSWORD}).status_code == 303


def test_without_a_provider_there_is_no_button_and_no_way(nursery, tmp_path):
    with serving(load_server(settings_for(nursery.database, tmp_path)), nursery.clock) as api:
        assert "/sign-in/authority" not in api.client().get("/sign-in").text
        for path in ("/sign-in/authority", "/sign-in/authority/back?state=x&code=y"):
            assert api.client().get(path).status_code in {401, 404}
        assert api.client().post("/back-channel/sign-out", data={"logout_token": "x"}).status_code == 404
    for issuer in ("http://idp.example.org", "https://"):
        with pytest.raises(ConfigurationError):
            build(load_server(configured(nursery, tmp_path, issuer)), nursery.clock)


def test_an_administrator_binds_and_unbinds(nursery, tmp_path, idp, monkeypatch, capsys):
    file = configured(nursery, tmp_path, idp.issuer)

    def admin(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["server.admin", "--settings", str(file), *words])
        return main()

    assert admin("account", "bind", "health", "--subject", "h-1") == 0
    assert admin("account", "bind", "police", "--subject", "h-1") == 1, "a subject is one person"
    assert admin("account", "bind", "boss", "--subject", "b-1") == 1, "a facility signs in here"
    assert admin("account", "bind", "nobody", "--subject", "n-1") == 1
    with nursery.database.reading() as session:
        assert [row.account_name for row in session.scalars(select(AccountIdentity))] == ["health"]
    nursery.session("health")
    assert admin("account", "unbind", "health") == 0
    with nursery.database.reading() as session:
        assert session.scalars(select(LoginSession)).all() == [], "what was open by it is over"
        assert session.scalars(select(AccountIdentity)).all() == []
        assert set(session.scalars(select(AccountEvent.what))) >= {"bound", "unbound"}
    assert "h-1" not in capsys.readouterr().out


def test_somebody_elses_provider_is_understood(database, tmp_path):
    """oidc-provider-mock, on Authlib: written by others from the same documents."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import oidc_provider_mock
    nursery = Nursery(database, clock=SystemClock()).furnish()
    user = oidc_provider_mock.User(sub="officer-7", claims={"amr": ["mfa"]})
    with oidc_provider_mock.run_server_in_thread(user_claims=[user], require_nonce=True) as server:
        issuer = f"http://127.0.0.1:{server.server_port}"
        nursery.add(AccountIdentity(issuer=issuer, subject="officer-7", account_name="police", bound_us=1))
        with serving(load_server(configured(nursery, tmp_path, issuer)), nursery.clock) as api:
            client = api.client(follow_redirects=False)
            there = client.get("/sign-in/authority").headers["location"]
            back = httpx.post(there, data={"sub": "officer-7"}, trust_env=False)
            assert client.get(back.headers["location"]).status_code == 200
            assert client.get(f"/sites/{SITE}").status_code == 200
            away = left_for(client.post("/sign-out"))
            asks = httpx.get(away, trust_env=False).text
            assert f'value="{api.url}/sign-in"' in asks, "it asks once more, and then sends the browser back"
