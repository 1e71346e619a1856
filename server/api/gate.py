"""Who asks. Deny by default: a route answers only a known person, unless it is marked ``open_to_all`` (invariant I7).

Pages know a session cookie; the JSON under ``/api/`` takes HTTP Basic as well, for scripts. A password that was right is
remembered for a minute as a keyed digest, because a check costs 150 ms and 64 MiB by design; at most three run at once.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from threading import BoundedSemaphore, Lock
from typing import Annotated, TypeVar, cast

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from config.base.clock import US_PER_S, Clock
from config.base.errors import PermissionDenied, Unavailable
from config.base.roles import Relation
from server.api.actions import action_of
from server.domain.authorisation import Action, reach
from server.services.people.authority_sign_in import BY_AUTHORITY
from server.services.people.devices import KEEP_DAYS
from server.services.people.sign_in import SignIn
from storage.database.scope import Scope

API_PREFIX = "/api/"
DEVICE_COOKIE_S = KEEP_DAYS * 24 * 3_600
BOTH_STEPS = "authority_two"
"""The proof of a session whose second step an authority's own sign-in has seen to."""
REMEMBERED_US = 60 * US_PER_S
REMEMBERED_MAX = 256
CHECKS_AT_ONCE = 3
CHECK_WAIT_S = 3.0
NAME_CHARS_MAX = 64
MARK_CHARS = 64
SCREEN_ONLY = "screen_only"
READ = ["GET", "HEAD"]
"""The methods of every route that only reads, but for event streams: HEAD is GET without its body (RFC 9110, 9.3.2)."""

Endpoint = TypeVar("Endpoint", bound=Callable[..., object])
_open_endpoints: set[object] = set()


class NotSignedIn(PermissionDenied):
    """Nobody is known to ask: sign in first. The one refusal that is a 401."""

    code = "not_signed_in"


class SecondStepMissing(PermissionDenied):
    """The role asks for a second step and the account has none yet: it sees its own account's page and nothing else."""

    code = "second_step_needed"


def open_to_all(endpoint: Endpoint) -> Endpoint:
    """Marks a route that answers without a session. Tests hold the list of them."""
    _open_endpoints.add(endpoint)
    return endpoint


@dataclass(frozen=True)
class LastHere:
    """Who was last signed in in a browser, as its cookie has it. It opens nothing."""

    mark: str = ""
    """Of the account; empty where the browser has none."""
    by_authority: bool = False
    is_known: bool = False
    """This server wrote it: somebody has signed in there."""


