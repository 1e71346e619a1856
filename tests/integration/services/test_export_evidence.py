"""A package made from real objects is taken for genuine by the verifier; what it cannot hold it does not claim."""

import io
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from config.base.clock import US_PER_DAY
from config.base.errors import InvalidInput, NightlightError, NotFound
from config.base.timespan import Span, SpanSet
from config.evidence import package
from config.evidence.checkpoint import Checkpoint
from config.evidence.note import NoteSigner, SignedNote
from config.evidence.verify import verify
from config.wire.envelope import Signer
from server.domain.deep_audit import Footage
from server.domain.verdict import day_of
from server.services.agents.authority import CertificateAuthority, Csr
from server.services.audit.audit_deep import DeepAuditor, Request, ask
from server.services.coverage.assess_day import Assessor
from server.services.custody.expire_footage import FootageExpirer
from server.services.evidence.attest_day import DayAttestor
from server.services.evidence.export_evidence import DELETED, UNCERTIFIED, EvidenceExporter, Export, write_file
from server.services.evidence.keep_ledger import LedgerKeeper
from server.services.evidence.stamp_checkpoints import CheckpointStamper
from server.web.evidence import EvidenceReport
from storage.database import verdicts
from storage.database.models import Agent, AgentCertificate, LedgerEntry, Segment, Verdict
from tests.integration.services.test_audit_store import Secured
from tests.support.clock import SimulatedClock, present_us
from tests.support.footage import RULES
from tests.support.sites import POLICY, seconds
from tests.support.tsa import TimestampAuthority

pytestmark = pytest.mark.either_pair

CENTRE = Ed25519PrivateKey.from_private_bytes(b"c" * 32)


class Exported(Secured):
    def __init__(self, database, object_store) -> None:
        super().__init__(database, object_store, SimulatedClock(present_us()))
        self.agent.say(self.agent.heartbeat())
        self.keeper = LedgerKeeper(
            database, self.clock, NoteSigner("nightlight.example", CENTRE), "nightlight.example/ledger"
        )
        self.exporter = EvidenceExporter(
            database, self.evidence, self.clock, self.keeper, Signer(CENTRE), Assessor(POLICY), EvidenceReport().render
        )

    def export(self, start_s=-60, end_s=0, **changes):
        span = Span(self.begun_us + seconds(start_s), self.begun_us + seconds(end_s))
        wanted = {"account": "auditor", "reason": "inspection", "site_id": "sunflower", "camera_id": self.camera_id}
        out = io.BytesIO()
        self.exporter.write(Export(span=span, **{**wanted, **changes}), out.write)
        return out.getvalue()


@pytest.fixture
def exported(database, object_store) -> Exported:
    made = Exported(database, object_store)
    made.begun_us = made.end_us + seconds(60)
    made.add(5)
    made.agent.say(made.agent.heartbeat())
    return made


def checked(data: bytes):
    return verify(io.BytesIO(data), CENTRE.public_key())


@pytest.mark.both_pairs
def test_a_package_of_real_objects_is_genuine_and_plays(exported):
    data = exported.export()
    found = checked(data)
    assert found.segments == 5
    assert found.covered_us == seconds(50)
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        names = opened.namelist()
        assert names[:2] == ["index.json", "contents.txt"]
        recordings = [name for name in names if name.startswith("segments/")]
        assert [opened.read(name) for name in recordings] == [b"footage %d" % n for n in range(5)]
        report = opened.read("report.html").decode()
    assert "证据包" in report
    assert "inspection" in report


def test_the_export_itself_stands_on_the_access_record(exported):
    exported.export(reason="first look")
    with closing(zipfile.ZipFile(io.BytesIO(exported.export(reason="second look")))) as opened:
        looks = msgspec.json.decode(opened.read(package.ACCESS))
    assert [look["reason"] for look in looks] == ["first look", "second look"]
    with exported.database.reading() as session:
        assert [e.kind for e in session.scalars(select(LedgerEntry))].count("access") == 2


