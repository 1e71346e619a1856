"""Sign-in of authorities through their own identity provider: OpenID Connect, authorization code with PKCE.

    begun = desk.begin("https://watch.example.org/sign-in/authority/back")   # send the browser to begun.address
    found = desk.finish(begun.kept, state, code, redirect)                    # found.account_name, found.both_steps
    desk.leave("https://watch.example.org/sign-in")                           # where to sign out there too
    desk.signed_out_there(logout_token)                                       # somebody did: their sessions here are over

Invariants: who comes back is somebody only where an administrator bound issuer and subject to an account of an authority: none is
made, and no name or address of the provider's counts. State, nonce and code verifier belong to the browser that began, to one
sign-in and to five minutes. The token's signature (asymmetric alone), issuer, audience, nonce and times are checked; that the
provider saw to a second step is believed only of the ``acr`` and ``amr`` values that the settings name.
Source: OpenID Connect Core 1.0, 3.1; OpenID Connect RP-Initiated Logout 1.0, Back-Channel Logout 1.0; RFC 7636; RFC 9207; RFC 9700.
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import BoundedSemaphore, Lock
from urllib.parse import quote_plus, urlencode, urlsplit

import urllib3
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy import delete, select
from urllib3.exceptions import HTTPError

from config.base.clock import US_PER_MINUTE, US_PER_S, Clock
from config.base.errors import ConfigurationError, Conflict, InvalidInput, NotFound, PermissionDenied, Unavailable
from config.base.ids import SERVER_ADMIN, is_slug
from config.base.logs import get_logger
from config.base.roles import REGION_ROLES
from config.settings.loader import read_secret
from config.settings.server import OidcSettings
from server.services.people.second_steps import SecondSteps
from storage.database import account_events
from storage.database.models import Account, AccountIdentity, HalfSignIn, LoginSession
from storage.database.unit_of_work import Database

PURPOSE = "authority"
BY_AUTHORITY = "authority"
"""What the proof of a session begins with that was opened through the provider, and what is remembered before its second step."""
SIGNED_OUT = "http://schemas.openid.net/event/backchannel-logout"
DISCOVERY = "/.well-known/openid-configuration"
ALGORITHMS = ["RS256", "PS256", "ES256", "ES384", "EdDSA", "Ed25519"]
ANSWER_BYTES_MAX = 256 * 1024
TIMEOUT_S = 8.0
KEPT_US = 60 * US_PER_MINUTE
KEYS_AGAIN_US = US_PER_MINUTE
AT_ONCE = 3
AWAY_US = 10 * US_PER_S
"""A provider that did not answer is not asked again for so long: it holds up nobody who signs in another way."""
LEEWAY_S = 60
AGE_S_MAX = 600
CODE_CHARS_MAX = 2_048
SUBJECT_CHARS_MAX = 255
log = get_logger("people")


@dataclass(frozen=True)
class Begun:
    """``address``: where the browser goes; ``kept``: what it keeps in a cookie until it is back."""

    address: str
    kept: str


@dataclass(frozen=True)
class Known:
    """Whose account it is; ``both_steps``: the provider saw to a second step, and is believed."""

    account_name: str
    both_steps: bool


@dataclass
class AuthoritySignIn:
    """Thread-safe; one a process. ``settings.issuer`` empty: nobody signs in this way."""

    settings: OidcSettings
    database: Database
    clock: Clock
    steps: SecondSteps
    _secret: str = field(default="", repr=False)
    _lock: Lock = field(default_factory=Lock)
    _places: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(AT_ONCE))
    _away_until_us: int = 0
    _facts: Mapping[str, object] = field(default_factory=dict)
    _keys: KeySet | None = None
    _facts_us: int = 0
    _keys_us: int = 0

    def __post_init__(self) -> None:
        """Raises ConfigurationError."""
        self.http = urllib3.PoolManager(num_pools=2, retries=False)
        if not self.is_on:
            return
        if not _is_safe(self.settings.issuer) or not self.settings.client_id:
            told = "[oidc] issuer is an https:// address, and client_id what the provider calls this server"
            raise ConfigurationError(told)
        if self.settings.client_secret_file:
            self._secret = read_secret(self.settings.client_secret_file, "[oidc] client_secret_file")

    @property
    def is_on(self) -> bool:
        return bool(self.settings.issuer)

    def label(self, language: str) -> str:
        """What stands on the button; empty where nobody signs in this way."""
        if not self.is_on:
            return ""
        return self.settings.label_zh if language.startswith("zh") else self.settings.label_en

    def begin(self, redirect: str) -> Begun:
        """Raises NotFound where it is off, Unavailable where the provider does not answer."""
        address = self._endpoint("authorization_endpoint")
        kept = secrets.token_urlsafe(32)
        state = self.steps.remember(PURPOSE, challenge=hashlib.sha256(kept.encode()).digest())
        asked = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": redirect,
            "scope": "openid",
            "state": state,
            "nonce": _derived(kept, state, "nonce"),
            "code_challenge": _plain(hashlib.sha256(_derived(kept, state, "verifier").encode()).digest()),
            "code_challenge_method": "S256",
        }
        if self.settings.second_step_acr:
            asked["acr_values"] = " ".join(self.settings.second_step_acr)
        return Begun(f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}", kept)

    def finish(self, kept: str, state: str, code: str, redirect: str, issuer: str = "") -> Known:
        """Raises PermissionDenied (``step_over``, ``authority_refused``, ``authority_unknown``), NotFound, Unavailable.

        ``issuer``: what the answer itself says of where it comes from, where it does (RFC 9207).
        """
        _, owner = self.steps.recall(PURPOSE, state, use_up=True)
        if not hmac.compare_digest(owner, hashlib.sha256(kept.encode()).digest()):
            raise PermissionDenied("this sign-in was begun elsewhere", code="step_over")
        if (issuer and issuer != self.settings.issuer) or not 0 < len(code) <= CODE_CHARS_MAX:
            raise PermissionDenied("the answer is not the provider's", code="authority_refused")
        told = self._exchange(code, redirect, _derived(kept, state, "verifier"))
        claims = self._claims(told.get("id_token"), _derived(kept, state, "nonce"))
        return self._known(str(claims["sub"]), claims)

    def leave(self, back: str) -> str:
        """Where a browser signs out at the provider, which sends it ``back``; empty where it has no such place or is away.

        By the client's id: no token is kept for it, so a provider may ask once more whether this is meant.
        """
        try:
            address = self._endpoint("end_session_endpoint")
        except (NotFound, Unavailable):
            return ""
        asked = {"client_id": self.settings.client_id, "post_logout_redirect_uri": back}
        return f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}"

    def signed_out_there(self, token: str) -> int:
        """By the provider itself (``token``: a logout token): ends what was opened through it for its subject; how many sessions.

        A screen stays open: it was left so on purpose, and signed out there at once. Nothing here knows of the provider's own
        sessions (``sid``), so that all of a person's end. A token that comes twice ends nothing twice. Raises PermissionDenied
        (``authority_refused``), NotFound, Unavailable.
        """
        claims = self._checked(token, events={"essential": True}, sub={"essential": True})
        events, subject = claims["events"], str(claims["sub"])
        if not isinstance(events, dict) or not isinstance(events.get(SIGNED_OUT), dict) or "nonce" in claims:
            raise PermissionDenied("that is no logout token", code="authority_refused")
        with self.database.unit_of_work() as session:
            row = session.get(AccountIdentity, (self.settings.issuer, subject)) if "\0" not in subject else None
            if row is None:
                return 0
            opened = delete(LoginSession).where(
                LoginSession.account_name == row.account_name,
                LoginSession.proof.startswith(BY_AUTHORITY),
                LoginSession.only == "",
            )
            ended = int(getattr(session.execute(opened), "rowcount", 0))
            session.execute(
                delete(HalfSignIn).where(
                    HalfSignIn.account_name == row.account_name, HalfSignIn.challenge == BY_AUTHORITY.encode()
                )
            )
        log.info("authority_signed_out", sessions=ended)
        return ended

    def bind(self, account_name: str, subject: str) -> None:
        """By who runs the server. Raises NotFound, InvalidInput (``not_authority``), Conflict."""
        if not self.is_on:
            raise ConfigurationError("[oidc] issuer is empty: set the provider up first")
        if not 0 < len(subject) <= SUBJECT_CHARS_MAX or not subject.isprintable():
            raise InvalidInput(f"a subject has 1 to {SUBJECT_CHARS_MAX} characters")
        now_us = self.clock.utc_us()
        with self.database.unit_of_work() as session:
            account = session.get(Account, account_name) if is_slug(account_name) else None
            if account is None:
                raise NotFound(f"no account {account_name}")
            if account.role not in REGION_ROLES:
                raise InvalidInput("only accounts of authorities sign in this way", code="not_authority")
            if session.get(AccountIdentity, (self.settings.issuer, subject)) is not None:
                raise Conflict("this subject is bound already: unbind it first")
            session.add(
                AccountIdentity(
                    issuer=self.settings.issuer, subject=subject, account_name=account_name, bound_us=now_us
                )
            )
            account_events.add(session, account_name, account_events.BOUND, SERVER_ADMIN, now_us)

    def unbind(self, account_name: str) -> int:
        """How many identities the account had. What is open by them is over: its sessions, and sign-ins half done."""
        now_us = self.clock.utc_us()
        with self.database.unit_of_work() as session:
            query = select(AccountIdentity).where(AccountIdentity.account_name == account_name)
            rows = list(session.scalars(query))
            for row in rows:
                session.delete(row)
            if rows:
                for table in (LoginSession, HalfSignIn):
                    session.execute(delete(table).where(table.account_name == account_name))
                account_events.add(session, account_name, account_events.UNBOUND, SERVER_ADMIN, now_us)
        return len(rows)

    def _known(self, subject: str, claims: Mapping[str, object]) -> Known:
        with self.database.unit_of_work() as session:
            row = session.get(AccountIdentity, (self.settings.issuer, subject)) if "\0" not in subject else None
            account = session.get(Account, row.account_name) if row is not None else None
            if row is None or account is None or account.locked_us is not None or account.role not in REGION_ROLES:
                raise PermissionDenied("nobody here is bound to this identity", code="authority_unknown")
            row.used_us = self.clock.utc_us()
            return Known(account.name, self._saw_both_steps(claims))

    def _saw_both_steps(self, claims: Mapping[str, object]) -> bool:
        methods = claims.get("amr")
        by_methods = isinstance(methods, list) and any(one in self.settings.second_step_amr for one in methods)
        return by_methods or claims.get("acr") in self.settings.second_step_acr

    def _exchange(self, code: str, redirect: str, verifier: str) -> Mapping[str, object]:
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "client_id": self.settings.client_id,
            "code_verifier": verifier,
        }
        ways = self._facts.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
        if self._secret and isinstance(ways, list) and "client_secret_basic" not in ways:
            fields["client_secret"] = self._secret
        elif self._secret:
            # RFC 6749, 2.3.1: both are form-encoded first.
            both = f"{quote_plus(self.settings.client_id)}:{quote_plus(self._secret)}"
            headers |= urllib3.make_headers(basic_auth=both)
        status, told = self._ask("POST", self._endpoint("token_endpoint"), urlencode(fields), headers)
        if status != 200:
            log.warning("authority_refused", status=status)
            raise PermissionDenied("the provider did not take its own code", code="authority_refused")
        return told

    def _claims(self, token: object, nonce: str) -> Mapping[str, object]:
        """Of an identity token that holds in every respect. Raises PermissionDenied."""
        return self._checked(
            token, nonce={"essential": True, "value": nonce}, sub={"essential": True}, exp={"essential": True}
        )

    def _checked(self, token: object, **more: jwt.ClaimsOption) -> Mapping[str, object]:
        """The claims of a fresh token of the provider's for this server alone; ``more``: what else it has to say."""
        now_s = self.clock.utc_us() // US_PER_S
        wanted = jwt.JWTClaimsRegistry(
            now=now_s,
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self.settings.issuer},
            aud={"essential": True, "value": self.settings.client_id},
            iat={"essential": True},
            **more,
        )
        try:
            claims = self._verified(str(token)).claims
            wanted.validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            log.warning("authority_token_refused", why=type(error).__name__)
            raise PermissionDenied("the provider's token does not hold", code="authority_refused") from error
        meant = claims.get("azp", self.settings.client_id) == self.settings.client_id
        alone = claims["aud"] in (self.settings.client_id, [self.settings.client_id])
        fresh = now_s - int(claims["iat"]) <= AGE_S_MAX
        if not meant or not (alone or "azp" in claims) or not fresh or len(str(claims["sub"])) > SUBJECT_CHARS_MAX:
            raise PermissionDenied("the provider's token is not for this server", code="authority_refused")
        return claims

    def _verified(self, token: str) -> jwt.Token:
        """Raises JoseError, ValueError. A key that is not known is looked for once more, at most once a minute."""
        try:
            return jwt.decode(token, self._key_set(), algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            if self.clock.monotonic_us() - self._keys_us < KEYS_AGAIN_US:
                raise
            self._keys = None
            return jwt.decode(token, self._key_set(), algorithms=ALGORITHMS)

    def _key_set(self) -> KeySet:
        now_us, keys = self.clock.monotonic_us(), self._keys
        if keys is None or now_us - self._keys_us > KEPT_US:
            try:
                keys = KeySet.import_key_set(self._get(self._endpoint("jwks_uri")))  # type: ignore[arg-type]
            except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
                raise Unavailable("the provider's keys cannot be read", code="authority_away") from error
            with self._lock:
                self._keys, self._keys_us = keys, now_us
        return keys

    def _endpoint(self, name: str) -> str:
        """Raises NotFound, Unavailable."""
        if not self.is_on:
            raise NotFound("nobody signs in this way")
        now_us, facts = self.clock.monotonic_us(), self._facts
        if not facts or now_us - self._facts_us > KEPT_US:
            facts = self._get(self.settings.issuer.rstrip("/") + DISCOVERY)
            if facts.get("issuer") != self.settings.issuer:
                raise Unavailable("the provider says that it is another: check [oidc] issuer", code="authority_away")
            with self._lock:
                self._facts, self._facts_us = facts, now_us
        address = facts.get(name)
        if not isinstance(address, str) or not _is_safe(address):
            raise Unavailable(f"the provider names no safe {name}", code="authority_away")
        return address

    def _get(self, address: str) -> Mapping[str, object]:
        status, told = self._ask("GET", address, "", {"Accept": "application/json"})
        if status != 200:
            raise Unavailable(f"the provider answered {status}", code="authority_away")
        return told

    def _ask(
        self, method: str, address: str, body: str, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, object]]:
        """Status and members of the answer, none where it is no object. No redirect is followed."""
        away = Unavailable("the provider does not answer", code="authority_away")
        if self.clock.monotonic_us() < self._away_until_us or not self._places.acquire(blocking=False):
            raise away
        try:
            answer = self.http.request(
                method, address, body=body or None, headers=headers, redirect=False, preload_content=False,
                timeout=urllib3.Timeout(total=TIMEOUT_S),
            )  # fmt: skip
            raw = answer.read(ANSWER_BYTES_MAX + 1, decode_content=True)
            answer.close()
        except HTTPError as error:
            self._away_until_us = self.clock.monotonic_us() + AWAY_US
            log.warning("authority_away", why=type(error).__name__)
            raise away from error
        finally:
            self._places.release()
        try:
            told = json.loads(raw) if len(raw) <= ANSWER_BYTES_MAX else None
        except (ValueError, RecursionError):
            told = None
        return answer.status, told if isinstance(told, dict) else {}


def _is_safe(address: str) -> bool:
    """HTTPS, or this machine's own loopback, without a name or password in it."""
    parts = urlsplit(address)
    loopback = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
    return (parts.scheme == "https" or loopback) and bool(parts.hostname) and parts.username is None


def _derived(kept: str, state: str, what: str) -> str:
    """Known to the browser that began alone, and of no use for anything else."""
    return _plain(hmac.digest(kept.encode(), f"{what}\0{state}".encode(), "sha256"))


def _plain(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
