"""The sampled deep audit on real stores and real footage: every lie is found, and nothing is found that is not."""

import hashlib
from dataclasses import dataclass, field

import pytest
from sqlalchemy import select

from config.base.clock import US_PER_DAY
from config.base.errors import Conflict, NotFound, Unavailable
from config.base.ids import INSIDE
from config.base.timespan import Span
from config.evidence.entries import AccessRecorded, DeepAuditAsked, DeepAudited, SegmentUnsound, decode, encode
from server.domain.confidence import faulty_at_most
from server.domain.deep_audit import Footage
from server.domain.sampling import draw
from server.probe.parent import probe
from server.services.audit.audit_deep import DeepAuditor, Request, ask, bound_of, population_in
from server.services.audit.audit_store import StoreAuditor
from server.services.coverage.assess_day import Assessor
from storage.database import audits, deep_audits
from storage.database.models import AuditFinding, Camera, DeepAudit, LedgerEntry, Segment
from tests.support.clock import SimulatedClock, present_us
from tests.support.databases import fresh_database
from tests.support.footage import RULES, SECONDS, FootageSite
from tests.support.sites import POLICY

pytestmark = pytest.mark.either_pair


@pytest.fixture
def database(request, object_store, tmp_path):
    """One database a store: what is tested is the audit on each of them, not every pair."""
    yield from fresh_database("sqlite" if object_store.kind == "seaweedfs" else "postgresql", request, tmp_path)


@pytest.fixture
def site(database, object_store) -> FootageSite:
    return FootageSite(database, object_store.evidence, SimulatedClock(present_us()))


@dataclass
class Lying:
    """A store that hands out other bytes than it says it has."""

    real: object
    changed: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    """Gone, and the store says so, where it is in ``gone`` too."""
    cut: set[str] = field(default_factory=set)
    down: bool = False

    def __getattr__(self, name):
        return getattr(self.real, name)

    def stat_version(self, key, version_id):
        if key in self.lost:
            raise NotFound("no such version")
        return self.real.stat_version(key, version_id)

    def chunks(self, key, version_id):
        if self.down:
            raise Unavailable("the store does not answer")
        if key in self.gone:
            raise NotFound("no such version")
        if key in self.cut:
            raise Unavailable("no answer (IncompleteRead)")
        whole = b"".join(self.real.chunks(key, version_id))
        yield whole[:-1] + b"?" if key in self.changed else whole


def sound(_file, span_us: int) -> Footage:
    """For tests that are not about decoding: half a second a segment is saved."""
    return Footage(span_us, SECONDS, SECONDS, (0.3,) * SECONDS, (0.1,) * SECONDS)


def audit(site: FootageSite, store=None, *, seed="lantern", samples=50, prober=sound, **request) -> DeepAudit:
    auditor = DeepAuditor(site.database, store or site.evidence, site.clock, RULES, prober)
    audit_id = ask(site.database, site.clock, Request("sunflower", seed, samples, "auditor", **request))
    while auditor.step():
        pass
    return audit_of(site, audit_id)


def audit_of(site: FootageSite, audit_id: str) -> DeepAudit:
    with site.database.reading() as session:
        return session.get_one(DeepAudit, audit_id)


def outcomes(site: FootageSite, done: DeepAudit) -> dict[int, tuple[str, str]]:
    """By the number of the recording."""
    first = site.begun_us // 60_000_000
    with site.database.reading() as session:
        return {row.minute - first: (row.outcome, row.drift) for row in deep_audits.samples_of(session, done.id)}


def findings(site: FootageSite) -> list[str]:
    with site.database.reading() as session:
        rows = session.scalars(select(AuditFinding).where(AuditFinding.settled_us.is_(None)))
        return sorted(row.drift for row in rows)


def entries_of(site: FootageSite, kind: type) -> list:
    with site.database.reading() as session:
        decoded = [decode(row.body) for row in session.scalars(select(LedgerEntry).order_by(LedgerEntry.id))]
    return [entry for entry in decoded if isinstance(entry, kind)]


