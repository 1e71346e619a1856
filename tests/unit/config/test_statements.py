"""What a package says beside its recordings: attested days, who vouches, old keys. What is there and false is refused."""

import base64
import io
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from benchmarks._mutations import mutate
from config.base.clock import US_PER_DAY
from config.base.errors import IntegrityViolation, InvalidInput
from config.evidence import package, timestamp
from config.evidence.entries import DayAttested, GapAttested, encode
from config.evidence.note import ED25519_COSIGNATURE, NoteKey
from config.evidence.timestamp import check_stamp
from config.evidence.verify import Verified, verify
from config.wire.envelope import Signer
from config.wire.suites import suite_of
from server.services.agents.authority import CertificateAuthority, Csr
from tests.support.packages import AGENT, CENTRE, DAY_US, Evidence, raw
from tests.support.tsa import TimestampAuthority
from tests.support.verifiers import attested, digest

OLD_KEY = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
AGENT_KEY = NoteKey("edge-rainbow", ED25519_COSIGNATURE, AGENT.public_key().public_bytes_raw())
BOTH_KEYS = [package.AgentKey(agent_id="edge-rainbow", public_key=raw(key)) for key in (AGENT, OLD_KEY)]


def check(evidence: Evidence, **more: object) -> Verified:
    return verify(io.BytesIO(evidence.build()), CENTRE.public_key(), **more)


def refusal(evidence: Evidence, **more: object) -> str:
    with pytest.raises(IntegrityViolation) as refused:
        check(evidence, **more)
    return str(refused.value)


def chain() -> list[DayAttested]:
    """Two days, of which the first was attested again."""
    first = attested(1, previous_sha256="a" * 64)
    second = attested(2, previous_sha256=digest(first))
    again = attested(1, previous_sha256="a" * 64, supersedes_sha256=digest(first), unsound_versions=1)
    return [first, second, again, attested(3, previous_sha256=digest(second))]


def evidence_of(days: list[DayAttested]) -> Evidence:
    return Evidence(attestations=[encode(day) for day in days])


class TestAttestations:
    def test_the_one_in_force_counts(self) -> None:
        found = check(evidence_of(chain())).attested
        assert [(day.day, day.unsound_versions) for day in found] == [
            ("2026-09-01", 1), ("2026-09-02", 0), ("2026-09-03", 0),
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            (lambda days: days.pop(1), "does not continue the attestation of the day before"),
            (lambda days: days.pop(0), "does not name the attestation that it replaces"),
            (lambda days: days.append(attested(2)), "does not name the attestation that it replaces"),
            (lambda days: days.append(attested(4, previous_sha256="b" * 64)), "the attestation of the day before"),
            (lambda days: days.append(attested(4)), "the attestation of the day before"),
            (lambda days: days.append(attested(9)), "it is about something else"),
            (lambda days: days.append(attested(4, site_id="tulip")), "attests no day of this site"),
        ],
    )
    def test_a_broken_chain_is_refused(self, change: Callable[[list[DayAttested]], object], why: str) -> None:
        days = chain()
        change(days)
        assert why in refusal(evidence_of(days))

    def test_what_the_ledger_does_not_hold_is_refused(self) -> None:
        evidence = evidence_of(chain())
        real = evidence.attestations
        evidence.build()
        whole = verify(io.BytesIO(evidence.build()), CENTRE.public_key())
        assert whole.attested
        # The same proof under an entry that was changed: rebuilt over the old tree.
        leaf = encode(attested(3, previous_sha256=digest(chain()[1]), audited_versions=6))
        forged = evidence.build().replace(real[3].replace(b'"', b'\\"'), leaf.replace(b'"', b'\\"'))
        with pytest.raises(IntegrityViolation):
            verify(io.BytesIO(forged), CENTRE.public_key())

    def test_time_that_the_day_calls_missing_is_not_covered(self) -> None:
        gap = GapAttested(DAY_US, DAY_US + 1, "disk_full", "missing")
        assert "the day's attestation calls missing" in refusal(evidence_of([attested(1, gap)]))


class TestAnchors:
    def test_who_cosigned_an_older_checkpoint_vouches_as_far_as_that(self) -> None:
        assert check(Evidence(cosigned=False, anchored_at=10), witnesses=[AGENT_KEY]).cosigned == {
            "edge-rainbow": 1_700_000_000
        }
        found = check(Evidence(cosigned=False, anchored_at=7))
        assert found.cosigned == {}
        assert [(each.size, each.cosigned) for each in found.vouched] == [
            (7, {"edge-rainbow": 1_700_000_000}), (10, {}),
        ]  # fmt: skip

    def test_a_witness_must_have_seen_every_recording(self) -> None:
        why = "a witness you name has not cosigned it (edge-rainbow)"
        assert why in refusal(Evidence(cosigned=False, anchored_at=7), witnesses=[AGENT_KEY])

    def test_a_fork_is_refused(self) -> None:
        evidence = Evidence(anchored_at=7, anchor_changes={"consistency": ["0" * 64]})
        assert "the ledger does not continue this checkpoint (7)" in refusal(evidence)


