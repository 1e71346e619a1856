"""An evidence package of a camera whose recordings lie in its site's own store: what was brought is in it, and verifies (I1)."""

import io
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.base.timespan import Span
from config.evidence import package
from config.evidence.leaves import LeafTree
from config.evidence.note import NoteSigner
from config.evidence.verify import verify
from config.wire.cells import CellFetch
from config.wire.envelope import Signer, decode_payload, open_envelope
from config.wire.segments import SegmentRecorded
from server.services.coverage.assess_day import Assessor
from server.services.evidence.export_evidence import DELETED, KEPT_ON_SITE, EvidenceExporter, Export
from server.services.evidence.keep_ledger import LedgerKeeper
from server.web.evidence import EvidenceReport
from storage.database.models import CellCopy, Segment
from storage.database.scope import AUDITOR, EVERY_REGION, Scope
from tests.support.cells import CellSite
from tests.support.databases import fresh_database
from tests.support.sites import POLICY, seconds

pytestmark = pytest.mark.either_pair

CENTRE = Ed25519PrivateKey.from_private_bytes(b"c" * 32)
EVERYONE = Scope("police", AUDITOR, EVERY_REGION)


@pytest.fixture
def site(object_store, request, tmp_path: Path) -> CellSite:
    """SQLite beside SeaweedFS, PostgreSQL beside MinIO; three recordings that count."""
    kind = "sqlite" if object_store.kind == "seaweedfs" else "postgresql"
    for database in fresh_database(kind, request, tmp_path):
        made = CellSite(database, object_store, tmp_path)
        made.recorded = []
        for _ in range(3):
            recorded = made.record()
            made.upload(recorded)
            made.recorded.append(recorded)
        made.answer_all()
        assert made.covered().total_us == seconds(30)
        yield made


def exported(site: CellSite) -> bytes:
    keeper = LedgerKeeper(
        site.database, site.clock, NoteSigner("nightlight.example", CENTRE), "nightlight.example/ledger"
    )
    store, report = site.store.evidence, EvidenceReport().render
    exporter = EvidenceExporter(site.database, store, site.clock, keeper, Signer(CENTRE), Assessor(POLICY), report)
    first, last = site.recorded[0][0], site.recorded[-1][0]
    out = io.BytesIO()
    where = (site.agent.site_id, site.camera_id, Span(first.start_us, last.end_us))
    exporter.write(Export(*where, "police", "an accident"), out.write)
    return out.getvalue()


def bring(site: CellSite, number: int) -> None:
    at_us = site.recorded[number][0].start_us
    site.fetcher.ask(EVERYONE, site.agent.site_id, site.camera_id, at_us, "an accident", "192.0.2.1")
    for task in site.fetcher.due():
        assert isinstance(task, CellFetch)
        site.worker._try(task)


def gaps(found) -> list[tuple[int, str, str]]:
    return [(gap.end_us - gap.start_us, gap.cause, gap.certainty) for gap in found.coverage.gaps]


@pytest.mark.both_pairs
def test_what_was_brought_is_in_the_package_with_its_manifest_and_root_and_the_rest_is_not_claimed(
    site: CellSite,
) -> None:
    away = verify(io.BytesIO(exported(site)), CENTRE.public_key())
    assert (away.segments, away.covered_us) == (0, 0)
    assert gaps(away) == [(seconds(30), KEPT_ON_SITE, "unverified")]
    bring(site, 1)
    data = exported(site)
    found = verify(io.BytesIO(data), CENTRE.public_key())
    manifest, footage = site.recorded[1]
    assert (found.segments, found.covered_us) == (1, seconds(10))
    assert found.coverage.covered == [(manifest.start_us, manifest.end_us)]
    assert gaps(found) == [(seconds(10), KEPT_ON_SITE, "unverified")] * 2
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        (name,) = [name for name in opened.namelist() if name.startswith("segments/")]
        assert opened.read(name) == footage
        told = decode_payload(open_envelope(opened.read(f"manifests/{manifest.segment_id}.json")))
        assert isinstance(told, SegmentRecorded)
        assert told.leaf_root == LeafTree.over([footage])[0].root().hex()
        assert b'"in_cell":true' in opened.read(f"entries/{manifest.segment_id}.json")
        assert package.COVERAGE in opened.namelist()


def test_what_does_not_count_or_was_taken_away_again_is_not_in_it(site: CellSite) -> None:
    bring(site, 0)
    bring(site, 2)
    with site.database.unit_of_work() as session:
        session.get_one(CellCopy, site.recorded[0][0].segment_id).state = "unsound"
    assert verify(io.BytesIO(exported(site)), CENTRE.public_key()).segments == 1
    site.pass_time(86_400 + 60)  # it stayed for its day
    assert verify(io.BytesIO(exported(site)), CENTRE.public_key()).segments == 0


def test_what_went_on_its_day_is_not_said_to_be_kept_there(site: CellSite) -> None:
    with site.database.unit_of_work() as session:
        session.get_one(CellCopy, site.recorded[0][0].segment_id).gone_us = 1
        session.get_one(Segment, site.recorded[0][0].segment_id).deleted_us = 1
    found = verify(io.BytesIO(exported(site)), CENTRE.public_key())
    assert gaps(found)[0] != (seconds(10), DELETED, "missing")  # on no certificate yet
    assert gaps(found)[0][1] != KEPT_ON_SITE
    assert gaps(found)[1] == (seconds(20), KEPT_ON_SITE, "unverified")
