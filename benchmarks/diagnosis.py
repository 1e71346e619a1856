"""How well the ten picture findings tell good pictures from bad ones, on the half of the set they never saw.

Recall of each finding at three strengths, false findings of good pictures, a camera-week in which nothing is wrong, and
what one picture costs. ``--write`` puts the table into edge_agent/diagnosis/SCORES.md; ``--chosen-on`` shows the half
that thresholds were chosen on instead.
"""

import os
import sys
import time
from pathlib import Path

from benchmarks.diagnosis_set.camera import DAY, Camera, Passage
from benchmarks.diagnosis_set.cases import AIMS
from benchmarks.diagnosis_set.photographs import PHOTOGRAPHS, Half
from benchmarks.diagnosis_set.scoring import FalseFinding, Tally, default_rules, play_week, score_cases, table
from benchmarks.report import Report
from config.wire.findings import FINDING_NAMES
from edge_agent.diagnosis.measuring import measure
from edge_agent.diagnosis.watcher import Watcher

RECALL_MIN = 0.95
MEASURED = 200
SCORES = Path(__file__).parents[1] / "edge_agent" / "diagnosis" / "SCORES.md"


def main() -> int:
    """Some minutes on two cores."""
    half: Half = "chosen_on" if "--chosen-on" in sys.argv else "scored_on"
    tally = score_cases(half)
    pictures, false = 0, list[FalseFinding]()
    for looked_at, found in play_week(max(1, os.cpu_count() or 1)):
        pictures += looked_at
        false += found
        print(f"… a day of the week: {looked_at} pictures, {len(found)} findings", file=sys.stderr, flush=True)
    report = Report("diagnosis", figures={"cases": sum(map(len, tally.found.values())), "week_pictures": pictures})
    for name in FINDING_NAMES:
        report.figures[f"{name}_recall_weak"] = round(tally.recall(name, "weak"), 3)
        report.figures[f"{name}_recall_strong"] = round(tally.recall(name, "strong"), 3)
        report.expect(f"{name}_recall_middle", round(tally.recall(name, "middle"), 3), at_least=RECALL_MIN)
    report.figures["milliseconds_a_picture"] = round(_cost_ms(), 2)
    report.expect("false_on_good_pictures", tally.false_on_clean, at_most=0)
    report.expect("false_in_the_week", len(false), at_most=0)
    text = _page(tally, false, pictures, report)
    if "--write" in sys.argv:
        SCORES.write_text(text, encoding="utf-8")
    if "--json" not in sys.argv:
        print(text)
    return report.finish_bench(as_json="--json" in sys.argv)


def _cost_ms() -> float:
    """Processor time of measuring and judging one picture; decoding it is measured by the edge benchmark."""
    camera, passage, watcher = Camera(PHOTOGRAPHS[0], AIMS[0], seed=1), Passage(), Watcher(default_rules())
    pictures = [passage.through(camera.expose(camera.base(), DAY)) for _ in range(8)]
    began_s = time.process_time()
    for number in range(MEASURED):
        watcher.see(measure(pictures[number % 8]), 2_000_000 * (number + 1))
    return 1000 * (time.process_time() - began_s) / MEASURED


def _page(tally: Tally, false: list[FalseFinding], pictures: int, report: Report) -> str:
    scored = sorted({photo.name for photo in PHOTOGRAPHS if photo.half == "scored_on"})
    chosen = sorted({photo.name for photo in PHOTOGRAPHS if photo.half == "chosen_on"})
    told = "\n".join(f"- day {one.day + 1}, {one.hour:.2f} h: `{one.finding}` ({one.score})" for one in false)
    return f"""# What the diagnosis finds

Written by `python -m benchmarks.diagnosis --write` on {report.date[:10]}; do not edit. How each is measured is said in
`findings/NAME.py`; the thresholds are in `config/settings/edge.toml`.

Photographs that Python packages ship, each seen by two cameras by day, at night and by infrared light, each fault at
three strengths (`benchmarks/diagnosis_set/faults.py` says what they mean), every picture through H.264 and the agent's own
decoder. Thresholds were chosen on {", ".join(chosen)}; scores are of {", ".join(scored)}, which had no part in it.

{table(tally, false, default_rules())}

Good pictures that were found fault with: {tally.false_on_clean} of {tally.clean}. Goal: recall of at least {RECALL_MIN} at the
middle strength.

**A camera-week in which nothing is wrong** (`benchmarks/diagnosis_set/day.py`: nap hours by infrared, dusk and dawn,
lamps, cots, people, sun and clouds, a camera with strong noise reduction; every picture around a change, one a minute
between): {pictures} pictures, {len(false)} false findings.
{told}

What this does not show: pictures of real nap rooms and of real cameras; infrared light that throws other shadows than the
day's; autofocus, insects, condensation. A black screen without a caption is told as `too_dark` (that is what `signal_loss`
misses at full strength). A frozen picture that an encoder keeps coding anew at changing quality is not found
(that is the weak strength of `frozen`), nor are streaks that stand still, nor a colour cast that was there from the first
day. The colour cast was drawn anew once after a first look at the scored half: as drawn before it over-exposed three
bright pictures, which were told as `too_bright`. A picture costs {report.figures["milliseconds_a_picture"]} ms of a core, decoding aside.
"""


if __name__ == "__main__":
    sys.exit(main())
