"""Reads the server's own account of today over its API, as any script of an auditor's would.

Invariant: a site's midnight breaks nothing: shortly after it the day before is read as well, and both are one.
"""

import base64
import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from config.base.clock import US_PER_MINUTE
from config.base.errors import Unavailable
from config.base.timespan import SpanSet

ANSWER_WITHIN_S = 10
YESTERDAY_WITHIN_US = 20 * US_PER_MINUTE


@dataclass(frozen=True)
class Gap:
    """A gap as the server tells it; ``end_us`` is None while it lasts."""

    start_us: int
    end_us: int | None
    cause: str
    status: str


@dataclass
class CameraView:
    """One camera of a site."""

    camera_id: str
    name: str
    status: str = ""
    covered: SpanSet = field(default_factory=SpanSet)
    backfilled: SpanSet = field(default_factory=SpanSet)
    gaps: list[Gap] = field(default_factory=list)

    @property
    def longest_covered_us(self) -> int:
        """The longest stretch without a break."""
        return max((span.duration_us for span in self.covered), default=0)

    @property
    def open_gap(self) -> Gap | None:
        """The gap that lasts now."""
        return next((gap for gap in self.gaps if gap.end_us is None), None)


@dataclass(frozen=True)
class SiteView:
    """One site at one moment."""

    now_us: int
    cameras: dict[str, CameraView]


class Watcher:
    """Asks with HTTP Basic."""

    def __init__(self, address: str, name: str, password: str) -> None:
        self._address = address
        self._authorization = "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()

    def site(self, site_id: str) -> SiteView:
        """The site as the server sees it now. Raises Unavailable."""
        today = self._get(f"/api/v1/sites/{site_id}/days/today")
        days = [today]
        if today["now_us"] - today["start_us"] < YESTERDAY_WITHIN_US:
            before = date.fromisoformat(today["day"]) - timedelta(days=1)
            days.insert(0, self._get(f"/api/v1/sites/{site_id}/days/{before.isoformat()}"))
        cameras: dict[str, CameraView] = {}
        for day in days:
            for told in day["cameras"]:
                view = cameras.setdefault(told["camera_id"], CameraView(told["camera_id"], told["name"]))
                view.status = told["verdict"]["status"]
                view.covered |= SpanSet(tuple(span) for span in told["covered"])
                view.backfilled |= SpanSet(tuple(span) for span in told["backfilled"])
                view.gaps += [Gap(gap["start_us"], gap["end_us"], gap["cause"], gap["status"]) for gap in told["gaps"]]
        return SiteView(today["now_us"], cameras)

    def _get(self, path: str) -> Any:
        request = urllib.request.Request(f"{self._address}{path}", headers={"Authorization": self._authorization})
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_WITHIN_S) as answer:
                return json.load(answer)
        except (urllib.error.URLError, TimeoutError, ConnectionError, ValueError) as error:
            raise Unavailable(f"{path}: {error}") from error
