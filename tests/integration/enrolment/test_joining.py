"""A box and its one-time code against the real API: it comes in, or says why not and can try again."""

import base64
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from config.base.clock import US_PER_DAY, US_PER_S, SystemClock
from config.base.errors import ConfigurationError, IntegrityViolation, NightlightError, PermissionDenied, Unavailable
from config.settings.edge import ENROLLED_FILE, load_edge
from config.settings.server import ServerIdentitySettings, load_server
from config.wire.codes import InvitationCode, parse_code
from config.wire.enrolment import Enrolled
from config.wire.envelope import open_envelope
from config.wire.status import Presence
from deploy.local.commands import REPOSITORY
from edge_agent.centre import Centre
from edge_agent.enrolment import front_door
from edge_agent.enrolment.credentials import Credentials
from edge_agent.enrolment.joining import PENDING_FILE, ClockWrong, join
from edge_agent.enrolment.next_keys import NEXT_KEYS_FILE
from edge_agent.enrolment.renewal import PENDING_FILE as RENEWAL_PENDING
from edge_agent.enrolment.renewal import CertificateRenewal
from edge_agent.identity import load_server_key, load_signer
from edge_agent.messages import Sealer
from server.admin.keys import make_sealing_key, make_signing_key
from server.services.agents.authority import CertificateAuthority
from server.services.agents.invite_agent import Inviter
from server.services.agents.revoke_agent import Revoker
from server.services.registers.register import Register
from storage.database.models import Agent
from storage.database.unit_of_work import Database
from tests.support.api import serving, settings_for
from tests.support.brokers import free_port
from tests.support.clock import SimulatedClock
from tests.support.enrolment import AGENT, SITE, Box, authority, serial_of, write_authority

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@dataclass
class Server:
    """An API that enrols. ``clock`` is its own; the agents have the machine's, unless told otherwise."""

    url: str
    clock: SimulatedClock
    database: Database

    def code(self, agent_id: str = AGENT) -> InvitationCode:
        inviter = Inviter(self.database, self.clock, authority, self.url, code_minutes=15)
        return parse_code(inviter.invite_as("test", SITE, agent_id).code)


Serve = Callable[..., Server]


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(SystemClock().utc_us())


@pytest.fixture
def serve(database: Database, clock: SimulatedClock, tmp_path: Path) -> Iterator[Serve]:
    """Starts it, over TLS with a certificate of the given authority, or without."""
    with ExitStack() as stack:

        def start(vouched_by: CertificateAuthority | None = None) -> Server:
            folder = tmp_path / "server"
            folder.mkdir()
            file, now_us = settings_for(database, folder), clock.utc_us()
            tls = ""
            if vouched_by is not None:
                (folder / "https.pem").write_text(vouched_by.issue_server(["127.0.0.1"], now_us, now_us + US_PER_DAY))
                tls = f'certificate_file = "{folder}/https.pem"\n'
            write_authority(folder)
            settings = ServerIdentitySettings(
                state_dir=str(folder), signing_key_file="", sealing_key_file="", log_level="INFO"
            )
            make_signing_key(settings)
            make_sealing_key(settings)
            file.write_text(f"{file.read_text()}{tls}")
            Register(database, clock).add_site(SITE, "托育园", "cn/sichuan/luzhou", "Asia/Shanghai")
            api = stack.enter_context(serving(load_server(file), clock))
            return Server(api.url, clock, database)

        yield start


def state(tmp_path: Path, name: str = "state") -> Path:
    folder = tmp_path / name
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def settings_of(folder: Path):
    file = folder.parent / f"{folder.name}.toml"
    file.write_text(f'[agent]\nstate_dir = "{folder}"\n')
    return load_edge(file)


def refused(code: str, kind: type[NightlightError], invitation: InvitationCode, folder: Path) -> None:
    with pytest.raises(kind) as raised:
        join(invitation, folder, SystemClock())
    assert raised.value.code == code
    assert not (folder / ENROLLED_FILE).exists()


def nobodys() -> CertificateAuthority:
    return CertificateAuthority.create(SystemClock().utc_us())


def test_a_bare_box_comes_in_and_its_settings_say_so(serve: Serve, tmp_path: Path) -> None:
    server, folder = serve(), state(tmp_path)
    told = join(server.code(), folder, SystemClock())
    assert (told.site_id, told.agent_id) == (SITE, AGENT)
    settings = settings_of(folder)
    assert (settings.agent.site_id, settings.agent.agent_id) == (SITE, AGENT)
    assert settings.server.url == server.url
    assert load_server_key(settings)
    assert settings.server.sealing_key_file
    credentials = Credentials(folder, SystemClock())
    assert credentials.certificate_ends_us is not None
    assert credentials.tls_context()
    assert not (folder / PENDING_FILE).exists()
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in folder.iterdir())


