"""Benchmarks and drills answer in one shape."""

import json

import pytest

from benchmarks.report import Report


def test_the_last_line_is_the_whole_answer(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report("speed", {"rows": 10, "store": "none"})
    report.expect("rows", 10, at_least=5, at_most=20)
    assert report.finish_bench(as_json=False) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(told) == {"name", "machine", "date", "figures", "goals"}
    assert told["goals"] == [{"name": "rows", "value": 10, "goal": "<= 20 and >= 5", "met": True}]
    assert told["machine"]["cores"] > 0


def test_a_missed_goal_fails_a_drill_and_not_a_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    report = Report("loss", {})
    report.expect("lost", 1, at_most=0)
    report.expect_true("recovered", value=True)
    assert report.finish_bench(as_json=True) == 0
    assert report.finish_drill(as_json=True) == 1
    assert len(capsys.readouterr().out.splitlines()) == 2