def test_time_of_which_there_is_no_recording_is_not_claimed(exported):
    found = checked(exported.export(start_s=-120, end_s=-30))
    for start_us, end_us in found.coverage.covered:
        assert start_us >= exported.begun_us - seconds(60)
        assert end_us <= exported.begun_us - seconds(30)


@pytest.mark.both_pairs
def test_what_was_deleted_on_its_day_is_said(exported):
    with exported.database.unit_of_work() as session:
        first = session.scalars(select(Segment).order_by(Segment.start_us)).first()
        first.deleted_us = exported.clock.utc_us()
    found = checked(exported.export())
    assert found.segments == 4
    covered = [tuple(span) for span in found.coverage.covered]
    assert all(start_us >= first.end_us for start_us, _ in covered)


class Yielding:
    """A store whose locks have ended, and which deletes whatever it is told to."""

    def list_versions(self, _prefix):
        return iter(())

    def delete_version(self, _key, _version_id):
        return None


@pytest.mark.both_pairs
def test_what_went_on_its_day_comes_with_its_certificate(exported):
    exported.clock.advance(92 * 86_400)
    with exported.database.unit_of_work() as session:
        gone = session.scalars(select(Segment).order_by(Segment.start_us)).all()[:3]
        for segment in gone:
            segment.deleted_us = exported.clock.utc_us()
    before = checked(exported.export())
    assert (before.deleted, {gap.cause for gap in before.coverage.gaps}) == (0, {"agent_offline", UNCERTIFIED})
    # Claimed before a crash, as it were: the next run deletes and certifies them.
    assert FootageExpirer(exported.database, Yielding(), exported.clock, 90).run() == 0
    found = checked(exported.export())
    assert (found.segments, found.deleted) == (2, 3)
    (certified,) = found.certified
    assert certified.segments == {segment.id for segment in gone}
    assert certified.entry.cameras[0].camera_id == exported.camera_id
    said = SpanSet((gap.start_us, gap.end_us) for gap in found.coverage.gaps if gap.cause == DELETED)
    assert said == SpanSet((segment.start_us, segment.end_us) for segment in gone)


def test_recordings_of_before_a_policy_grew_are_genuine_for_the_days_they_were_locked_for(exported):
    grown = replace(exported.exporter, assessor=Assessor(msgspec.structs.replace(POLICY, retain_days=180)))
    exported.exporter = grown
    found = checked(exported.export())
    assert (found.segments, found.coverage.retain_days) == (5, 92)


@dataclass(frozen=True)
class Interrupted(LedgerKeeper):
    """Something is secured right after it has signed."""

    meanwhile: Callable[[], object] = int

    def checkpoint(self, site_id: str) -> SignedNote:
        signed = super().checkpoint(site_id)
        self.meanwhile()
        return signed


def test_what_is_secured_while_a_package_is_made_is_for_the_next_one(exported):
    keeper = exported.keeper
    late = Interrupted(keeper.database, keeper.clock, keeper.signer, keeper.origin, lambda: exported.add(1))
    exported.exporter = replace(exported.exporter, keeper=late)
    assert checked(exported.export()).segments == 5


def test_a_deep_audit_is_told_with_the_seed_that_stood_in_the_ledger_before_it(exported):
    auditor = DeepAuditor(exported.database, exported.evidence, exported.clock, RULES, lambda *_: Footage(0, 0, 0))
    audit_id = ask(exported.database, exported.clock, Request("sunflower", "lantern", 2, "auditor"))
    assert checked(exported.export()).audits == {audit_id: None}
    while auditor.step():
        pass
    (done,) = checked(exported.export()).audits.values()
    assert (done.seed, done.faults) == ("lantern", done.samples)


def test_bytes_that_changed_in_the_store_end_the_export(exported, tmp_path):
    with exported.database.unit_of_work() as session:
        segment = session.scalars(select(Segment)).first()
        segment.sha256 = "0" * 64
    span = Span(exported.begun_us - seconds(60), exported.begun_us)
    target = tmp_path / "package.zip"
    with pytest.raises(NightlightError):
        write_file(exported.exporter, Export("sunflower", exported.camera_id, span, "auditor", "x"), target)
    assert list(tmp_path.glob("package*")) == []


