"""Marked live view: how long a clip must be until it names its view, what marking costs, and how little can be seen of it.

The camera's stream goes through the agent's own marking, the code words are the server's, and the clip is what a screen capture
leaves: half the size, H.264 at crf 35, brighter. Length: the shortest clip of those tried that names the right view and no other
with a probability of naming anybody wrongly of 1e-6 at most, beside 199 other views of half an hour, in steps of five seconds from twenty on; from two instants.
Measured and not asked of any person: whether an eye sees the pattern. PSNR and SSIM are of one variant against the other.
"""

import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from skimage.metrics import structural_similarity

from benchmarks._marked_browser import trace_in_browser
from benchmarks._marked_room import Capture, Luma, Marked, camera, captured, marked, room, seen
from benchmarks.report import Report
from config.base.clock import US_PER_S
from config.wire.marking import VARIANTS
from edge_agent.live.marking import Pattern
from server.domain.marking import P_FALSE_MAX, CodeWord, pattern_seed
from server.marking.accuse import Answer, Candidate, accuse
from server.marking.clip import Clip, read_clip

SECONDS = 80.0
KEY = bytes(range(32))
BEGIN_US = 1_795_262_400_000_000 + 123_456
VIEWS = 200
AROUND_US = 15 * 60 * US_PER_S
STEP_S, SHORTEST_S, STARTS_S = 5.0, 20.0, (0.0, 7.3)
GUILTY, PARTNER = 7, 42
HARD = Capture(scale=0.5, crf=35)
WAYS = {
    "half_crf35": HARD,
    "half_crf28": Capture(scale=0.5, crf=28),
    "cropped_half_crf35": Capture(scale=0.5, crf=35, crop=0.1),
}


def main() -> int:
    """Prints the figures."""
    report = Report("marking", figures={"seconds": SECONDS, "views": VIEWS, "p_false_max": P_FALSE_MAX})
    seed = pattern_seed(KEY, "cam-a")
    source = marked(seed, camera(room(SECONDS)), BEGIN_US)
    candidates = [
        Candidate(f"view-{number}", CodeWord(KEY, f"view-{number}"), BEGIN_US - AROUND_US, BEGIN_US + AROUND_US)
        for number in range(VIEWS)
    ]
    _cost(report, source)
    _seen(report, source, seed)
    with tempfile.TemporaryDirectory(prefix="nl-", ignore_cleanup_errors=True) as folder:
        file = Path(folder) / "clip.mp4"
        wrong = 0
        for name, how in WAYS.items():
            clip = _read(captured(seen(source, candidates[GUILTY].word), how, file))
            lengths, others = _lengths(clip, seed, candidates)
            wrong += others
            report.figures[f"clip_needed_s_{name}"] = ", ".join(f"{one:g}" for one in lengths)
            print(name, lengths, file=sys.stderr)
            if how is HARD:
                report.expect("clip_needed_s_half_size_crf35_worst", max(lengths), at_most=60)
        report.expect("views_named_wrongly", wrong, at_most=0)
        _colluders(report, source, seed, candidates, file)
        trace_in_browser(report, Path(folder) / "rig")
    return report.finish_bench(as_json="--json" in sys.argv)


def _read(file: Path) -> Clip:
    with file.open("rb") as opened:
        return read_clip(opened)


def _lengths(clip: Clip, seed: str, candidates: Sequence[Candidate]) -> tuple[list[float], int]:
    """From each start how many seconds it took, and how often anybody else was named."""
    found, wrong = [], 0
    for start in STARTS_S:
        for number in range(int(SHORTEST_S / STEP_S), int((clip.seconds - start) / STEP_S) + 1):
            answer = _ask(clip, start, number * STEP_S, seed, candidates)
            names = {fit.view_id for fit in answer.named}
            wrong += len(names - {f"view-{GUILTY}"})
            if f"view-{GUILTY}" in names:
                found.append(number * STEP_S)
                break
        else:
            found.append(float("inf"))
    return found, wrong


def _ask(clip: Clip, start_s: float, seconds: float, seed: str, candidates: Sequence[Candidate]) -> Answer:
    first, many = int(start_s * 8), int(seconds * 8)
    piece = Clip(clip.pictures[first : first + many], seconds)
    return accuse(piece, seed, candidates, BEGIN_US - AROUND_US, BEGIN_US + AROUND_US)


def _colluders(report: Report, source: Marked, seed: str, candidates: Sequence[Candidate], file: Path) -> None:
    """Two viewers put their pictures together: the mean of both, or now one and now the other."""
    one, other = (seen(source, candidates[number].word) for number in (GUILTY, PARTNER))
    rng = np.random.default_rng(3)
    ways: dict[str, list[Luma]] = {
        "mean": [((a.astype(np.uint16) + b) // 2).astype(np.uint8) for a, b in zip(one, other, strict=True)],
        "alternating": [
            (a, b)[int(pick)]
            for a, b, pick in zip(one, other, np.repeat(rng.integers(0, 2, len(one)), 12), strict=False)
        ],
    }
    for name, pictures in ways.items():
        clip = _read(captured(pictures, Capture(scale=0.5, crf=28), file))
        answer = _ask(clip, 0, clip.seconds, seed, candidates)
        names = {fit.view_id for fit in answer.named}
        report.figures[f"two_colluders_{name}_named_of_2"] = len(names & {f"view-{GUILTY}", f"view-{PARTNER}"})
        report.figures[f"two_colluders_{name}_best_p_false"] = answer.best.p_false if answer.best else 1.0
        report.expect(
            f"two_colluders_{name}_others_named", len(names - {f"view-{GUILTY}", f"view-{PARTNER}"}), at_most=0
        )


def _cost(report: Report, source: Marked) -> None:
    report.figures["kbit_per_second_each_variant"] = round(source.bytes_each * 8 / SECONDS / 1_000)
    report.figures["variants"] = VARIANTS
    report.expect("cpu_of_a_core_percent_a_camera_watched", round(source.cpu_s / SECONDS * 100, 1), at_most=25)


def _seen(report: Report, source: Marked, seed: str) -> None:
    """Of the pattern alone, and of what is sent, where the encoders' own noise is added."""
    height, width = source.frames[0][0].shape
    pattern, alone = Pattern(seed, width, height), []
    for picture in room(1.0, fps=4):
        pattern.fit(picture)
        alone.append(tuple(np.clip(picture + sign * pattern.shift, 0, 255).astype(np.uint8) for sign in (-1, 1)))
    report.expect("psnr_of_variants_db", round(_psnr(alone), 1), at_least=36)
    report.figures["psnr_of_a_variant_against_the_unmarked_db"] = round(_psnr(alone) + 6.02, 1)
    report.expect("ssim_of_variants", round(_ssim(alone), 4), at_least=0.99)
    sent = list(zip(source.frames[0][::97], source.frames[1][::97], strict=True))
    report.figures["psnr_of_variants_as_sent_db"] = round(_psnr(sent), 1)
    report.figures["ssim_of_variants_as_sent"] = round(_ssim(sent), 4)


def _psnr(pairs: Sequence[tuple[Luma, ...]]) -> float:
    error = statistics.fmean(float(((a.astype(np.float32) - b) ** 2).mean()) for a, b in pairs)
    return 10 * float(np.log10(255**2 / error))


def _ssim(pairs: Sequence[tuple[Luma, ...]]) -> float:
    return statistics.fmean(float(structural_similarity(a, b)) for a, b in pairs)  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    sys.exit(main())
