"""The slowest files first, so that no worker is left alone with one of them at the end of a run.

A file that is not here comes after those that are. Only the order of files changes, never that of tests within one.
"""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SLOW = (
    "browser/test_every_page.py",
    "browser/test_operator.py",
    "browser/test_auditor.py",
    "browser/test_parent.py",
    "integration/live/test_watching.py",
    "integration/live/test_marked_views.py",
    "integration/live/test_mediamtx.py",
    "browser/test_requests.py",
    "browser/test_board.py",
    "integration/ingest/test_ingest.py",
    "integration/onvif/test_replay.py",
    "browser/test_setup.py",
    "browser/test_evidence_page.py",
    "integration/api/test_data.py",
    "browser/test_custody.py",
    "integration/services/test_check_everything.py",
    "integration/edge_agent/test_diagnosis_set.py",
    "integration/edge_agent/test_outbox.py",
    "integration/services/test_cells.py",
    "integration/simulator/test_cameras.py",
    "integration/drills/test_edge.py",
    "integration/services/test_audit_store.py",
    "integration/services/test_audit_deep.py",
    "integration/api/test_custody.py",
    "integration/services/test_scope_and_register.py",
    "conformance/test_read_back.py",
    "integration/api/test_setup.py",
    "integration/services/test_expire_footage.py",
    "integration/api/test_gate.py",
    "integration/api/test_pages.py",
    "integration/services/test_assess_day.py",
    "integration/services/test_export_evidence.py",
    "integration/onvif/test_camera.py",
    "integration/edge_agent/test_shards.py",
    "integration/stack/test_stack.py",
    "integration/edge_agent/test_configuration.py",
    "integration/drills/test_retention.py",
    "integration/services/test_admin_custody.py",
    "integration/edge_agent/test_discover.py",
    "unit/edge_agent/diagnosis/test_shard.py",
    "integration/edge_agent/test_recovery.py",
    "integration/edge_agent/test_recording.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {ROOT / "tests" / name: rank for rank, name in enumerate(SLOW)}
    files = list(dict.fromkeys(item.path for item in items))
    if len(files) > 1:
        items.sort(key=lambda item: (ranks.get(item.path, len(ranks)), files.index(item.path)))