def test_a_package_as_a_file(exported, tmp_path):
    span = Span(exported.begun_us - seconds(60), exported.begun_us)
    target = tmp_path / "package.zip"
    write_file(exported.exporter, Export("sunflower", exported.camera_id, span, "auditor", "x"), target)
    assert checked(target.read_bytes()).segments == 5
    assert [path.name for path in tmp_path.glob("package*")] == ["package.zip"]


@pytest.mark.both_pairs
def test_the_days_their_witnesses_and_every_key_of_the_agent_are_in_the_package(exported, tmp_path):
    fresh, tsa = Ed25519PrivateKey.generate(), TimestampAuthority(tmp_path / "tsa")
    authority = CertificateAuthority.create(exported.clock.utc_us())
    exported.exporter = replace(exported.exporter, authority=authority.pem)
    old = exported.agent.signer.public_raw
    day = day_of(exported.begun_us, "Asia/Shanghai")
    with exported.database.unit_of_work() as session:
        agent = session.get_one(Agent, "sunflower-box")
        for key in (old, fresh.public_key().public_bytes_raw()):
            session.add(enrolled(authority, key, exported.clock.utc_us()))
        agent.public_key = fresh.public_key().public_bytes_raw()
        session.add(
            Verdict(
                camera_id=exported.camera_id, day=day.isoformat(), status="NON_COMPLIANT", final=True, expected_us=60,
                covered_us=50, assessed_us=exported.clock.utc_us(),
                gaps=verdicts.encode_gaps([(exported.begun_us - seconds(50), exported.begun_us - seconds(45), "x", "y")]),
            )
        )  # fmt: skip
    assert DayAttestor(exported.database, exported.clock).attest_all() == 1
    exported.keeper.number_all()
    note = exported.keeper.checkpoint("sunflower")
    signer = NoteSigner("sunflower-box", fresh)
    exported.keeper.cosign(
        "sunflower", Checkpoint.parse(note.text).size, signer.witness_key, signer.cosign(note.text, 1)
    )
    with tsa.served() as url:
        assert CheckpointStamper(exported.database, exported.clock, url, [tsa.root]).stamp_all() == 1
    data = exported.export()
    found = verify(io.BytesIO(data), CENTRE.public_key(), roots=[tsa.root])
    assert found.segments == 5
    assert found.cosigned == {"sunflower-box": 1}
    assert found.stamped is not None
    assert found.stamped.checked
    assert [entry.day for entry in found.attested] == [day.isoformat()]
    assert len(found.enrolled) == 2
    assert "attestation_pending" in [gap.cause for gap in found.coverage.gaps]  # the footage is there, the day says no
    assert found.covered_us == seconds(45)
    assert "the day&#39;s attestation" in zipfile.ZipFile(io.BytesIO(data)).read("report.html").decode()


def enrolled(authority, key, now_us):
    csr = Csr(b"", ec.generate_private_key(ec.SECP256R1()).public_key())
    issued = authority.issue_agent(csr, "sunflower", "sunflower-box", now_us, now_us + US_PER_DAY, identity_key=key)
    return AgentCertificate(
        serial=issued.serial, agent_id="sunflower-box", identity_key=key, csr_sha256="0" * 64, pem=issued.pem,
        issued_us=now_us, ends_us=issued.ends_us,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"reason": " "}, InvalidInput),
        ({"reason": "x" * 201}, InvalidInput),
        ({"end_s": -60}, InvalidInput),
        ({"end_s": 7_200}, InvalidInput),
        ({"start_s": -32 * 86_400}, InvalidInput),
        ({"camera_id": "nowhere"}, NotFound),
        ({"site_id": "nowhere"}, NotFound),
    ],
)
def test_an_export_needs_a_reason_a_camera_and_a_period_that_is_over(exported, changes, error):
    with pytest.raises(error):
        exported.export(**changes)
