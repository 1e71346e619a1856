"""``server.admin compliance``: which packs there are, choosing one, and how a site stands by it."""

import sys

import pytest
from sqlalchemy import select

from config.base.clock import SystemClock
from config.evidence.entries import PackChosen, decode
from server.admin.__main__ import main
from server.services.compliance.choose_pack import choose_pack
from storage.database.models import LedgerEntry, Site
from tests.support.api import settings_for

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def admin(agent, database, tmp_path, monkeypatch, capfd):
    file = settings_for(database, tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["server.admin", "--settings", str(file), "compliance", *arguments])
        status = main()
        printed = capfd.readouterr()
        return status, printed.out + printed.err

    return run


def test_a_pack_is_chosen_and_the_site_is_judged_by_it(admin, database):
    status, said = admin("packs")
    assert status == 0
    assert "luzhou-longmatan" in said
    status, said = admin("show", "sunflower")
    assert (status, "no policy pack" in said) == (0, True)
    assert admin("set-pack", "sunflower", "luzhou-longmatan") == (0, "sunflower: – → luzhou-longmatan\n")
    status, said = admin("show", "sunflower")
    assert status == 0
    assert "NON_COMPLIANT" in said
    assert "longmatan.retention" in said
    assert choose_pack(database, SystemClock(), "sunflower", "yongan", keep=True) == (
        "luzhou-longmatan",
        "luzhou-longmatan",
    )
    assert admin("set-pack", "sunflower", "none")[0] == 0
    with database.reading() as session:
        assert session.get_one(Site, "sunflower").policy_pack is None
        entries = [decode(row.body) for row in session.scalars(select(LedgerEntry).order_by(LedgerEntry.id))]
    chosen = [(e.pack, e.replaces, e.retain_days, e.by) for e in entries if isinstance(e, PackChosen)]
    assert chosen == [
        ("luzhou-longmatan", None, 90, "server-admin"),
        (None, "luzhou-longmatan", None, "server-admin"),
    ]


def test_what_is_not_there_is_told_with_what_is(admin):
    status, said = admin("set-pack", "sunflower", "atlantis")
    assert (status, "cn-national-base" in said) == (1, True)
    assert admin("set-pack", "nowhere", "yongan")[0] == 1
    assert admin("show", "sunflower", "--period", "soon")[0] == 1
