"""The fragment of the page that leads through a site's set-up, shared for a moment by those who may see the same (I7)."""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock

from config.base.clock import Clock
from server.api.feed import FRESH_US, KEPT_MAX, Fragment
from server.services.cameras.setup_progress import SetupProgress
from server.web.setup_pages import SetupPages
from storage.database.scope import Scope


@dataclass(frozen=True)
class SetupFeed:
    """Renders each at most about once a second per scope, site and language."""

    progress: SetupProgress
    pages: SetupPages
    clock: Clock
    _kept: OrderedDict[tuple[Scope, str, str], tuple[int, Fragment]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def fragment(self, scope: Scope, site_id: str, language: str) -> Fragment:
        """As of now. Raises NotFound, PermissionDenied."""
        key, begun_us = (scope, site_id, language), self.clock.monotonic_us()
        with self._lock:
            made_us, kept = self._kept.get(key, (0, None))
        if kept is not None and begun_us - made_us < FRESH_US:
            self.progress.check(scope, site_id)
            return kept
        html = self.pages.setup_fragment(self.progress.of_site(scope, site_id), language)
        digest = hashlib.sha256(html.encode()).hexdigest()[:32]
        made = Fragment(html, digest, self.clock.monotonic_us() - begun_us, None)
        self.forget(key)
        with self._lock:
            self._kept[key] = (begun_us, made)
            while len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)
        return made

    def forget(self, key: tuple[Scope, str, str]) -> None:
        """What was shown a moment ago is not shown again: something was changed."""
        with self._lock:
            self._kept.pop(key, None)
