"""``accept``: the installer's acceptance test, against the running agent and the real server.

Exit status 0 only where every step passed or was skipped for a reason that was said.
"""

import argparse
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from config.base.clock import SystemClock
from edge_agent.acceptance.outcome import Outcome, Said, StepName, StepOutcome, told
from edge_agent.acceptance.report import as_json, write
from edge_agent.acceptance.steps import Acceptance, Plan
from edge_agent.cli.desk import Desk, Exit
from edge_agent.cli.speech import Speech
from edge_agent.control.client import ask
from edge_agent.control.messages import PAUSE_S_MAX

OUTAGE_S, OUTAGE_S_MIN = 20, 10


def arguments(parser: argparse.ArgumentParser, speech: Speech) -> None:
    text = speech.text
    parser.add_argument("--unattended", action="store_true", help=text("accept.unattended"))
    parser.add_argument("--camera", default="", metavar="ID", help=text("accept.option_camera"))
    parser.add_argument("--report", type=Path, default=Path(), metavar="DIR", help=text("accept.option_report"))
    outage = text("accept.option_outage", low=OUTAGE_S_MIN, high=PAUSE_S_MAX)
    parser.add_argument(
        "--outage", type=int, default=OUTAGE_S, choices=range(OUTAGE_S_MIN, PAUSE_S_MAX + 1), metavar="S", help=outage
    )
    parser.add_argument("--json", action="store_true", help=text("accept.option_json"))


def run(desk: Desk) -> int:
    settings, options = desk.settings(), desk.options
    desk.screen.say("accept.begin", agent=settings.agent.agent_id, site=settings.agent.site_id)
    plan = Plan(
        segment_s=settings.recording.segment_s,
        unattended=options.unattended,
        camera_id=options.camera,
        outage_s=options.outage,
    )
    state_dir = Path(settings.agent.state_dir)
    clock = SystemClock()
    outcome = Acceptance(lambda question: ask(state_dir, question), _Watcher(desk), plan, clock).run()
    _summary(desk, outcome)
    page, _data = write(outcome, options.report)
    desk.screen.say("accept.report_written", file=page)
    if options.json:
        print(json.dumps(as_json(outcome), ensure_ascii=False), flush=True)  # noqa: T201 - for machines, no prose
    return Exit.DONE if outcome.passed else Exit.SHORTFALL


class _Watcher:
    """Shows the test on the screen, in the person's language and the machine's time zone."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._zone = _zone()

    @contextmanager
    def step(self, name: StepName) -> Iterator[Callable[[Said], None]]:
        with self._desk.screen.step(f"accept.step_{name}") as note:
            yield lambda said: note(told(self._desk.speech, said, self._zone))

    def please(self, said: Said) -> None:
        self._desk.screen.line(f"→ {told(self._desk.speech, said, self._zone)}", "bold")

    def outcome(self, step: StepOutcome) -> None:
        screen, speech = self._desk.screen, self._desk.speech
        show = {"passed": screen.good, "failed": screen.bad, "skipped": screen.warn}[step.status]
        show(f"accept.step_{step.name}")
        for said in step.seen:
            screen.line(f"    {told(speech, said, self._zone)}", "" if said.good else "red")
        for said in step.advice:
            screen.line(f"    → {told(speech, said, self._zone)}", "bold")


def _summary(desk: Desk, outcome: Outcome) -> None:
    speech, screen = desk.speech, desk.screen

    def names(status: str) -> str:
        found = [speech.text(f"accept.step_{step.name}") for step in outcome.steps if step.status == status]
        return "; ".join(found)

    known = outcome.first_minute_s
    minute = speech.text("accept.minute_unknown" if known is None else "accept.minute_after", seconds=known)
    if not outcome.passed:
        screen.bad("accept.not_passed", failed=names("failed"))
    elif outcome.skipped:
        screen.good("accept.all_passed_but", skipped=names("skipped"), minute=minute)
    else:
        screen.good("accept.all_passed", minute=minute)


def _zone() -> str:
    """The machine's time zone by name, as far as it can be told; else UTC."""
    named = os.environ.get("TZ", "")
    if not named:
        target = Path("/etc/localtime").resolve().as_posix()
        named = target.partition("/zoneinfo/")[2]
    return named or "UTC"