class Gate:
    """Finds the person behind a request."""

    def __init__(
        self,
        sign_in: SignIn,
        clock: Clock,
        *,
        secure_cookies: bool,
        second_step_roles: Collection[str] = (),
        secret: bytes | None = None,
    ) -> None:
        """``secret``: of this server, whichever process it is; None where it has none."""
        self._sign_in = sign_in
        self._clock = clock
        self._secure = secure_cookies
        self._second_step_roles = frozenset(second_step_roles)
        # The prefix makes browsers refuse the cookie from a sibling host or without TLS.
        self.cookie_name = "__Host-nightlight" if secure_cookies else "nightlight"
        self._device_cookie = f"{self.cookie_name}-device"
        self._last_cookie = f"{self.cookie_name}-last"
        self._key = secrets.token_bytes(32)
        self._seal_key = hmac.digest(secret or self._key, b"nightlight last account", "sha256")
        self._remembered: OrderedDict[bytes, tuple[int, Scope, str]] = OrderedDict()
        self._lock = Lock()
        self._checks = BoundedSemaphore(CHECKS_AT_ONCE)

    def identify(self, request: Request) -> Scope:
        """Raises NotSignedIn; PermissionDenied or ResourceExhausted where a password is given and refused."""
        token = self.token_of(request)
        found = self._sign_in.resume(token) if token else None
        if found is not None:
            return found
        given = request.headers.get("authorization", "")
        if request.url.path.startswith(API_PREFIX) and given[:6].lower() == "basic ":
            return self._basic(given[6:], source_of(request))
        raise NotSignedIn("sign in first")

    def check_password(self, name: str, password: str, source: str, device: str = "", *, guesses: bool = True) -> Scope:
        """As ``SignIn.check_password``, a few at once. Raises Unavailable where the wait for a place is too long."""
        if not self._checks.acquire(timeout=CHECK_WAIT_S):
            raise Unavailable("too many people sign in at this moment", code="busy")
        try:
            # PostgreSQL takes no NUL in a text, not even to compare with; no account's name holds this mark either.
            known_as = name[:NAME_CHARS_MAX].replace("\0", "\N{REPLACEMENT CHARACTER}")
            return self._sign_in.check_password(known_as, password, source, device, guesses=guesses)
        finally:
            self._checks.release()

    def check_second_step(self, person: Scope, action: Action) -> None:
        """Raises SecondStepMissing, but for what sets one up."""
        if action != Action.ACCOUNT_OWN and self.lacks_second_step(person):
            raise SecondStepMissing("this account needs a second step: set one up on the page /me")

    def lacks_second_step(self, person: Scope) -> bool:
        """Whether the role asks for a second step, the account has none, and none was taken on the way in."""
        if person.role not in self._second_step_roles or person.proof == BOTH_STEPS:
            return False
        return not self._sign_in.second_steps(person.account_name)

    def token_of(self, request: Request) -> str:
        """The session token in the cookie; empty where there is none."""
        return request.cookies.get(self.cookie_name, "")

    def device_of(self, request: Request) -> str:
        """What says that an account has signed in here before; empty where nothing does. It opens nothing."""
        return request.cookies.get(self._device_cookie, "")

    def set_device(self, response: Response, token: str) -> None:
        """Lets the browser be known again."""
        response.set_cookie(
            self._device_cookie,
            token,
            max_age=DEVICE_COOKIE_S,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="strict",
        )

    def last_of(self, request: Request) -> LastHere:
        """Who was last signed in in this browser."""
        mark, way, seal = [*request.cookies.get(self._last_cookie, "").split(".", 2), "", ""][:3]
        is_known = hmac.compare_digest(seal.encode(), self._seal(mark, way).encode())
        return LastHere(mark[:MARK_CHARS], is_known and way == BY_AUTHORITY, is_known)

    def set_last(self, response: Response, mark: str, *, by_authority: bool) -> None:
        """Lets what was left unsent be told from somebody else's, and who signs out late be sent on."""
        way = BY_AUTHORITY if by_authority else ""
        response.set_cookie(
            self._last_cookie,
            f"{mark}.{way}.{self._seal(mark, way)}",
            max_age=DEVICE_COOKIE_S,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="strict",
        )

    def _seal(self, mark: str, way: str) -> str:
        return hmac.digest(self._seal_key, f"{mark}.{way}".encode(), "sha256").hex()

    def set_cookie(self, response: Response, token: str, hours: int) -> None:
        """Hands the session to the browser."""
        response.set_cookie(
            self.cookie_name,
            token,
            max_age=hours * 3_600,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="strict",
        )

    def clear_cookie(self, response: Response) -> None:
        """Takes the session away from the browser."""
        response.delete_cookie(self.cookie_name, path="/", secure=self._secure, httponly=True, samesite="strict")

    def _basic(self, credentials: str, source: str) -> Scope:
        try:
            name, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeError) as error:
            raise NotSignedIn("the Authorization header is not valid HTTP Basic") from error
        digest = hmac.new(self._key, f"{name}\0{password}".encode(), hashlib.sha256).digest()
        now_us = self._clock.monotonic_us()
        with self._lock:
            until_us, scope, was = self._remembered.get(digest, (0, None, ""))
        known_as = name[:NAME_CHARS_MAX].replace("\0", "\N{REPLACEMENT CHARACTER}")
        mark = self._sign_in.password_mark(known_as)  # before the check: what changes meanwhile ends what is remembered
        if scope is not None and now_us < until_us and mark == was and self._sign_in.stands(scope):
            return scope
        # What was right before and stands is no guess: strangers' failures do not keep a script out.
        scope = self.check_password(name, password, source, guesses=scope is None or mark != was)
        if self._sign_in.second_steps(scope.account_name):
            raise NotSignedIn("this account has a second step: a password alone does not open it")
        with self._lock:
            self._remembered[digest] = (now_us + REMEMBERED_US, scope, mark)
            while len(self._remembered) > REMEMBERED_MAX:
                self._remembered.popitem(last=False)
        return scope


def mark_of(account_name: str, device: str) -> str:
    """``device``: the token of ``set_device``, known to that browser alone."""
    return hmac.digest(device.encode(), account_name.encode(), "sha256").hex()


def source_of(request: Request) -> str:
    """The address that failures are counted for."""
    return request.client.host if request.client else "unknown"


def deny_by_default(request: Request) -> None:
    """The dependency of the whole application: nobody passes unknown, except where a route is open to all.

    The action that the route asks for becomes a part of the person's scope, and with it a condition of every query made for
    them. A site that the path names is looked for before anything else of the request is read: somebody else's is answered as one
    that does not exist, whatever else is wrong. What support reads is on the site's record first. Raises NotSignedIn,
    PermissionDenied where their role never allows the action, SecondStepMissing, NotFound.
    """
    if request.scope["endpoint"] in _open_endpoints:
        return
    person: Scope = request.app.state.parts.gate.identify(request)
    request.state.reader = person if not person.only else None  # for the frame of whatever page answers
    action = action_of(request.scope["route"].path, request.method)
    allowed = reach(person.role, action, person.only) if action is not None else frozenset()
    if action is None or not allowed:
        code = SCREEN_ONLY if person.only else "not_allowed"
        raise PermissionDenied("this account, or this session of it, may not do that", code=code)
    parts = request.app.state.parts
    parts.gate.check_second_step(person, action)
    person = replace(person, reach=allowed)
    site = request.path_params.get("site")
    if site is not None:
        parts.reader.check(person, site)
        if Relation.SUPPORT in allowed and site in person.support:
            what = f"{request.method} {request.scope['route'].path}"
            parts.people.support.note(person, site, what, source_of(request))
    request.state.person = person


def _person(request: Request) -> Scope:
    return cast(Scope, request.state.person)


Person = Annotated[Scope, Depends(_person)]
"""The scope of whoever asks; an error in a route that is open to all."""
