"""What the pages of recorded playback say. Pure."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from config.base.clock import to_datetime
from server.services.coverage.read_day import SiteDay
from server.services.custody.play_back import PlaybackView, RecordingView
from server.web.formatting import Words
from server.web.languages import Language
from server.web.pages import Pages
from server.web.wording import mark
from storage.database.scope import Scope

REFUSED = {"no_reason": mark("Say why you look, in 4 to 120 characters.")}


@dataclass(frozen=True)
class Row:
    """One recording, or a gap where ``source`` and ``link`` are empty."""

    when: str
    said: str
    proof: str = ""
    source: str = ""
    link: str = ""
    is_shown: bool = False


@dataclass(frozen=True)
class PlaybackPages:
    """Renders; every rule is in a service."""

    pages: Pages

    def cameras(self, day: SiteDay, reader: Scope, language: str) -> str:
        """The cameras of a site."""
        return self.pages.page(
            "playback.html",
            language,
            site_id=day.site_id,
            site_name=day.name,
            cameras=[(camera.camera_id, camera.name) for camera in day.cameras],
            here=f"/sites/{day.site_id}/playback",
            reader=reader,
        )

    def camera(self, found: PlaybackView, reader: Scope, language: str, *, error: str = "") -> str:
        """What there is around an instant; with a player where a look is open."""
        spoken = self.pages.spoken(language)
        words, base = Words(spoken, found.timezone), f"/sites/{found.site_id}/playback/{found.camera_id}"
        shown = next((one for one in found.recordings if one.start_us <= found.at_us < one.end_us), None)
        rows = [(one.start_us, _recording(one, found, base, words, spoken)) for one in found.recordings]
        rows += [(start_us, _gap(start_us, end_us, words, spoken)) for start_us, end_us in found.gaps]
        at = to_datetime(found.at_us).astimezone(ZoneInfo(found.timezone))
        is_played = shown is not None and not shown.in_cell and found.look_code is not None
        return self.pages.page(
            "playback_camera.html",
            language,
            found=found,
            rows=[row for _, row in sorted(rows, key=lambda pair: pair[0])],
            at=_field(at),
            day=words.day(at.date()),
            error=spoken.text(REFUSED.get(error, "")) if error else "",
            video=f"{base}/{shown.segment_id}.mp4" if shown is not None and is_played else "",
            offset=f"{(found.at_us - shown.start_us) / 1e6:.3f}" if shown is not None else "0",
            proof=_proof(shown, words, spoken) if shown is not None else "",
            earlier=f"{base}?at={found.at_us - 600_000_000}",
            later=f"{base}?at={found.at_us + 600_000_000}",
            here=f"{base}?at={found.at_us}",
            reader=reader,
        )


def _field(at: datetime) -> str:
    return at.replace(tzinfo=None, microsecond=0).isoformat()


def _recording(one: RecordingView, found: PlaybackView, base: str, words: Words, spoken: Language) -> Row:
    when = f"{words.clock(one.start_us, seconds=True)}–{words.clock(one.end_us, seconds=True)}"
    if one.in_cell:
        return Row(when, spoken.text("In the site's own store: ask for it there."), link=f"/sites/{found.site_id}/cell")
    return Row(
        when,
        spoken.text("Recorded"),
        proof=_proof(one, words, spoken),
        source=f"{base}/{one.segment_id}.mp4" if found.look_code is not None else "",
        link=f"{base}?at={max(one.start_us, 0)}",
        is_shown=one.start_us <= found.at_us < one.end_us,
    )


def _gap(start_us: int, end_us: int, words: Words, spoken: Language) -> Row:
    when = f"{words.clock(start_us, seconds=True)}–{words.clock(end_us, seconds=True)}"
    told = spoken.text("No recording can be played of these %(length)s.") % {
        "length": words.duration(end_us - start_us)
    }
    return Row(when, told)


def _proof(one: RecordingView, words: Words, spoken: Language) -> str:
    if one.checked_us is None or one.locked_until_us is None:
        return ""
    return spoken.text("Locked until %(until)s; read back whole on %(checked)s; version %(version)s.") % {
        "until": words.day(to_datetime(one.locked_until_us).astimezone(words.zone).date()),
        "checked": f"{words.day(to_datetime(one.checked_us).astimezone(words.zone).date())} {words.clock(one.checked_us)}",
        "version": (one.version_id or "")[:12],
    }