def test_every_lie_is_found_and_takes_its_minutes_with_it(site):
    site.add("sound").add("frozen").add("black").add("garbage").add("sound", claims_s=40).add("sound").add("sound")
    store = Lying(site.evidence, changed={site.recordings[5].key}, gone={lost := site.recordings[6].key}, lost={lost})
    before_s = site.seconds_covered()
    done = audit(site, store, prober=probe)
    assert outcomes(site, done) == {
        0: ("sound", ""),
        1: ("fault", "picture_frozen"),
        2: ("fault", "picture_too_dark"),
        3: ("fault", "undecodable"),
        4: ("fault", "clock_off"),
        5: ("fault", "bytes_changed"),
        6: ("fault", "object_missing"),
    }
    assert (done.population, done.samples, done.checked, done.faults, done.unknown) == (7, 7, 7, 6, 0)
    assert before_s == 6 * SECONDS + 40
    assert site.seconds_covered() == SECONDS
    _check_docket(site)
    # The ledger holds each look, each finding and the outcome; looking again adds no second entry about a finding.
    assert len(entries_of(site, AccessRecorded)) == 7
    assert {entry.what for entry in entries_of(site, AccessRecorded)} == {"deep-audit"}
    assert len(entries_of(site, SegmentUnsound)) == 6
    (told,) = entries_of(site, DeepAudited)
    assert (told.seed, told.population_sha256, told.faulty_at_most) == ("lantern", done.population_sha256, 6)
    (asked,) = entries_of(site, DeepAuditAsked)
    assert (asked.seed, asked.samples, asked.asked_by, asked.audit_id) == ("lantern", 50, "auditor", done.id)
    assert told.asked_sha256 == hashlib.sha256(encode(asked)).hexdigest()
    _check_what_is_settled(site, done)


def _check_docket(site: FootageSite) -> None:
    with site.database.reading() as session:
        camera = session.get_one(Camera, site.camera_id)
        window = Span(site.begun_us, site.clock.utc_us())
        refused = Assessor(POLICY).gather(session, camera, window, window.end_us).refused
    assert {cause.value: spans.total_us // 1_000_000 for cause, spans in refused.items()} == {
        "picture_frozen": SECONDS,
        "picture_too_dark": SECONDS,
        "clock_error": 40,
        "object_corrupt": 2 * SECONDS,
        "object_missing": SECONDS,
    }


def _check_what_is_settled(site: FootageSite, done: DeepAudit) -> None:
    """The daily audit by the store's word settles only what it can see; reading again settles the rest where it is good."""
    site.clock.advance(86_400)
    daily = StoreAuditor(site.database, site.evidence, site.clock, 90)
    assert daily.begin() is not None
    while daily.step():
        pass
    deep = ["bytes_changed", "clock_off", "picture_frozen", "picture_too_dark", "undecodable"]
    assert findings(site) == deep
    assert site.seconds_covered() == 2 * SECONDS
    again = audit(site, repeats_id=done.id, prober=probe)
    assert again.population_sha256 == done.population_sha256
    assert findings(site) == deep[1:]
    assert site.seconds_covered() == 3 * SECONDS
    # Another upload of the very same bytes changes nothing about them.
    assert site.upload_again(1) == "Receipt"
    assert site.seconds_covered() == 3 * SECONDS
    assert findings(site) == deep[1:]


@pytest.mark.both_pairs
def test_a_repeated_draw_is_the_same_and_anybody_can_make_it(site):
    for _ in range(4):
        site.add("sound")
    first = audit(site, samples=2)
    site.add("sound")
    second = audit(site, samples=2, repeats_id=first.id)
    assert list(outcomes(site, first)) == list(outcomes(site, second))
    drawn = draw(population_in(first), "lantern", 2)
    begun = site.begun_us // 60_000_000
    assert [minute.minute - begun for minute in drawn] == list(outcomes(site, first))
    assert (first.population, bound_of(first)) == (4, faulty_at_most(4, 2, 0))
    assert audit(site, samples=2).population == 5


