"""What a push service delivers is shown by the worker that really ships, in a real browser."""

import json

import pytest

from tests.support.api import OPERATOR, PASSWORD, RunningApi, add_accounts
from tests.support.browser import OpenPage

pytestmark = [pytest.mark.parametrize("database", ["sqlite"], indirect=True), pytest.mark.usefixtures("browser")]
REGISTER = """async () => {
  const made = await navigator.serviceWorker.register("/worker.js");
  const worker = made.installing ?? made.waiting ?? made.active;
  while (worker.state !== "activated") await new Promise((done) => setTimeout(done, 20));
  return made.scope;
}"""
SHOWN = """async () => {
  const found = await navigator.serviceWorker.getRegistration("/");
  for (let tries = 0; tries < 200; tries++) {
    const shown = await found.getNotifications();
    if (shown.length) return shown.map((one) => [one.title, one.body, one.tag, one.data.link]);
    await new Promise((done) => setTimeout(done, 20));
  }
  return [];
}"""


def test_a_pushed_message_is_shown_once(api: RunningApi, agent, clock, open_page: OpenPage):
    add_accounts(api.parts.database, clock, "sunflower")
    page = open_page("en", 360, permissions=["notifications"])
    page.goto(api.url)
    page.locator("#name").fill(OPERATOR)
    page.locator("#password").fill(PASSWORD)
    page.locator("#password").press("Enter")
    page.wait_for_url("**/sites/*")
    page.goto(f"{api.url}/notices")
    cdp = page.context.new_cdp_session(page)
    registrations: list[str] = []
    cdp.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda told: registrations.extend(one["registrationId"] for one in told["registrations"]),
    )
    cdp.send("ServiceWorker.enable")
    assert page.evaluate(REGISTER) == f"{api.url}/"
    said = {"title": "Sunflower: recording gap", "body": "× 6", "tag": "a" * 32, "link": f"{api.url}/sites/sunflower"}
    for _ in range(2):
        cdp.send(
            "ServiceWorker.deliverPushMessage",
            {"origin": api.url, "registrationId": registrations[-1], "data": json.dumps(said)},
        )
    assert page.evaluate(SHOWN) == [[said["title"], said["body"], said["tag"], said["link"]]]
