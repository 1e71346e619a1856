"""An attested day over HTTP: the page, the same for scripts, and nothing of it for those out of reach."""

import hashlib

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import delete

from config.base.clock import US_PER_DAY, US_PER_S
from config.evidence.checkpoint import Checkpoint
from config.evidence.entries import CameraAttested, DayAttested, GapAttested, encode
from config.evidence.note import NoteSigner, SignedNote
from config.settings.server import load_server
from server.services.evidence.keep_ledger import LedgerKeeper
from storage.database import ledger, witnesses
from storage.database.models import AccountSite
from tests.support.api import AUDITOR, OPERATOR, add_accounts, serving, settings_for
from tests.support.clock import SimulatedClock
from tests.support.sites import SigningAgent

START_US = 1_795_190_400 * US_PER_S  # the first instant of the day at the site
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock()


@pytest.fixture
def api(database, clock, tmp_path):
    SigningAgent(database, clock).register()
    add_accounts(database, clock, "sunflower")
    with serving(load_server(settings_for(database, tmp_path)), clock) as running:
        yield running


def attest(database, clock, **changes) -> str:
    gap = GapAttested(START_US + 3_600 * US_PER_S, START_US + 3_660 * US_PER_S, "disk_full", "missing")
    camera = CameraAttested(
        camera_id="nap-room", status="NON_COMPLIANT", expected_us=US_PER_DAY, covered_us=US_PER_DAY - 60 * US_PER_S,
        backfilled_us=600 * US_PER_S, gaps=[gap],
    )  # fmt: skip
    entry = DayAttested(
        site_id="sunflower", at_us=clock.utc_us(), day="2026-11-21", start_us=START_US, end_us=START_US + US_PER_DAY,
        cameras=[camera], versions=1_440, audited_versions=1_439, unsound_versions=1, audit_us=clock.utc_us(),
        previous_sha256="ab" * 32,
    )  # fmt: skip
    body = encode(msgspec.structs.replace(entry, **changes))
    with database.unit_of_work() as session:
        ledger.add(session, "sunflower", "day-attested", "2026-11-21", body)
    return hashlib.sha256(body).hexdigest()


def test_a_day_is_shown_with_its_gaps_the_audit_and_what_it_supersedes(api, database, clock):
    client = api.signed_in(AUDITOR)
    assert "not attested yet" in client.get("/sites/sunflower/attestations/2026-11-20").text
    first = attest(database, clock)
    second = attest(database, clock, supersedes_sha256=first, unsound_versions=2)
    page = client.get("/sites/sunflower/attestations/2026-11-21").text
    for said in ("1439", "1440", "ab" * 32, first, second, "disk of the site agent was full", "01:00:00 – 01:01:00"):
        assert said in page
    assert "the site&#39;s ledger" not in page  # it has no number yet
    assert "的证明" in client.get("/sites/sunflower/attestations/2026-11-21", headers={"Accept-Language": "zh-CN"}).text
    told = client.get("/api/v1/sites/sunflower/attestations/2026-11-21").json()
    assert [each["sha256"] for each in told["attestations"]] == [first, second]
    assert told["ledger"] is None


def test_the_checkpoint_and_who_refuses_it(api, database, clock):
    client = api.signed_in(AUDITOR)
    assert client.get("/api/v1/sites/sunflower/checkpoint").status_code == 404
    attest(database, clock)
    signer = NoteSigner("nightlight.example", Ed25519PrivateKey.generate())
    keeper = LedgerKeeper(database, clock, signer, "nightlight.example/ledger")
    keeper.number_all()
    keeper.checkpoint("sunflower")
    note = SignedNote.parse(client.get("/api/v1/sites/sunflower/checkpoint").content)
    assert Checkpoint.parse(note.text).size == 1
    with database.unit_of_work() as session:
        row = witnesses.of_agent(session, "sunflower-box")
        row.refused_size, row.refused_us, row.refused_why = 1, clock.utc_us(), "forked"
    page = client.get("/sites/sunflower/attestations/2026-11-21").text
    assert "sunflower-box does not cosign: it keeps another ledger of the same size." in page
    assert "Entry 0 of the site&#39;s ledger." in page


def test_it_is_out_of_reach_for_others(api, database):
    with database.unit_of_work() as session:
        session.execute(delete(AccountSite))
    stranger = api.signed_in(OPERATOR)
    for path in ("/sites/sunflower/attestations/2026-11-21", "/api/v1/sites/sunflower/checkpoint"):
        assert stranger.get(path).status_code == 404
    assert api.signed_in(AUDITOR).get("/sites/sunflower/attestations/today").status_code == 400
