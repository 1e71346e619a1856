"""A form that came after its session had ended, or while the server was away: kept for half an hour, and shown again.

Invariants: only what came from our own pages is kept (the shield has looked at its origin before); nothing is sent by itself,
a person presses the button; no field that holds a password or a code, and nothing of an account's own page; in memory alone,
bounded in number, in size and by source (I10); where the browser still knows whose session it was, that account alone sees it,
else the first one that signs in there is the only one. Whether that account may do
what the form asks for is decided where the form goes, as always.

Source: OWASP CSRF Prevention; RFC 6265bis (cookies with a prefix, SameSite).
"""

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from threading import Lock
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from config.base.clock import US_PER_MINUTE, Clock
from config.base.ids import is_slug
from server.api.forms import FIELDS_MAX
from server.api.gate import source_of

COOKIE = "nightlight-kept"
KEPT_US = 30 * US_PER_MINUTE
FORMS_MAX = 256
FORMS_A_SOURCE_MAX = 8
BYTES_MAX = 64 * 1024
BODY = "nightlight.body"
"""Where the shield leaves a request's body for whoever answers for it."""
FORM_TYPE = "application/x-www-form-urlencoded"
NEVER_KEPT = ("/me", "/sign-in", "/sign-out", "/join", "/forgot", "/reset", "/api/", "/agent/", "/kept")
SECRETS = frozenset({"password", "old", "new", "again", "code", "token", "secret", "step"})
"""Fields that are never kept, by name; an ``answer`` is what somebody wrote to a complaint."""


@dataclass(frozen=True)
class KeptForm:
    """Where it was to go, and what it said, in its order."""

    path: str
    fields: tuple[tuple[str, str], ...]
    source: str
    until_us: int
    account: str = ""
    """The one who has seen it since."""
    whose: str = ""
    """The mark of the account that was last signed in there; empty where the browser has none."""

    @property
    def told(self) -> list[str]:
        """What a person typed, for them to know it again: ids, choices and bare numbers are left out."""
        return [value for _, value in self.fields if any(map(str.isalpha, value)) and not is_slug(value)]


@dataclass(frozen=True)
class KeptForms:
    """Thread-safe; one a process."""

    clock: Clock
    _forms: OrderedDict[str, KeptForm] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def keep(self, path: str, body: bytes, source: str, whose: str = "") -> str:
        """A token for what was sent; empty where it is nothing that is kept."""
        elsewhere = path.startswith("//") or "\\" in path
        if elsewhere or len(body) > BYTES_MAX or path.startswith(NEVER_KEPT):
            return ""
        try:
            fields = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FIELDS_MAX)
        except ValueError:
            return ""
        if not fields:
            return ""
        wanted = tuple(
            (name, value.replace("\0", "\N{REPLACEMENT CHARACTER}")) for name, value in fields if name not in SECRETS
        )
        token, now_us = secrets.token_urlsafe(24), self.clock.utc_us()
        with self._lock:
            for old in [name for name, form in self._forms.items() if form.until_us <= now_us]:
                del self._forms[old]
            mine = [name for name, form in self._forms.items() if form.source == source]
            for old in mine[: max(0, len(mine) - FORMS_A_SOURCE_MAX + 1)]:
                del self._forms[old]
            while len(self._forms) >= FORMS_MAX:
                self._forms.popitem(last=False)
            self._forms[token] = KeptForm(path, wanted, source, now_us + KEPT_US, whose=whose)
        return token

    def show(self, token: str, account: str, whose: str = "") -> KeptForm | None:
        """What was kept, for the account whose it is, or the first that asks for it, and for no other."""
        with self._lock:
            form = self._forms.get(token)
            if form is None or form.until_us <= self.clock.utc_us() or form.account not in {"", account}:
                return None
            if form.whose not in {"", whose}:
                return None
            self._forms[token] = replace(form, account=account)
            return form

    def forget(self, token: str) -> None:
        """It is shown no more."""
        with self._lock:
            self._forms.pop(token, None)


def keep_form(request: Request, forms: KeptForms, whose: str) -> str:
    """A token for the form that was sent; empty where nothing is kept. ``whose``: as the browser knows it."""
    if request.method != "POST" or request.headers.get("content-type", "").split(";")[0] != FORM_TYPE:
        return ""
    query = f"?{request.url.query}" if request.url.query else ""
    return forms.keep(request.url.path + query, request.scope.get(BODY, b""), source_of(request), whose)


def remember(response: Response, token: str, *, secure: bool) -> None:
    """Lets the browser find at ``/kept`` what was kept."""
    response.set_cookie(
        COOKIE, token, max_age=KEPT_US // 1_000_000, path="/kept", secure=secure, httponly=True, samesite="strict"
    )
