"""The page within an evidence package that people read: both languages on one sheet, no script, no other file."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from config.base.clock import US_PER_S, to_datetime
from config.evidence.causes import cause as said_cause
from config.evidence.package import CoverageStatement, Index
from server.web.languages import load_languages
from server.web.wording import CAUSE


class EvidenceReport:
    """Renders ``report.html``."""

    def __init__(self) -> None:
        environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "sheets"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
        )
        self._template = environment.get_template("evidence.html")
        self._languages = load_languages()

    def render(self, index: Index, statement: CoverageStatement) -> bytes:
        zone = ZoneInfo(index.timezone)
        covered_us = sum(end_us - start_us for start_us, end_us in statement.covered)
        missing_us = sum(gap.end_us - gap.start_us for gap in statement.gaps)
        expected_us = covered_us + missing_us
        share = f"（{100 * covered_us / expected_us:.3f} %）" if expected_us else ""
        facts = [
            ("园所", "Site", index.site_id),
            ("摄像头", "Camera", index.camera_id),
            ("时段", "Period", f"{_at(index.start_us, zone)} – {_at(index.end_us, zone)}"),
            ("已覆盖", "Covered", f"{_length(covered_us)} / {_length(expected_us)}{share}"),
            ("其中补传", "Of which backfilled", _length(sum(end - start for start, end in statement.backfilled))),
            ("保存天数", "Kept for days", statement.retain_days),
            ("判定时间", "Assessed", _at(statement.assessed_us, zone)),
            ("导出", "Exported", f"{_at(index.made_us, zone)} {index.made_by}"),
            ("事由", "Reason", index.reason),
        ]
        gaps = [
            {
                "start": _at(gap.start_us, zone),
                "end": _at(gap.end_us, zone),
                "length": _length(gap.end_us - gap.start_us),
                "zh": self._cause(gap.cause, "zh-CN"),
                "en": self._cause(gap.cause, "en"),
            }
            for gap in statement.gaps
        ]
        return self._template.render(index=index, facts=facts, gaps=gaps).encode()

    def _cause(self, cause: str, tag: str) -> str:
        if cause in CAUSE:
            return self._languages[tag].text(CAUSE[cause])
        return said_cause(cause, "zh" if tag == "zh-CN" else "en")


def _at(instant_us: int, zone: ZoneInfo) -> str:
    moment: datetime = to_datetime(instant_us).astimezone(zone)
    return moment.isoformat(sep=" ", timespec="seconds")


def _length(span_us: int) -> str:
    seconds = round(span_us / US_PER_S)
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
