"""A site's audits over HTTP: who may see them and ask for one, and what a page watches."""

import hashlib
import threading

import httpx
import pytest

from config.base.clock import US_PER_DAY
from config.settings.server import load_server
from server.domain.sampling import Population, draw
from server.services.audit.audit_deep import DeepAuditor
from storage.database import deep_audits
from storage.database.models import AuditFinding, DeepAudit
from tests.support.api import AUDITOR, add_accounts, serving, settings_for
from tests.support.clock import SimulatedClock, present_us
from tests.support.databases import fresh_database
from tests.support.footage import RULES, FootageSite


@pytest.fixture
def database(request, tmp_path):
    yield from fresh_database("sqlite", request, tmp_path)


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(present_us())


@pytest.fixture
def site(database, any_object_store, clock) -> FootageSite:
    made = FootageSite(database, any_object_store.evidence, clock).add("sound").add("frozen")
    add_accounts(database, clock, "sunflower")
    return made


@pytest.fixture
def api(site, database, clock, tmp_path):
    with serving(load_server(settings_for(database, tmp_path)), clock) as running:
        yield running


def work(site: FootageSite, any_object_store) -> None:
    auditor = DeepAuditor(site.database, any_object_store.evidence, site.clock, RULES)
    while auditor.step():
        pass


def test_an_auditor_gives_the_seed_watches_and_anybody_can_draw_again(api, site, any_object_store):
    client = api.signed_in(AUDITOR)
    page = client.get("/sites/sunflower/audit")
    assert 'name="seed"' in page.text
    asked = client.post("/sites/sunflower/audits", data={"seed": "3 5 6", "samples": "9"})
    assert asked.status_code == 303
    where = asked.headers["location"]
    assert "being drawn" in client.get(where).text
    heard: list[str] = []
    changed = threading.Event()

    def watch():
        with client.stream("GET", f"{where}/events", timeout=30) as stream:
            for line in stream.iter_lines():
                if line.startswith("data:"):
                    heard.append(line)
                if len(heard) > 1:
                    changed.set()
                    return

    watcher = threading.Thread(target=watch)
    watcher.start()
    work(site, any_object_store)
    assert changed.wait(30)
    watcher.join(10)
    assert len(set(heard)) == 2
    done = client.get(f"/api/v1{where}").json()
    assert (done["audit"]["checked"], done["audit"]["faults"], done["audit"]["asked_by"]) == (2, 1, AUDITOR)
    assert f"/playback/{site.camera_id}?at=" in client.get(where).text, "a sample leads to its minute"
    told = client.get(f"{where}/file?format=csv").text.splitlines()
    assert len(told) == 3
    assert site.camera_id in told[1]
    assert client.get(f"{where}/file?format=xlsx").status_code == 200
    text = client.get(f"/api/v1{where}/population").text
    assert hashlib.sha256(text.encode()).hexdigest() == done["audit"]["population_sha256"]
    drawn = [minute.span.start_us for minute in draw(Population.parse(text), "3 5 6", 9)]
    assert drawn == [sample["start_us"] for sample in done["samples"]]
    shown = client.get(where).text
    assert "The picture stands still" in shown
    assert "95 % confidence" in shown
    fragment = client.get(f"{where}/board")
    assert fragment.headers["ETag"].strip('"') in shown
    again = client.post("/sites/sunflower/audits", data={"seed": "3 5 6", "samples": "9", "repeats": where[-32:]})
    assert again.status_code == 303


def test_what_is_found_is_on_the_board_and_on_the_page(api, site, any_object_store, clock):
    client = api.signed_in()
    assert "Store and audits" not in client.get("/sites/sunflower").text
    made = client.post("/api/v1/sites/sunflower/audits", json={"seed": "s", "samples": 5})
    assert made.status_code == 201
    work(site, any_object_store)
    clock.advance(2)
    board = client.get("/sites/sunflower").text
    assert "An audit found 1 thing wrong" in board
    page = client.get("/sites/sunflower/audit").text
    assert "The picture stands still" in page
    assert "Not known" not in page
    with site.database.unit_of_work() as session:
        deep_audits.set_condition(session, "clock", good=False, now_us=clock.utc_us(), amount=61_500_000)
        deep_audits.set_condition(session, "canary", good=False, now_us=clock.utc_us(), detail="version delete")
    clock.advance(2)
    board = client.get("/sites/sunflower").text
    assert "61.5 s off" in board
    assert "let go of what must stay locked" in board
    told = client.get("/api/v1/sites/sunflower/audit").json()
    assert {row["name"]: row["good"] for row in told["conditions"]} == {"clock": False, "canary": False}
    with site.database.unit_of_work() as session:
        deep_audits.set_condition(session, "clock", good=True, now_us=clock.utc_us())
        deep_audits.set_condition(session, "canary", good=True, now_us=clock.utc_us())
        session.query(AuditFinding).update({"settled_us": clock.utc_us()})
    clock.advance(2)
    assert "Store and audits" not in client.get("/sites/sunflower").text
    clock.advance(2 * US_PER_DAY / 1_000_000 + 1)
    late = api.signed_in().get("/sites/sunflower").text
    assert "not been audited for two days" in late


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"seed": "", "samples": "5"}, 400, "A seed has 1 to 128"),
        ({"seed": "a", "samples": "0"}, 400, "Between 1 and 2000"),
        ({"seed": "a", "samples": "many"}, 400, "Between 1 and 2000"),
        ({"seed": "a" * 200, "samples": "5"}, 400, "A seed has 1 to 128"),
    ],
)
def test_a_form_that_cannot_be_comes_back_as_it_was(api, fields, status, words):
    answer = api.signed_in().post("/sites/sunflower/audits", data=fields)
    assert answer.status_code == status
    assert words in answer.text
    assert f'value="{fields["seed"]}"' in answer.text


def test_only_two_at_a_time(api):
    client = api.signed_in()
    for seed in "ab":
        assert client.post("/sites/sunflower/audits", data={"seed": seed, "samples": "1"}).status_code == 303
    refused = client.post("/sites/sunflower/audits", data={"seed": "c", "samples": "1"})
    assert refused.status_code == 409
    assert "Wait until one is finished" in refused.text


def test_another_site_is_not_found_and_nobody_unknown_is_told(api, site, clock):
    with site.database.unit_of_work() as session:
        session.add(DeepAudit(id="0" * 32, site_id="sunflower", seed="s", wanted=1, asked_by="x", asked_us=1))
    client = api.signed_in()
    for path in (
        "/sites/rainbow/audit",
        "/sites/rainbow/audits/" + "0" * 32,
        "/sites/sunflower/audits/" + "1" * 32,
        "/sites/sunflower/audits/%00",
        "/api/v1/sites/rainbow/audit",
        f"/api/v1/sites/sunflower/audits/{'0' * 32}/population",
    ):
        assert client.get(path).status_code == 404, path
    assert client.post("/sites/rainbow/audits", data={"seed": "a", "samples": "1"}).status_code == 404
    assert client.post("/api/v1/sites/sunflower/audits", content=b"{").status_code == 400
    repeats = {"seed": "a", "samples": "1", "repeats": "1" * 32}
    assert client.post("/sites/sunflower/audits", data=repeats).status_code == 404
    with httpx.Client(base_url=api.url, trust_env=False) as stranger:
        assert stranger.get("/api/v1/sites/sunflower/audit").status_code == 401
