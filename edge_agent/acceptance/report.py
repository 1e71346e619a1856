"""The report that an installer leaves behind: one HTML file in both languages, to be read or printed, and JSON.

Invariant: nothing in it is fetched from elsewhere, and every text that came from outside is escaped.
"""

import json
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

from config.base.clock import to_datetime
from config.base.errors import ResourceExhausted
from edge_agent.acceptance.outcome import Outcome, Said, StepOutcome, clock_time, told
from edge_agent.cli.speech import LANGUAGES, Speech

_STYLE = """
body{font:15px/1.5 system-ui,-apple-system,"Segoe UI","PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif;
color:#1a1a1a;max-width:54rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem;margin:0}h2{font-size:1.1rem;margin:1.6rem 0 .4rem}
.verdict{display:inline-block;margin:.8rem 0;padding:.3rem 1rem;border:2px solid;border-radius:.4rem;font-weight:600}
.passed{color:#12632f}.failed{color:#a11212}.skipped{color:#6b5300}
table{border-collapse:collapse;width:100%}th,td{border:1px solid #bbb;padding:.35rem .5rem;text-align:left;
vertical-align:top}th{background:#f2f2f2;font-weight:600}
.en{color:#444;font-size:.9em;display:block}p{margin:.2rem 0}ul{margin:.2rem 0;padding-left:1.2rem}
.sign{display:flex;gap:2rem;margin-top:2.5rem}.sign div{flex:1;border-top:1px solid #555;padding-top:.3rem}
footer{margin-top:2rem;font-size:.85em;color:#555}
@media print{body{margin:0;max-width:none;font-size:11pt}tr,.sign{break-inside:avoid}}
"""


def as_json(outcome: Outcome) -> dict[str, Any]:
    """The outcome for machines: keys and values, no language."""
    return {
        "passed": outcome.passed,
        "skipped": list(outcome.skipped),
        "first_verified_minute_s": outcome.first_minute_s,
        **asdict(outcome),
    }


def write(outcome: Outcome, folder: Path) -> tuple[Path, Path]:
    """Writes both files; the HTML one comes first. Raises ResourceExhausted where the folder takes none."""
    began = f"{to_datetime(outcome.began_us):%Y%m%d-%H%M%S}"
    page = folder / f"nightlight-acceptance-{outcome.site_id}-{outcome.agent_id}-{began}.html"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        page.write_text(as_html(outcome), encoding="utf-8")
        data = page.with_suffix(".json")
        data.write_text(json.dumps(as_json(outcome), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise ResourceExhausted(f"the report cannot be written to {folder}: {error.strerror}") from error
    return page, data


def as_html(outcome: Outcome) -> str:
    """The whole page."""
    return _Page(outcome).text()


class _Page:
    """Chinese first, English beneath it."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome
        self._chinese, self._english = (Speech(language) for language in LANGUAGES)

    def text(self) -> str:
        outcome = self._outcome
        verdict = "passed" if outcome.passed else "failed"
        title = f"{self._chinese.text('accept.title')} · {self._english.text('accept.title')}"
        return (
            f'<!doctype html>\n<html lang="zh-CN"><head><meta charset="utf-8"><title>{escape(title)}</title>'
            f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
            f"<h1>{self._word('title')}</h1>"
            f'<p class="verdict {verdict}">{self._word("report_passed" if outcome.passed else "report_not_passed")}</p>'
            f"{self._facts()}{self._cameras()}{self._steps()}"
            f'<div class="sign"><div>{self._word("report_installer")}</div><div>{self._word("report_facility")}</div></div>'
            f"<footer>{self._word('report_footer')}</footer></body></html>\n"
        )

    def _facts(self) -> str:
        outcome, zone = self._outcome, self._outcome.timezone
        minute = outcome.first_minute_s
        rows = [
            ("report_site", escape(f"{outcome.site_name} ({outcome.site_id})")),
            ("report_agent", escape(outcome.agent_id)),
            ("report_enrolled", clock_time(outcome.enrolled_us, zone) if outcome.enrolled_us is not None else "–"),
            ("report_from", clock_time(outcome.began_us, zone)),
            ("report_to", clock_time(outcome.ended_us, zone)),
            (
                "report_first_minute",
                self._word("minute_unknown") if minute is None else self._word("minute_after", seconds=minute),
            ),
            ("report_software", escape(f"{outcome.agent_software}, {outcome.server_software}")),
        ]
        told_rows = "".join(f"<tr><th>{self._word(key)}</th><td>{value}</td></tr>" for key, value in rows)
        how = self._word("report_how_unattended" if outcome.unattended else "report_how_attended")
        return f"<table>{told_rows}</table><p>{how}</p><p>{self._word('report_timezone', timezone=zone)}</p>"

    def _cameras(self) -> str:
        zone = self._outcome.timezone
        head = "".join(
            f"<th>{self._word(key)}</th>"
            for key in ("report_camera", "report_zone", "report_minute", "report_locked_until")
        )
        rows = "".join(
            f"<tr><td>{escape(camera.name)} ({escape(camera.camera_id)})</td><td>{escape(camera.zone_name)}</td>"
            f"<td>{_instant(camera.first_minute_us, zone)}</td><td>{_instant(camera.retain_until_us, zone)}</td></tr>"
            for camera in self._outcome.cameras
        )
        return f"<h2>{self._word('report_cameras')}</h2><table><tr>{head}</tr>{rows}</table>"

    def _steps(self) -> str:
        rows = "".join(self._step(step) for step in self._outcome.steps)
        return f"<h2>{self._word('report_steps')}</h2><table>{rows}</table>"

    def _step(self, step: StepOutcome) -> str:
        seen = "".join(f"<li>{self._sentence(said)}</li>" for said in step.seen)
        advice = "".join(f"<li>{self._sentence(said)}</li>" for said in step.advice)
        todo = f"<p><strong>{self._word('report_do')}</strong></p><ul>{advice}</ul>" if advice else ""
        return (
            f"<tr><th>{self._word(f'step_{step.name}')}</th>"
            f'<td class="{step.status}">{self._word(f"status_{step.status}")}<br>'
            f"<small>{self._word('report_took', seconds=step.seconds)}</small></td><td><ul>{seen}</ul>{todo}</td></tr>"
        )

    def _sentence(self, said: Said) -> str:
        zone = self._outcome.timezone
        return _both(told(self._chinese, said, zone), told(self._english, said, zone))

    def _word(self, key: str, **values: Any) -> str:
        return _both(*(speech.text(f"accept.{key}", **values) for speech in (self._chinese, self._english)))


def _both(chinese: str, english: str) -> str:
    if chinese == english:
        return escape(chinese)
    return f'{escape(chinese)}<span class="en" lang="en">{escape(english)}</span>'


def _instant(at_us: int | None, timezone: str) -> str:
    return "–" if at_us is None else clock_time(at_us, timezone)