@pytest.mark.both_pairs
def test_a_store_that_is_down_proves_nothing_and_the_audit_goes_on_where_it_was(site):
    site.add("sound").add("sound")
    store = Lying(site.evidence, down=True)
    auditor = DeepAuditor(site.database, store, site.clock, RULES, sound)
    audit_id = ask(site.database, site.clock, Request("sunflower", "s", 9, "auditor"))
    assert auditor.step()
    for _ in range(4):
        with pytest.raises(Unavailable):
            auditor.step()
    assert (audit_of(site, audit_id).checked, findings(site)) == (0, [])
    store.down = False
    while auditor.step(audit_id):
        pass
    done = audit_of(site, audit_id)
    assert (done.checked, done.faults, done.unknown) == (2, 0, 0)
    assert len(entries_of(site, AccessRecorded)) == 2
    assert site.seconds_covered() == 2 * SECONDS


def breaking_down(number: int):
    """A decoder that one recording drives out of memory, whatever is tried; all others it decodes."""

    def decode(file, span_us):
        file.seek(-4, 2)
        if file.read(4) == number.to_bytes(4, "big"):
            raise Unavailable("the decoder ended with 1", code="not_decoded")
        return sound(file, span_us)

    return decode


def steps(auditor: DeepAuditor, count: int) -> int:
    """How many of them failed."""
    failed = 0
    for _ in range(count):
        try:
            auditor.step()
        except Unavailable:
            failed += 1
    return failed


def test_a_recording_that_no_decoder_survives_while_others_are_decoded_is_no_footage(site):
    site.add("sound").add("sound")
    auditor = DeepAuditor(site.database, site.evidence, site.clock, RULES, breaking_down(0))
    audit_id = ask(site.database, site.clock, Request("sunflower", "s", 9, "auditor"))
    assert steps(auditor, 9) == 2
    done = audit_of(site, audit_id)
    assert outcomes(site, done) == {0: ("fault", "undecodable"), 1: ("sound", "")}
    assert (done.faults, done.unknown, done.finished_us is not None) == (1, 0, True)
    assert (findings(site), site.seconds_covered()) == (["undecodable"], SECONDS)
    assert [entry.finding for entry in entries_of(site, SegmentUnsound)] == ["undecodable"]
    # A decoder that copes with it settles it.
    audit(site, repeats_id=done.id)
    assert (findings(site), site.seconds_covered()) == ([], 2 * SECONDS)


def test_what_cannot_be_found_out_counts_against_the_bound_and_for_nothing_else(site):
    site.add("sound").add("sound")

    def never(_file, _span_us):
        raise Unavailable("decoding took too long", code="not_decoded")

    auditor = DeepAuditor(site.database, site.evidence, site.clock, RULES, never)
    audit_id = ask(site.database, site.clock, Request("sunflower", "s", 1, "auditor"))
    assert steps(auditor, 8) == 2
    done = audit_of(site, audit_id)
    assert (done.checked, done.unknown, done.faults, bound_of(done)) == (1, 1, 0, 2)
    with site.database.reading() as session:
        (sample,) = deep_audits.samples_of(session, audit_id)
    assert sample.detail.startswith("this machine decodes nothing: decoding took too long")
    assert done.finished_us is not None
    assert site.seconds_covered() == 2 * SECONDS


def test_what_went_on_its_day_is_neither_good_nor_bad(site):
    site.add("sound").add("sound")
    first = audit(site)
    with site.database.unit_of_work() as session:
        session.scalars(select(Segment).order_by(Segment.start_us)).first().deleted_us = site.clock.utc_us()
    again = audit(site, repeats_id=first.id)
    assert (again.population, again.gone, again.faults, bound_of(again)) == (2, 1, 0, 0)
    assert audit(site).population == 1


@pytest.mark.both_pairs
def test_one_works_on_an_audit_at_a_time_and_a_crash_frees_it(site):
    site.add("sound")
    audit_id = ask(site.database, site.clock, Request("sunflower", "s", 1, "auditor"))
    with site.database.unit_of_work() as session:
        assert deep_audits.take(session, None, site.clock.utc_us(), 600_000_000) is not None
    auditor = DeepAuditor(site.database, site.evidence, site.clock, RULES)
    assert not auditor.step(audit_id)
    site.clock.advance(601)
    assert auditor.step(audit_id)


