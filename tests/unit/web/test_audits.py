"""What is said of audits: unknown is neither good nor bad, and every kind of finding has its words."""

from server.domain.audit import Drift
from server.domain.deep_audit import Outcome
from server.domain.forecast import forecast
from server.services.audit.read_audit import ConditionView, RoundView, SiteAudit
from server.web import audit_words, audits
from server.web.audits import AuditWords
from server.web.languages import load_languages

ENGLISH = AuditWords(load_languages()["en"], "Asia/Shanghai")
NOW_US = 1_795_300_000_000_000
CONDITION = ConditionView("clock", True, NOW_US, NOW_US, 0, "")


def site(**changed) -> SiteAudit:
    fields = {
        "site_id": "sunflower",
        "name": "Sunflower",
        "timezone": "Asia/Shanghai",
        "now_us": NOW_US,
        "conditions": [CONDITION],
        "forecast": None,
        "last_round": RoundView(1, 2, 1.0),
        "round_overdue": False,
        "watch_overdue": False,
        "drifts": [],
        "deep": [],
    }
    return SiteAudit(**{**fields, **changed})


def test_what_nobody_looked_at_is_not_said_to_be_good():
    assert ENGLISH.page(site()).tone == "compliant"
    for unknown in ({"conditions": []}, {"last_round": None}, {"last_round": RoundView(1, None, 0.9)}):
        assert ENGLISH.page(site(**unknown)).tone == "unverified"
    assert ENGLISH.page(site(watch_overdue=True)).tone == "non_compliant"


def test_an_unknown_capacity_looks_unknown_and_alarms_nobody():
    page = ENGLISH.page(site(forecast=forecast(10, 10, 0, 90, {})))
    (line,) = page.forecast
    assert (line.good, line.known) == (False, False)
    assert "not known" in line.text
    assert page.tone == "compliant"
    failing = ENGLISH.page(site(forecast=forecast(10, 10, 500, 90, {})))
    assert failing.tone == "non_compliant"
    assert "full on" in failing.sentence
    assert ENGLISH.page(site(forecast=forecast(10, 10, 920, 90, {}))).forecast[0].good


def test_everything_that_can_be_found_has_its_words():
    assert set(audits.DRIFT) == set(Drift)
    assert set(audits.OUTCOME) == set(Outcome)
    assert set(audits.CHIP) == set(Outcome)
    assert all(what and do for what, do in audit_words.FINDING.values())
