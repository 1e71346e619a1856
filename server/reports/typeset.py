"""Sets a report with typst: a template each, everything it says as JSON. No network, no packages.

Source: typst reference (typst.app/docs), PDF/UA-1 (ISO 14289-1) for tagged pages.
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path

import typst

from config.base.clock import to_datetime
from config.base.errors import Unavailable

TEMPLATES = Path(__file__).parent
CHINESE_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "PingFang SC",
    "HarmonyOS Sans SC",
    "Microsoft YaHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "SimHei",
)
"""Families with simplified Chinese, the best first."""


def month_report(told: Mapping[str, object], fonts_dir: str, at_us: int) -> bytes:
    """A site's month: a PDF of what ``month.typ`` names; the same bytes for the same words and instant.

    Raises Unavailable (``no_font``) where this machine has no Chinese font: a report with boxes for words is none.
    """
    return _typeset("month.typ", told, fonts_dir, at_us)


def region_report(told: Mapping[str, object], fonts_dir: str, at_us: int) -> bytes:
    """A region's month: the same of ``region.typ``."""
    return _typeset("region.typ", told, fonts_dir, at_us)


def _typeset(template: str, told: Mapping[str, object], fonts_dir: str, at_us: int) -> bytes:
    known = _fonts(fonts_dir).families()
    fonts = [family for family in CHINESE_FONTS if family in known]
    if not fonts:
        raise Unavailable(
            "this server has no font with Chinese characters: install one (Debian: fonts-noto-cjk), or name a folder"
            " with one in reports.fonts_dir",
            code="no_font",
        )
    return typst.compile(
        str(TEMPLATES / template),
        font_paths=_fonts(fonts_dir),
        sys_inputs={"told": json.dumps({**told, "fonts": fonts[:1]})},
        pdf_standards=["ua-1"],
        timestamp=int((to_datetime(at_us) - to_datetime(0)) / timedelta(seconds=1)),
    )


@cache
def _fonts(fonts_dir: str) -> typst.Fonts:
    return typst.Fonts(font_paths=[fonts_dir] if fonts_dir else [])
