"""A form that came after its session had ended, or while the server was away: kept for half an hour, and shown again.

Invariants: only what came from our own pages is kept (the shield has looked at its origin before); nothing is sent by itself,
a person presses the button; no field that holds a password or a code, and nothing of an account's own page; in memory alone,
bounded in number, in size and by browser (I10), and what comes from browsers in which nobody has signed in, an address a source,
takes no room from the others; where the browser still knows whose session it was, that account alone sees it,
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
from server.api.gate import Gate, source_of

COOKIE = "nightlight-kept"
KEPT_US = 30 * US_PER_MINUTE
FORMS_MAX = 2_048
FORMS_A_SOURCE_MAX = 8
BYTES_MAX = 64 * 1024
BYTES_ALL_MAX = 16 * 1024 * 1024
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
    """The browser where somebody has signed in in it, else the address."""
    until_us: int
    size_bytes: int
    is_known: bool
    whose: str = ""
    """The mark of the account that was last signed in there; empty where the browser has none."""
    account: str = ""
    """The one who has seen it since."""

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

    def keep(self, path: str, body: bytes, source: str, whose: str = "", *, is_known: bool = False) -> str:
        """A token for what was sent; empty where it is nothing that is kept, or there is no room.

        ``is_known``: somebody has signed in in the browser that ``whose`` tells of; else it goes by ``source``, an address.
        """
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
        until_us, by = self.clock.utc_us() + KEPT_US, whose if is_known else source
        form = KeptForm(path, wanted, by, until_us, len(body), is_known=is_known, whose=whose)
        token = secrets.token_urlsafe(24)
        with self._lock:
            return token if self._put(token, form) else ""

    def _put(self, token: str, form: KeptForm) -> bool:
        """Whether there was room, or could be made."""
        now_us = form.until_us - KEPT_US
        for old in [name for name, one in self._forms.items() if one.until_us <= now_us]:
            del self._forms[old]
        mine = [name for name, one in self._forms.items() if one.source == form.source]
        for old in mine[: max(0, len(mine) - FORMS_A_SOURCE_MAX + 1)]:
            del self._forms[old]
        strangers = [name for name, one in self._forms.items() if not one.is_known]
        held = sum(one.size_bytes for one in self._forms.values())
        while len(self._forms) >= FORMS_MAX or held + form.size_bytes > BYTES_ALL_MAX:
            if not strangers and not form.is_known:
                return False
            held -= self._forms.pop(strangers.pop(0) if strangers else next(iter(self._forms))).size_bytes
        self._forms[token] = form
        return True

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


def keep_form(request: Request, forms: KeptForms, gate: Gate) -> str:
    """A token for the form that was sent; empty where nothing is kept."""
    if request.method != "POST" or request.headers.get("content-type", "").split(";")[0] != FORM_TYPE:
        return ""
    query, last = f"?{request.url.query}" if request.url.query else "", gate.last_of(request)
    body: bytes = request.scope.get(BODY, b"")
    return forms.keep(request.url.path + query, body, source_of(request), last.mark, is_known=last.is_known)


def remember(response: Response, token: str, *, secure: bool) -> None:
    """Lets the browser find at ``/kept`` what was kept."""
    response.set_cookie(
        COOKIE, token, max_age=KEPT_US // 1_000_000, path="/kept", secure=secure, httponly=True, samesite="strict"
    )
