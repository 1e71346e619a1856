"""Who sees what (I7), and what may be registered (I9)."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from config.base.errors import Conflict, InvalidInput, NotFound, PermissionDenied, ResourceExhausted
from config.wire.envelope import Signer
from config.wire.sealing import sealing_public_pem
from server.services.coverage.assess_day import Assessor
from server.services.coverage.read_day import DayReader
from server.services.people.sign_in import FAILURES_MAX, SignIn
from server.services.registers.register import Register
from storage.database.models import Account, Agent, Camera, LoginSession
from storage.database.scope import AUDITOR, OPERATOR, Scope
from storage.database.unit_of_work import Database
from tests.support.clock import SimulatedClock
from tests.support.sites import POLICY, SigningAgent

PASSWORD = "correct horse battery"


@pytest.fixture
def register(agent: SigningAgent, database: Database, clock: SimulatedClock) -> Register:
    """Two sites in two regions: sunflower in cn/sichuan/luzhou, boat in cn/sichuan/luzhou2."""
    made = Register(database, clock)
    made.add_site("boat", "小船", "cn/sichuan/luzhou2", "Asia/Shanghai")
    return made


@pytest.mark.parametrize(
    ("scope", "seen"),
    [
        (Scope("a", AUDITOR, "*"), ["boat", "sunflower"]),
        (Scope("a", AUDITOR, ""), []),
        (Scope("a", AUDITOR, "cn/sichuan"), ["boat", "sunflower"]),
        (Scope("a", AUDITOR, "cn/sichuan/luzhou"), ["sunflower"]),
        (Scope("a", AUDITOR, "cn/sichuan/luz"), []),
        (Scope("a", AUDITOR, "cn/%"), []),
        (Scope("op", OPERATOR), ["boat"]),
        (Scope("nobody", OPERATOR), []),
        (Scope("a", "stranger"), []),
    ],
)
def test_everyone_sees_their_own_and_nothing_else(
    register: Register, database: Database, clock: SimulatedClock, scope: Scope, seen: list[str]
) -> None:
    register.add_account("op", OPERATOR, PASSWORD, ["boat"])
    reader = DayReader(database, clock, Assessor(POLICY))
    assert [site.site_id for site in reader.sites(scope)] == seen
    for site_id in {"boat", "sunflower", "no-such-site"} - set(seen):
        with pytest.raises(NotFound):
            reader.day(scope, site_id)


def test_no_camera_looks_into_a_forbidden_zone(register: Register) -> None:
    register.add_zone("sunflower", "wc", "厕所", "toilet")
    with pytest.raises(InvalidInput) as caught:
        register.add_camera("sunflower", "wc-camera", "wc", "sunflower-box", "x")
    assert caught.value.code == "forbidden_zone"


def test_registering_again_changes_nothing_and_another_key_is_refused(register: Register, agent: SigningAgent) -> None:
    agent.register()
    stranger = Signer(Ed25519PrivateKey.generate())
    with pytest.raises(Conflict):
        register.add_agent("sunflower", "sunflower-box", stranger.public_pem)
    with pytest.raises(Conflict):
        register.add_agent("boat", "sunflower-box", agent.signer.public_pem)
    for change in (
        lambda: register.add_site("sunflower", "another name", "cn/sichuan/luzhou", "Asia/Shanghai"),
        lambda: register.add_zone("sunflower", "nap", "午睡室", "toilet"),
        lambda: register.add_camera("sunflower", "nap-room", "nap", "sunflower-box", "another name"),
    ):
        with pytest.raises(Conflict):
            change()


def test_an_agent_gives_its_sealing_key_once(register: Register, database: Database, agent: SigningAgent) -> None:
    first, second = (X25519PrivateKey.generate().public_key() for _ in range(2))
    signing = agent.signer.public_pem
    register.add_agent("sunflower", "sunflower-box", signing + sealing_public_pem(first).encode())
    register.add_agent("sunflower", "sunflower-box", signing)
    with database.reading() as session:
        assert session.get_one(Agent, "sunflower-box").sealing_key == first.public_bytes_raw()
    with pytest.raises(Conflict):
        register.add_agent("sunflower", "sunflower-box", signing + sealing_public_pem(second).encode())
    with pytest.raises(InvalidInput):
        register.add_agent("sunflower", "sunflower-box", signing + signing)


def test_a_retired_camera_expects_nothing_more(register: Register, database: Database, clock: SimulatedClock) -> None:
    register.retire_camera("sunflower", "nap-room")
    retired_us = clock.utc_us()
    clock.advance(60)
    register.retire_camera("sunflower", "nap-room")
    with database.reading() as session:
        assert session.get_one(Camera, "nap-room").retired_us == retired_us
    with pytest.raises(NotFound):
        register.retire_camera("boat", "nap-room")


def test_a_camera_belongs_to_the_site_of_its_agent(register: Register) -> None:
    register.add_zone("boat", "door", "门口", "entrance")
    with pytest.raises(NotFound):
        register.add_camera("boat", "boat-door", "door", "sunflower-box", "x")
    with pytest.raises(NotFound):
        register.add_camera("boat", "boat-door", "nowhere", "sunflower-box", "x")


@pytest.mark.parametrize(
    "call",
    [
        lambda r: r.add_site("Bad Id", "x", "", "Asia/Shanghai"),
        lambda r: r.add_site("good", "x", "", "Mars/Olympus"),
        lambda r: r.add_zone("sunflower", "z", "x", "garage"),
        lambda r: r.add_agent("sunflower", "other", b"not a key"),
        lambda r: r.add_account("op", "king", PASSWORD, []),
        lambda r: r.add_account("op", OPERATOR, PASSWORD, []),
        lambda r: r.add_account("op", AUDITOR, PASSWORD, ["boat"]),
        lambda r: r.add_account("op", AUDITOR, PASSWORD, []),
        lambda r: r.add_account("op", AUDITOR, "x" * 300, [], "*"),
        lambda r: r.add_account("op", AUDITOR, "short", [], "*"),
        lambda r: r.add_account("op", AUDITOR, "password1234", [], "*"),
    ],
)
def test_what_cannot_be_registered_is_refused(register: Register, call) -> None:
    with pytest.raises(InvalidInput):
        call(register)


def test_passwords_and_sessions(register: Register, database: Database, clock: SimulatedClock) -> None:
    register.add_account("op", OPERATOR, PASSWORD, ["boat"])
    sign_in = SignIn(database, clock, session_hours=1)
    assert sign_in.check_password("op", PASSWORD, "here") == Scope("op", OPERATOR)
    for name, password in (("op", "wrong"), ("nobody", PASSWORD)):
        with pytest.raises(PermissionDenied):
            sign_in.check_password(name, password, "here")
    token = sign_in.open_session("op")
    found = sign_in.resume(token)
    assert found == Scope("op", OPERATOR)
    assert found.home == "boat"
    assert sign_in.resume(token + "x") is None
    with database.reading() as session:
        assert token not in {row.token_sha256 for row in session.query(LoginSession)}
        assert PASSWORD not in session.get_one(Account, "op").password_hash
    clock.advance(3_601)
    assert sign_in.resume(token) is None
    fresh = sign_in.open_session("op")
    sign_in.close_session(fresh)
    assert sign_in.resume(fresh) is None
    before = sign_in.open_session("op")
    register.add_account("op", OPERATOR, PASSWORD + "!", ["sunflower"])
    assert sign_in.resume(before) is None
    assert [site.site_id for site in DayReader(database, clock, Assessor(POLICY)).sites(Scope("op", OPERATOR))] == [
        "sunflower"
    ]


def test_guessing_is_limited_by_source(register: Register, database: Database, clock: SimulatedClock) -> None:
    register.add_account("op", OPERATOR, PASSWORD, ["boat"])
    sign_in = SignIn(database, clock, session_hours=1)
    for _ in range(FAILURES_MAX):
        with pytest.raises(PermissionDenied):
            sign_in.check_password("op", "guess", "there")
    with pytest.raises(ResourceExhausted):
        sign_in.check_password("op", PASSWORD, "there")
    assert sign_in.check_password("op", PASSWORD, "elsewhere").account_name == "op"
    clock.advance(301)
    assert sign_in.check_password("op", PASSWORD, "there").account_name == "op"
