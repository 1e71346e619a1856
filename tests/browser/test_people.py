"""Signing in by passkey with Chromium's own virtual authenticator; the staff's one tap; signing out at a provider; at 360 px."""

import pytest
from playwright.sync_api import expect

from config.settings.server import load_server
from server.domain.lease import Permit
from storage.database.models import AccountIdentity
from tests.integration.api.test_authority_sign_in import SUBJECT, configured
from tests.support.api import serving, settings_for
from tests.support.browser import OpenPage, keep
from tests.support.nursery import PASSWORD, SITE
from tests.support.oidc import provider

pytestmark = [pytest.mark.parametrize("database", ["sqlite"], indirect=True), pytest.mark.usefixtures("browser")]
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def house(nursery, tmp_path):
    """Under the name localhost: a passkey is bound to a name, never to an address."""
    with serving(load_server(settings_for(nursery.database, tmp_path)), nursery.clock) as api:
        api.nursery = nursery
        api.url = api.url.replace("127.0.0.1", "localhost")
        yield api


def enter(page, house, name: str) -> None:
    page.goto(f"{house.url}/sign-in")
    page.locator("#name").fill(name)
    page.locator("#password").fill(PASSWORD)
    page.locator("main button[type=submit]").click()


def test_a_passkey_is_made_and_opens_the_account_by_itself(house, open_page: OpenPage, request):
    page = open_page("zh-CN", 360)
    device = page.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    device.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    enter(page, house, "boss")
    page.goto(f"{house.url}/me")
    page.locator("#key-name").fill("电话")
    page.locator("#key-password").fill(PASSWORD)
    page.locator("#new-passkey button").click()
    expect(page.get_by_role("heading", name="电话")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    keep(request, page, "me-zh-CN-360")
    page.context.clear_cookies()
    page.goto(f"{house.url}/sign-in?next=/me")
    page.locator("#passkey button").click()
    page.wait_for_url("**/me")
    expect(page.locator("#sessions-title")).to_be_visible()
    assert house.parts.sign_in.second_steps("boss") == {"passkey"}


def test_one_tap_and_the_room_is_dark(house, open_page: OpenPage, request):
    nursery = house.nursery
    page = open_page("zh-CN", 360)
    enter(page, house, "boss")
    page.wait_for_url("**/sites/*")
    page.goto(f"{house.url}/sites/{SITE}/people")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    keep(request, page, "people-zh-CN-360")
    page.goto(f"{house.url}/sites/{SITE}/today")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator("form:has(input[value=room-a]) button[value=nap]").click()
    expect(page.locator(".chip.non_compliant")).to_be_visible()
    keep(request, page, "today-zh-CN-360")
    assert not isinstance(nursery.desk.decide(nursery.session("mum"), "cam-a", nursery.now_us), Permit)


def test_an_officer_who_signs_out_is_signed_out_at_the_provider_too(nursery, tmp_path, open_page: OpenPage, request):
    """In a browser: ``form-action`` would stop a redirect that follows a form to another site."""
    with provider(nursery.clock) as idp:
        idp.claims = {"amr": ["mfa"]}
        nursery.add(AccountIdentity(issuer=idp.issuer, subject=SUBJECT, account_name="police", bound_us=1))
        settings = load_server(configured(nursery, tmp_path, idp.issuer, 'second_step_amr = ["mfa"]\n'))
        with serving(settings, nursery.clock) as api:
            url, page = api.url.replace("127.0.0.1", "localhost"), open_page("zh-CN", 360)
            page.goto(f"{url}/sign-in")
            page.locator(".authority").click()
            page.wait_for_url(f"{url}/sites/**")
            page.route("**/leave?**", lambda asked: asked.abort("aborted"))
            with page.expect_event("requestfailed", lambda asked: "/leave?" in asked.url):  # it goes on by itself
                page.locator("form[action='/sign-out']").first.evaluate("(form) => form.requestSubmit()")
            onward = page.locator(".message .button")
            expect(onward).to_be_visible()
            keep(request, page, "signed-out-zh-CN-360")
            page.unroute("**/leave?**")
            onward.click()
            page.wait_for_url(f"{url}/sign-in")
            assert len(idp.left) >= 1
            page.goto(f"{url}/sign-in?said=left")
            keep(request, page, "sign-in-left-zh-CN-360")