def test_over_tls_that_the_codes_own_authority_vouches_for(serve: Serve, tmp_path: Path) -> None:
    server, folder = serve(authority()), state(tmp_path)
    assert server.url.startswith("https://")
    join(server.code(), folder, SystemClock())
    settings = settings_of(folder)
    assert settings.server.ca_file == str(folder / "authority.pem")
    assert abs(Centre(settings.server, 1).time_us() - server.clock.utc_us()) < US_PER_DAY


def test_over_tls_that_nobody_vouches_for_nothing_is_sent(serve: Serve, tmp_path: Path) -> None:
    server, folder = serve(nobodys()), state(tmp_path)
    refused("tls_untrusted", Unavailable, server.code(), folder)
    assert list(folder.iterdir()) == []


def test_a_server_that_is_not_the_codes_own_is_told_nothing(serve: Serve, tmp_path: Path) -> None:
    server, folder = serve(), state(tmp_path)
    refused("wrong_authority", IntegrityViolation, InvitationCode.fresh(server.url, nobodys().der), folder)
    assert list(folder.iterdir()) == []


def test_each_refusal_leaves_the_box_as_it_was(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    used, folder = server.code(), state(tmp_path)
    join(used, state(tmp_path, "first"), SystemClock())
    refused("code_used", PermissionDenied, used, folder)
    late = server.code()
    server.clock.jump(-3_600)  # an hour ago nobody had made it: the box's own clock is what is wrong
    with pytest.raises(ClockWrong) as raised:
        join(late, folder, SystemClock())
    assert 3_500 * US_PER_S < -raised.value.off_us < 3_700 * US_PER_S
    server.clock.jump(3_600)
    server.clock.advance(16 * 60)
    behind = SimulatedClock(server.clock.utc_us())
    with pytest.raises(PermissionDenied, match="over"):
        join(late, folder, behind)
    assert not (folder / ENROLLED_FILE).exists()
    unknown = InvitationCode.fresh(server.url, authority().der)
    with pytest.raises(PermissionDenied, match="no such code"):
        join(unknown, folder, behind)
    join(server.code(), folder, behind)


def test_an_answer_that_was_lost_is_asked_for_again_with_the_same_code(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, folder = serve(), state(tmp_path)
    code, asked = server.code(), front_door.FrontDoor.enrol
    given: list[object] = []

    def lost(door: front_door.FrontDoor, sealed: bytes) -> object:
        given.append(asked(door, sealed))
        raise Unavailable("the line went dead")

    monkeypatch.setattr(front_door.FrontDoor, "enrol", lost)
    refused("unavailable", Unavailable, code, folder)
    monkeypatch.setattr(front_door.FrontDoor, "enrol", asked)
    told = join(code, folder, SystemClock())
    first = msgspec.json.decode(base64.b64decode(given[0].document), type=Enrolled)
    assert told.certificate == first.certificate


def test_an_answer_that_somebody_changed_is_not_believed(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, folder = serve(), state(tmp_path)
    code, asked = server.code(), front_door.FrontDoor.enrol

    def changed(door: front_door.FrontDoor, sealed: bytes) -> object:
        answer = asked(door, sealed)
        told = msgspec.json.decode(base64.b64decode(answer.document), type=Enrolled)
        forged = msgspec.json.encode(msgspec.structs.replace(told, broker_host="evil.example.org"))
        return msgspec.structs.replace(answer, document=base64.b64encode(forged).decode())

    monkeypatch.setattr(front_door.FrontDoor, "enrol", changed)
    refused("bad_answer", IntegrityViolation, code, folder)
    monkeypatch.setattr(front_door.FrontDoor, "enrol", asked)
    assert join(code, folder, SystemClock()).broker_host == "127.0.0.1"


def test_nobody_there(tmp_path: Path, database: Database) -> None:
    code = InvitationCode.fresh(f"http://127.0.0.1:{free_port()}", authority().der)
    refused("unavailable", Unavailable, code, state(tmp_path))


def test_an_enrolled_box_enrols_again_and_keeps_its_key(serve: Serve, tmp_path: Path) -> None:
    server, folder = serve(), state(tmp_path)
    join(server.code(), folder, SystemClock())
    key = load_signer(folder).key_id
    before = Credentials(folder, SystemClock()).certificate
    join(server.code(), folder, SystemClock())
    assert load_signer(folder).key_id == key
    assert Credentials(folder, SystemClock()).certificate != before
    with pytest.raises(NightlightError) as raised:
        join(server.code("another-box"), folder, SystemClock())
    assert raised.value.code == "key_in_use"
    assert settings_of(folder).agent.agent_id == AGENT


@dataclass
class Renewing:
    worker: CertificateRenewal
    credentials: Credentials
    folder: Path
    connections: list[int]

    @property
    def serial(self) -> str:
        found = self.credentials.certificate
        assert found is not None
        return found.serial


@pytest.fixture
def renewing(serve: Serve, tmp_path: Path, clock: SimulatedClock) -> Renewing:
    """A box whose clock is the server's."""
    server, folder = serve(), state(tmp_path)
    join(server.code(), folder, clock)
    credentials, connections = Credentials(folder, clock), []
    sealer, centre = Sealer(SITE, AGENT, load_signer(folder)), Centre(settings_of(folder).server, 1)
    worker = CertificateRenewal(credentials, sealer, centre, clock, folder, lambda: connections.append(1))
    return Renewing(worker, credentials, folder, connections)


def test_the_next_certificate_comes_after_two_thirds_of_the_life(renewing: Renewing, clock: SimulatedClock) -> None:
    first = renewing.serial
    clock.advance(8 * 86_400)
    renewing.worker.look()
    assert (renewing.serial, renewing.connections) == (first, [])
    clock.advance(2 * 86_400)
    renewing.worker.look()
    assert renewing.serial != first
    assert renewing.connections == [1]
    assert not (renewing.folder / RENEWAL_PENDING).exists()
    assert renewing.credentials.tls_context()
    renewing.worker.look()
    assert renewing.connections == [1], "once is enough"


def test_a_box_that_was_away_past_the_end_gets_in_again(renewing: Renewing, clock: SimulatedClock) -> None:
    clock.advance(60 * 86_400)
    assert (renewing.credentials.certificate_ends_us or 0) < clock.utc_us()
    renewing.worker.look()
    assert (renewing.credentials.certificate_ends_us or 0) > clock.utc_us()


def test_a_renewal_whose_answer_was_lost_costs_no_certificate(
    renewing: Renewing, clock: SimulatedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, asked, given = renewing.serial, Centre.certificate, []

    def lost(centre: Centre, request: bytes) -> object:
        given.append(asked(centre, request))
        raise Unavailable("the line went dead")

    clock.advance(10 * 86_400)
    monkeypatch.setattr(Centre, "certificate", lost)
    renewing.worker.look()
    assert renewing.serial == first
    monkeypatch.setattr(Centre, "certificate", asked)
    renewing.worker.look()
    assert renewing.serial == serial_of(given[0].certificate)


def test_a_revoked_box_keeps_its_certificate_and_says_whom_to_ask(
    renewing: Renewing, clock: SimulatedClock, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    first = renewing.serial
    Revoker(database, clock).revoke(SITE, AGENT, "tested")
    clock.advance(10 * 86_400)
    assert renewing.worker.look() >= 600, "no use in asking every second"
    assert (renewing.serial, renewing.connections) == (first, [])
    said = capsys.readouterr()
    assert "nightlight-agent enrol" in said.out + said.err


def test_dates_are_not_checked_where_the_clock_is_surely_behind(renewing: Renewing, clock: SimulatedClock) -> None:
    checked = renewing.credentials.tls_context().verify_flags
    clock.jump(-86_400 * 365)
    assert renewing.credentials.tls_context().verify_flags != checked
    with pytest.raises(ConfigurationError, match="nightlight-agent enrol"):
        Credentials(renewing.folder.parent, clock).tls_context()


def command(folder: Path, *arguments: str, language: str = "en", stdin: str = "") -> subprocess.CompletedProcess[str]:
    settings = folder.parent / "agent.toml"
    return subprocess.run(
        [sys.executable, "-m", "edge_agent", "enrol", "--settings", str(settings), "--language", language, *arguments],
        cwd=REPOSITORY,
        env=os.environ | {"NIGHTLIGHT_EDGE__AGENT__STATE_DIR": str(folder)},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_enrols_and_writes_a_skeleton(serve: Serve, tmp_path: Path) -> None:
    server, folder = serve(), state(tmp_path)
    done = command(folder, stdin=f"{server.code()}\n")
    assert done.returncode == 0, done.stderr
    assert f"agent {AGENT} of site {SITE}" in done.stdout
    assert "cannot be reached" in done.stdout, "nobody listens where the broker should be"
    skeleton = tmp_path / "agent.toml"
    assert load_edge(skeleton).agent.agent_id == AGENT
    skeleton.write_text(skeleton.read_text() + "# mine\n")
    assert command(folder, str(server.code())).returncode == 0
    assert skeleton.read_text().endswith("# mine\n")


def test_the_command_says_what_is_wrong_in_both_languages(serve: Serve, tmp_path: Path) -> None:
    server, folder = serve(), state(tmp_path)
    code = str(server.code())
    wrong = code[:-1] + ("0" if code[-1] != "0" else "2")
    nowhere = str(InvitationCode.fresh(f"http://127.0.0.1:{free_port()}", authority().der))
    unknown = str(InvitationCode.fresh(server.url, authority().der))
    for given, status, english, chinese in (
        (wrong, 1, "not right as typed", "接入码输入有误"),
        ("nonsense", 1, "This is no code", "这不是有效的接入码"),
        (nowhere, 3, "does not answer", "没有应答"),
        (unknown, 1, "does not know this code", "服务器不认识这个接入码"),
    ):
        for language, words in (("en", english), ("zh-CN", chinese)):
            done = command(folder, given, language=language)
            assert (done.returncode, "Traceback" in done.stderr) == (status, False), done.stderr
            assert words in done.stderr
            assert given not in done.stderr + done.stdout, "a code is shown to nobody"
    assert not (folder / ENROLLED_FILE).exists()


def test_a_second_box_that_only_saw_the_answer_has_nothing(serve: Serve, tmp_path: Path) -> None:
    server = serve()
    code, first = server.code(), state(tmp_path)
    join(code, first, SystemClock())
    stolen = state(tmp_path, "stolen")
    (stolen / "certificate.pem").write_text((first / "certificate.pem").read_text().partition("-----BEGIN PRIVATE")[0])
    (stolen / "authority.pem").write_text((first / "authority.pem").read_text())
    with pytest.raises(ConfigurationError):
        Credentials(stolen, SystemClock()).tls_context()
    assert Box().signer.key_id != load_signer(first).key_id


SAID = Presence(message_id="0" * 32, site_id=SITE, agent_id=AGENT, timeline_id="1" * 32, state="online")


def revoke(server: Server) -> None:
    Revoker(server.database, server.clock).revoke(SITE, AGENT, "box was copied")


def test_a_revoked_box_comes_in_again_with_new_keys_and_a_copy_of_it_does_not(serve: Serve, tmp_path: Path) -> None:
    server, folder = serve(), state(tmp_path)
    join(server.code(), folder, SystemClock())
    copied = Path(shutil.copytree(folder, tmp_path / "copied"))
    before, sealing = load_signer(folder), (folder / "sealing-key.pem").read_bytes()
    waiting = Sealer(SITE, AGENT, before).seal(SAID)
    revoke(server)
    join(server.code(), folder, SystemClock())
    after = load_signer(folder)
    assert after.key_id != before.key_id
    assert (folder / "sealing-key.pem").read_bytes() != sealing
    assert not (folder / NEXT_KEYS_FILE).exists()
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in folder.iterdir())
    with server.database.reading() as session:
        trusted = session.get_one(Agent, AGENT).public_key
    assert trusted == after.public_raw != load_signer(copied).public_raw
    sealer = Sealer(SITE, AGENT, after)
    resealed = open_envelope(sealer.under_present_key(waiting))
    resealed.verify(Ed25519PublicKey.from_public_bytes(trusted))
    assert resealed.payload == open_envelope(waiting).payload, "the chain of manifests goes by the payload"
    assert sealer.under_present_key(resealed.canonical) == resealed.canonical
    assert sealer.under_present_key(b"torn by a power cut") == b"torn by a power cut"


def test_new_keys_whose_answer_was_lost_are_asked_for_again_and_go_with_their_code(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, folder = serve(), state(tmp_path)
    join(server.code(), folder, SystemClock())
    old = load_signer(folder).key_id
    revoke(server)
    code, asked = server.code(), front_door.FrontDoor.enrol

    def lost(door: front_door.FrontDoor, sealed: bytes) -> object:
        asked(door, sealed)
        raise Unavailable("the line went dead")

    monkeypatch.setattr(front_door.FrontDoor, "enrol", lost)
    with pytest.raises(Unavailable):
        join(code, folder, SystemClock())  # refused for its old key, then answered, and the answer lost
    monkeypatch.setattr(front_door.FrontDoor, "enrol", asked)
    assert load_signer(folder).key_id == old
    waiting = (folder / NEXT_KEYS_FILE).read_text()
    with pytest.raises(NightlightError) as raised:
        join(server.code("another-box"), folder, SystemClock())
    assert raised.value.code == "key_in_use", "a code for another agent does not meet them"
    assert (folder / NEXT_KEYS_FILE).read_text() == waiting
    join(code, folder, SystemClock())
    assert load_signer(folder).key_id != old
    (folder / NEXT_KEYS_FILE).write_text("nonsense")
    join(server.code(), folder, SystemClock())


def test_the_command_tells_that_keys_are_new(serve: Serve, tmp_path: Path) -> None:
    server, folder = serve(), state(tmp_path)
    assert command(folder, str(server.code())).returncode == 0
    revoke(server)
    done = command(folder, str(server.code()), language="zh-CN")
    assert done.returncode == 0, done.stderr
    assert "新的密钥" in done.stdout + done.stderr
