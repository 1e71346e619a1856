"""One row of ``discover``'s table: what a camera is, how it streams, how its clock goes, and what is wrong, in words."""

from urllib.parse import urlsplit

from config.base.clock import US_PER_S
from edge_agent.cli.speech import Speech
from edge_agent.onvif.clock import ClockOffset
from edge_agent.onvif.media import StreamProfile
from edge_agent.onvif.survey import Lens, Problem, Survey

COLUMNS = (
    "discover.col_camera",
    "discover.col_main",
    "discover.col_sub",
    "discover.col_clock",
    "discover.col_notes",
)
CODECS = {"h264": "H.264", "hevc": "H.265", "jpeg": "JPEG", "mpeg4": "MPEG-4"}


def told_row(speech: Speech, found: Survey, lens: Lens | None) -> tuple[str, ...]:
    """The cells, in the order of ``COLUMNS``."""
    problems = [_words(speech, problem) for problem in (*found.problems, *(lens.problems if lens else ()))]
    if found.fault:
        key = f"discover.fault_{found.fault}"
        problems.insert(0, speech.text(key if speech.has(key) else "discover.fault"))
    marks = [f"! {text}" for text in problems] or [f"✓ {speech.text('discover.fine')}"]
    main, sub = (lens.source.main, lens.source.sub) if lens else (None, None)
    return (_who(found, lens), _stream(main), _stream(sub), _clock(speech, found.clock), "\n".join(marks))


def _who(found: Survey, lens: Lens | None) -> str:
    lines = [urlsplit(found.address).netloc]
    if found.information is not None:
        lines.append(f"{found.information.maker} {found.information.model}".strip())
    if found.name:
        lines.append(found.name)
    if len(found.lenses) > 1 and lens is not None:
        lines.append(lens.source.token)
    return "\n".join(_printable(line) for line in lines if line)


def _stream(profile: StreamProfile | None) -> str:
    if profile is None:
        return "–"
    codec = CODECS.get(profile.codec, profile.codec)
    rate = f"\n{profile.frames_per_second} fps" if profile.frames_per_second else ""
    return f"{_printable(codec)} {profile.width}×{profile.height}{rate}"


def _clock(speech: Speech, offset: ClockOffset | None) -> str:
    if offset is None:
        return "–"
    seconds, bound = offset.offset_us / US_PER_S, max(0.1, offset.bound_us / US_PER_S)
    if abs(seconds) < 120:  # two minutes are best told in seconds
        return f"{seconds:+.1f} s\n± {bound:.1f} s"
    if abs(seconds) < 7_200:  # and two hours in minutes
        return speech.text("discover.clock_minutes", minutes=f"{seconds / 60:+.0f}")
    return speech.text("discover.clock_hours", hours=f"{seconds / 3_600:+,.0f}")


def _words(speech: Speech, problem: Problem) -> str:
    values = dict(problem.values)
    if "condition" in values:
        values["condition"] = speech.text(f"status.condition_{values['condition']}")
    return _printable(speech.text(f"discover.problem_{problem.code}", **values))


def _printable(text: str) -> str:
    """Nothing that a device says of itself may move the cursor."""
    return "".join(one if one.isprintable() else "·" for one in text)
