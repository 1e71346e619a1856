"""The duty room's fragment, shared for a moment by whoever has the same scope, and never by anybody else (I7).

Which sites are within reach is asked for each time it is shown, as is whether an alarm is new: neither waits for the next look
at all cameras.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock

from config.base.clock import Clock
from server.api.feed import Fragment
from server.services.coverage.read_wall import Mark, WallReader
from server.web.wall import WallPages
from storage.database.scope import Scope

FRESH_US = 4_000_000
"""How long one look at all cameras may be shown; alarms are looked for at every tick of a stream, a second."""
SHARE = 10
"""A look that is dear for its number of sites is taken less often: never more than a tenth of a core a screen."""
KEPT_MAX = 64


@dataclass(frozen=True)
class Kept:
    """A rendering, and what was known when it was made."""

    fragment: Fragment
    timezone: str
    alarms: Mark
    made_us: int
    cost_us: int


@dataclass
class WallFeed:
    """Renders, each at most once in some seconds per scope and language while no alarm is new."""

    reader: WallReader
    pages: WallPages
    clock: Clock
    _kept: OrderedDict[tuple[Scope, str], Kept] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def look(self, scope: Scope, language: str) -> Kept:
        """The present."""
        key, begun_us = (scope, language), self.clock.monotonic_us()
        mark = self.reader.mark(scope)
        with self._lock:
            kept = self._kept.get(key)
        if kept and kept.alarms == mark and begun_us - kept.made_us < max(FRESH_US, SHARE * kept.cost_us):
            return kept
        wall = self.reader.now(scope)
        html = self.pages.fragment(wall, language, links=not scope.only)
        # Its cost counts here and not in the stream, which looks for alarms every second.
        fragment = Fragment(html, hashlib.sha256(html.encode()).hexdigest()[:32], 0, None)
        made = Kept(fragment, wall.timezone, mark, begun_us, self.clock.monotonic_us() - begun_us)
        with self._lock:
            self._kept[key] = made
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)
        return made