def test_a_site_without_footage_and_requests_that_cannot_be(site):
    done = audit(site)
    assert (done.population, done.samples, done.finished_us is not None, bound_of(done)) == (0, 0, True, 0)
    ask(site.database, site.clock, Request("sunflower", "a", 1, "auditor"))
    ask(site.database, site.clock, Request("sunflower", "b", 1, "auditor"))
    with pytest.raises(Conflict):
        ask(site.database, site.clock, Request("sunflower", "c", 1, "auditor"))
    with pytest.raises(NotFound):
        ask(site.database, site.clock, Request("rainbow", "c", 1, "auditor"))


def test_a_policy_that_counts_dark_footage_still_names_it(site):
    site.add("black")
    lenient = DeepAuditor(
        site.database, site.evidence, site.clock, type(RULES)(0.42, 0.90, 5_000_000, frozenset({"frozen"}))
    )
    ask(site.database, site.clock, Request("sunflower", "s", 1, "auditor"))
    while lenient.step():
        pass
    assert findings(site) == ["picture_too_dark"]
    assert site.seconds_covered() == SECONDS
    assert entries_of(site, SegmentUnsound) == []
    with site.database.reading() as session:
        assert audits.under_retention(session, site.clock.utc_us() + US_PER_DAY) == 1


def test_what_a_store_says_that_it_has_and_does_not_give_out_is_not_called_good_by_its_word(site):
    site.add("sound").add("sound")
    done = audit(site, Lying(site.evidence, gone={site.recordings[0].key}))
    assert outcomes(site, done)[0] == ("fault", "bytes_changed")
    site.clock.advance(86_400)
    daily = StoreAuditor(site.database, site.evidence, site.clock, 90)
    assert daily.begin() is not None
    while daily.step():
        pass
    assert site.seconds_covered() == SECONDS
    audit(site, repeats_id=done.id)
    assert site.seconds_covered() == 2 * SECONDS


def test_a_recording_that_never_comes_back_whole_ends_as_a_fault_and_keeps_no_audit_from_ending(site):
    site.add("sound").add("sound")
    store = Lying(site.evidence, cut={site.recordings[0].key})
    auditor = DeepAuditor(site.database, store, site.clock, RULES, sound)
    audit_id = ask(site.database, site.clock, Request("sunflower", "s", 9, "auditor"))
    failed = steps(auditor, 9)
    done = audit_of(site, audit_id)
    assert (failed, done.checked, done.faults, done.finished_us is not None) == (2, 2, 1, True)
    assert site.seconds_covered() == SECONDS


def test_no_detour_makes_a_version_count_again_that_was_read_and_found_wrong(site):
    site.add("garbage").add("sound")
    audit(site, Lying(site.evidence, changed={site.recordings[1].key}), prober=probe)
    assert findings(site) == ["bytes_changed", "undecodable"]
    assert site.seconds_covered() == 0
    for number, (manifest, _) in enumerate(site.sent):
        # A version that is not there is refused; then the one that was found wrong is named again.
        for version_id in ("no-such-version", site.recordings[number].version_id):
            site.agent.say(site.agent.upload_of(manifest, version_id))
            for job in site.verifier.take(100):
                site.verifier.verify(job)
    assert site.seconds_covered() == 0
    assert site.upload_again(1) == "Receipt"
    assert site.seconds_covered() == SECONDS


def test_people_who_ask_without_end_do_not_keep_the_daily_draw_from_its_turn(site):
    for seed in "ab":
        ask(site.database, site.clock, Request("sunflower", seed, 1, "auditor"))
    with pytest.raises(Conflict):
        ask(site.database, site.clock, Request("sunflower", "c", 1, "another"))
    assert ask(site.database, site.clock, Request("sunflower", "d", 1, INSIDE))