@pytest.fixture(scope="module")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> TimestampAuthority:
    return TimestampAuthority(tmp_path_factory.mktemp("tsa"))


def stamped(tsa: TimestampAuthority) -> Callable[[str], bytes]:
    def stamp(text: str) -> bytes:
        asked = TimestampRequestBuilder(text.encode()).hash_algorithm(HashAlgorithm.SHA256).build()
        return tsa.reply(asked.as_bytes())

    return stamp


class TestTimestamps:
    def test_one_by_a_trusted_authority_is_believed(self, tsa: TimestampAuthority) -> None:
        evidence = Evidence(stamp=stamped(tsa))
        believed, read = check(evidence, roots=[tsa.root]).stamped, check(evidence).stamped
        assert believed is not None
        assert believed.checked
        assert read is not None
        assert not read.checked
        assert check(Evidence(stamp=stamped(tsa), anchored_at=7), roots=[tsa.root]).stamped is None  # too early

    def test_a_stranger_is_not_believed_though_it_brings_its_own_root(
        self, tsa: TimestampAuthority, tmp_path: Path
    ) -> None:
        stranger = TimestampAuthority(tmp_path / "stranger")
        assert "its timestamp does not hold" in refusal(Evidence(stamp=stamped(stranger)), roots=[tsa.root])

    def test_one_of_another_text_is_refused_by_whoever_reads_it(self, tsa: TimestampAuthority) -> None:
        other = stamped(tsa)("another text\n")
        assert "its timestamp does not hold" in refusal(Evidence(stamp=lambda _: other))

    def test_another_nonce_or_an_altered_token_is_refused(self, tsa: TimestampAuthority) -> None:
        text = "three\nlines\nhere\n"
        asked = TimestampRequestBuilder(text.encode()).hash_algorithm(HashAlgorithm.SHA256).build()
        answer = tsa.reply(asked.as_bytes())
        assert check_stamp(answer, text, [tsa.root], asked.nonce).checked
        with pytest.raises(IntegrityViolation, match="Nonce"):
            check_stamp(answer, text, [tsa.root], (asked.nonce or 0) + 1)
        for at in range(30, len(answer), len(answer) // 40):
            spoiled = answer[:at] + bytes([answer[at] ^ 4]) + answer[at + 1 :]
            try:
                found = check_stamp(spoiled, text, [tsa.root], asked.nonce)
            except (IntegrityViolation, InvalidInput):
                continue
            assert found == check_stamp(answer, text, [tsa.root])  # a byte that nothing rests on
        with pytest.raises(InvalidInput):
            check_stamp(b"x" * 40_000, text, [])

    def test_openssl_says_the_same(self, tsa: TimestampAuthority, tmp_path: Path) -> None:
        (tmp_path / "text").write_text("a\n")
        (tmp_path / "token").write_bytes(stamped(tsa)("a\n"))
        files = ["-data", tmp_path / "text", "-in", tmp_path / "token", "-CAfile", tsa.root_file]
        subprocess.run(["openssl", "ts", "-verify", *files], check=True, capture_output=True, timeout=20)

    def test_without_the_library_it_stays_unread(
        self, tsa: TimestampAuthority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        evidence = Evidence(stamp=stamped(tsa))
        monkeypatch.setattr("config.evidence.statements.available", lambda: False)
        found = check(evidence)
        assert found.stamped is None
        assert found.unread_stamps
        assert timestamp.available()


def certificate(authority: CertificateAuthority, key: Ed25519PrivateKey, agent_id: str = "edge-rainbow") -> str:
    csr = Csr(b"", ec.generate_private_key(ec.SECP256R1()).public_key())
    public = key.public_key().public_bytes_raw()
    return authority.issue_agent(csr, "rainbow", agent_id, DAY_US, DAY_US + US_PER_DAY, identity_key=public).pem


class TestOldKeys:
    def test_recordings_of_before_a_new_enrolment_are_the_agent_s(self) -> None:
        evidence = Evidence(signed_by={0: OLD_KEY, 1: OLD_KEY}, index_changes={"agents": BOTH_KEYS})
        assert check(evidence).segments == 5
        assert "it is not signed by its agent" in refusal(Evidence(signed_by={0: OLD_KEY}))

    def test_certificates_name_their_keys(self) -> None:
        authority = CertificateAuthority.create(DAY_US)
        given = [(AGENT, AGENT), (OLD_KEY, OLD_KEY)]
        evidence = Evidence(index_changes={"agents": BOTH_KEYS}, enrolled=self.told(authority, given))
        found = check(evidence)
        assert found.enrolled == {raw(AGENT): "edge-rainbow", raw(OLD_KEY): "edge-rainbow"}
        assert len(found.authority) == 64

    def test_a_certificate_of_another_key_agent_or_authority_is_refused(self) -> None:
        authority, other = CertificateAuthority.create(DAY_US), CertificateAuthority.create(DAY_US)
        agents = {"agents": BOTH_KEYS}
        swapped = Evidence(index_changes=agents, enrolled=self.told(authority, [(AGENT, OLD_KEY)]))
        assert "it is the certificate of another agent or key" in refusal(swapped)
        stranger = Evidence(index_changes=agents, enrolled=self.told(other, [(AGENT, AGENT)], authority.pem))
        assert "its authority did not issue it" in refusal(stranger)
        unnamed = Evidence(enrolled=self.told(authority, [(OLD_KEY, OLD_KEY)]))
        assert "it is of a key that the index does not name" in refusal(unnamed)

    @pytest.mark.parametrize(
        ("is_now", "was"),
        [
            (b"\x2a\x87", b"\x2a\x86\x48\xce\x3d\x02"),
            (b"\x2b\x86", b"\x2a\x86\x48\xce\x3d\x03"),
            (b"Nichtlight", b"Nightlight"),
        ],
        ids=["unknown kind of key", "unknown curve", "another name"],
    )
    def test_a_changed_authority_is_refused_and_takes_nothing_down(self, is_now: bytes, was: bytes) -> None:
        authority = CertificateAuthority.create(DAY_US)
        der = x509.load_pem_x509_certificate(authority.pem.encode()).public_bytes(Encoding.DER)
        at = der.rindex(was)
        changed = base64.b64encode(der[:at] + is_now + der[at + len(is_now) :]).decode()
        root = f"-----BEGIN CERTIFICATE-----\n{changed}\n-----END CERTIFICATE-----\n"
        evidence = Evidence(enrolled=self.told(authority, [(AGENT, AGENT)], root))
        assert "certificates.json: " in refusal(evidence)

    @staticmethod
    def told(
        authority: CertificateAuthority, given: list[tuple[Ed25519PrivateKey, Ed25519PrivateKey]], root: str = ""
    ) -> package.Certificates:
        """Certificates of the second key of each pair, said to be of the first."""
        certificates = [
            package.CertificateOfKey(
                agent_id="edge-rainbow",
                public_key=raw(said),
                issued_us=DAY_US,
                revoked_us=None,
                pem=certificate(authority, key),
            )
            for said, key in given
        ]
        return package.Certificates(authority=root or authority.pem, certificates=certificates)


class TestSuites:
    def test_a_package_in_a_suite_that_is_not_known_is_refused_by_its_name(self) -> None:
        assert "a way that this version does not know: take a newer one (sm2-sm3)" in refusal(
            Evidence(index_changes={"suite": "sm2-sm3"})
        )

    def test_so_is_one_that_no_known_key_signed(self) -> None:
        stranger = Evidence(index_changes={"suite": "sm2-sm3"}, centre=Ed25519PrivateKey.generate())
        assert "(sm2-sm3)" in refusal(stranger)

    def test_a_key_of_an_unknown_suite(self) -> None:
        key = NoteKey("nightlight.example", 0xFF, b"k" * 33)
        with pytest.raises(InvalidInput, match="signature suite that this version does not know"):
            NoteKey.parse(key.vkey)
        with pytest.raises(InvalidInput, match="ed25519-sha256: take a newer one"):
            suite_of("sm2-sm3")
        with pytest.raises(InvalidInput, match="length of its suite"):
            NoteKey.parse(NoteKey("nightlight.example", 0x01, b"k" * 31).vkey)

    def test_a_genuine_package_names_its_suite(self) -> None:
        assert check(Evidence()).index.suite == "ed25519-sha256"
        assert Signer(AGENT).public_raw == AGENT.public_key().public_bytes_raw()


def test_random_mutations_of_a_package_with_all_of_this_are_refused() -> None:
    authority, chance = CertificateAuthority.create(DAY_US), random.Random(20261122)
    enrolled = TestOldKeys.told(authority, [(AGENT, AGENT), (OLD_KEY, OLD_KEY)])
    more = {"index_changes": {"agents": BOTH_KEYS}, "enrolled": enrolled, "anchored_at": 7}
    whole = Evidence(attestations=[encode(day) for day in chain()], **more).build()
    donor = Evidence(start_us=DAY_US + US_PER_DAY, **more).build()
    assert verify(io.BytesIO(whole), CENTRE.public_key()).attested
    for _ in range(400):
        done, spoiled = mutate(whole, donor, chance)
        try:
            verify(io.BytesIO(spoiled), CENTRE.public_key())
        except IntegrityViolation:
            continue
        pytest.fail(f"{done} was taken for genuine")
