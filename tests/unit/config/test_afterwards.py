"""Certificates of deletion and deep audits in a package: what is there and false is refused, by name."""

import io
from collections.abc import Callable

import msgspec
import pytest

from config.base.clock import US_PER_DAY, US_PER_S
from config.base.errors import IntegrityViolation
from config.evidence import package
from config.evidence.entries import FootageDeleted, GapAttested
from config.evidence.verified import Verified
from config.evidence.verify import verify
from tests.support.packages import CENTRE, DAY_US, Evidence, deep_audit, digest_of, hex_id


def check(evidence: Evidence) -> Verified:
    return verify(io.BytesIO(evidence.build()), CENTRE.public_key())


def refusal(evidence: Evidence) -> str:
    with pytest.raises(IntegrityViolation) as refused:
        check(evidence)
    return str(refused.value)


class TestDeletions:
    def test_what_went_on_its_day_is_told_with_its_certificate(self) -> None:
        found = check(Evidence(count=5, lost=(), deleted=(1, 2)))
        assert (found.segments, found.deleted, found.covered_us) == (3, 2, 180 * US_PER_S)
        assert [(each.entry.day, each.entry.versions, len(each.segments)) for each in found.certified] == [
            ("2026-09-21", 3, 2)
        ]

    def test_a_period_of_which_nothing_is_left(self) -> None:
        found = check(Evidence(count=2, lost=(), deleted=(0, 1)))
        assert (found.segments, found.deleted, found.covered_us, found.size_bytes) == (0, 2, 0, 0)

    def test_a_certificate_that_does_not_tell_cameras_apart_names_all_of_the_site(self) -> None:
        evidence = Evidence(count=3, lost=(), deleted=(1,))
        ids = evidence._deleted_ids()
        evidence.deletion = msgspec.structs.replace(
            evidence.certificate(), cameras=msgspec.UNSET, versions=1, segments_sha256=digest_of(ids)
        )
        assert check(evidence).deleted == 1
        evidence.deletion = msgspec.structs.replace(evidence.certificate(), cameras=msgspec.UNSET)
        assert "it certifies the deletion of other recordings" in refusal(evidence)

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            (lambda told: {"site_id": "tulip"}, "it certifies no deletion of this site"),
            (lambda told: {"cameras": told.cameras[:1]}, "it certifies the deletion of other recordings"),
            (lambda told: {"at_us": DAY_US + 91 * US_PER_DAY}, "it was deleted before its last day (2026-09-21)"),
            (lambda told: {"retained_days": 92}, "it was deleted before its last day"),
        ],
    )
    def test_a_certificate_that_does_not_hold_is_named(
        self, change: Callable[[FootageDeleted], dict[str, object]], why: str
    ) -> None:
        evidence = Evidence(count=3, lost=(), deleted=(1,))
        made = evidence.certificate()
        evidence.deletion = msgspec.structs.replace(made, **change(made))
        assert why in refusal(evidence)

    def test_time_that_is_called_deleted_without_a_certificate_is_refused(self) -> None:
        evidence = Evidence(count=4, lost=(3,), deleted=(1,))
        assert evidence.coverage is not None
        lie = GapAttested(*evidence._minute(3), package.DELETED_CAUSE, "missing")
        evidence.coverage = msgspec.structs.replace(evidence.coverage, gaps=[evidence.coverage.gaps[0], lie])
        assert "coverage.json: it calls time deleted of which there is no certificate here" in refusal(evidence)

    def test_what_is_deleted_covers_nothing(self) -> None:
        evidence = Evidence(count=2, lost=(), deleted=(1,))
        assert evidence.coverage is not None
        evidence.coverage = msgspec.structs.replace(
            evidence.coverage, covered=[evidence._minute(0), evidence._minute(1)], gaps=[]
        )
        assert "it calls time covered of which there is no recording here" in refusal(evidence)

    def test_an_older_package_that_tells_of_deletions_without_certificates_proves_so_much_less(self) -> None:
        evidence = Evidence(count=2, lost=(1,))
        assert evidence.coverage is not None
        gap = GapAttested(*evidence._minute(1), package.DELETED_CAUSE, "missing")
        evidence.coverage = msgspec.structs.replace(evidence.coverage, gaps=[gap])
        assert check(evidence).deleted == 0


class TestAudits:
    def test_a_seed_that_stood_in_the_ledger_before_the_result(self) -> None:
        (done,) = check(Evidence(audits=deep_audit())).audits.values()
        assert done is not None
        assert (done.seed, done.samples, done.faulty_at_most) == ("lantern", 3, 517)

    def test_one_without_a_result_and_one_from_before_requests_were_noted(self) -> None:
        asked, _ = deep_audit()
        assert check(Evidence(audits=[asked])).audits == {hex_id("audit"): None}
        _, alone = deep_audit(asked_sha256=msgspec.UNSET)
        assert check(Evidence(audits=[alone])).audits

    @pytest.mark.parametrize(
        "told",
        [
            deep_audit()[1:],
            deep_audit()[::-1],
            deep_audit(seed="another"),
            deep_audit(audit_id=hex_id("another")),
            deep_audit(asked_sha256="0" * 64),
            deep_audit(asked_sha256=msgspec.UNSET),
        ],
    )
    def test_a_seed_that_was_chosen_afterwards_is_named(self, told: list[bytes]) -> None:
        assert "audits.json: it does not name the entry by which it was asked for" in refusal(Evidence(audits=told))

    def test_a_second_result_of_the_same_audit_hides_no_first(self) -> None:
        told = [*deep_audit(), deep_audit(faults=0)[1]]
        assert "audits.json: it tells two results of one audit" in refusal(Evidence(audits=told))

    def test_what_is_no_audit_of_the_site_is_refused(self) -> None:
        assert "it is no deep audit of this site" in refusal(Evidence(audits=deep_audit(site_id="tulip")))
