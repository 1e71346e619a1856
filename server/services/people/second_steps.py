"""The second step of signing in: codes of time (TOTP), recovery codes, and what is remembered between the steps.

Invariants: a code of time counts once and only forward; a recovery code counts once; what is remembered between the steps ends
after five minutes, belongs to one purpose, and is used up by the first answer.
Source: RFC 6238, RFC 4226; OWASP ASVS 5.0, 6.5.
"""

import hashlib
import hmac
import secrets

import pyotp
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import delete, func, select

from config.base.clock import US_PER_S, Clock
from config.base.errors import Conflict, IntegrityViolation, PermissionDenied
from server.services.people.failures import Failures
from storage.database.models import HalfSignIn, RecoveryCode, Totp
from storage.database.unit_of_work import Database

STEP_S = 30
STEPS_AROUND = 1
HALF_US = 300 * US_PER_S
CODES = 10
CODE_LETTERS = 24
"""117 random bits: with 112 or more a plain digest is enough to keep them by (OWASP ASVS 5.0, 6.5.2)."""
ISSUER = "Nightlight"
_NONCE_BYTES = 12
_LETTERS = "23456789abcdefghjkmnpqrstvwxyz"


class SecretBox:
    """Keeps second factors' secrets under a key of the server's machine, so that the database alone gives none away."""

    def __init__(self, key: bytes | None) -> None:
        """``key``: any secret bytes; None where the machine has none, then secrets are kept as they are."""
        self._key = hmac.digest(key, b"nightlight second steps", "sha256") if key is not None else None

    def seal(self, account_name: str, secret: bytes) -> bytes:
        if self._key is None:
            return b"\0" + secret
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return b"\1" + nonce + AESGCM(self._key).encrypt(nonce, secret, account_name.encode())

    def open(self, account_name: str, sealed: bytes) -> bytes:
        """Raises IntegrityViolation where it was sealed by another key or for another account."""
        if sealed[:1] == b"\0":
            return sealed[1:]
        if self._key is None:
            raise IntegrityViolation("the key that second factors are kept under is not on this machine")
        nonce, body = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return AESGCM(self._key).decrypt(nonce, body, account_name.encode())
        except InvalidTag as error:
            raise IntegrityViolation("a second factor was sealed by another key, or for another account") from error


class SecondSteps:
    """Thread-safe; one a process."""

    def __init__(self, database: Database, clock: Clock, box: SecretBox) -> None:
        self._database = database
        self._clock = clock
        self._box = box
        self._failures = Failures(database, clock)

    def begin_totp(self, account_name: str) -> tuple[str, str]:
        """A fresh secret and its otpauth address; it counts from its first right code on. Raises Conflict where one counts."""
        secret = pyotp.random_base32()
        with self._database.unit_of_work() as session:
            row = session.get(Totp, account_name, with_for_update=True)
            if row is not None and row.confirmed_us is not None:
                raise Conflict("codes of time are set up already: remove them first", code="totp_there")
            if row is None:
                row = Totp(account_name=account_name)
                session.add(row)
            row.secret = self._box.seal(account_name, secret.encode())
            row.made_us, row.last_step = self._clock.utc_us(), 0
        return secret, pyotp.TOTP(secret).provisioning_uri(name=account_name, issuer_name=ISSUER)

    def confirm_totp(self, account_name: str, code: str, source: str, device: str = "") -> list[str]:
        """From now on it is asked; hands out fresh recovery codes, shown once. Raises PermissionDenied."""
        self._take_totp(account_name, code, source, device, confirming=True)
        return self.fresh_recovery_codes(account_name)

    def remove_totp(self, account_name: str) -> None:
        """Also takes the recovery codes away."""
        with self._database.unit_of_work() as session:
            session.execute(delete(Totp).where(Totp.account_name == account_name))
            session.execute(delete(RecoveryCode).where(RecoveryCode.account_name == account_name))

    def check(self, account_name: str, code: str, source: str, device: str = "") -> str:
        """Takes a code of time or a recovery code, whichever it looks like; ``totp`` or ``recovery``.

        Raises PermissionDenied, ResourceExhausted.
        """
        plain = "".join(code.split()).replace("-", "").lower()
        if plain.isascii() and plain.isdigit() and len(plain) == 6:
            self._take_totp(account_name, plain, source, device, confirming=False)
            return "totp"
        self._failures.check(account_name, source, device)
        now_us = self._clock.utc_us()
        with self._database.unit_of_work() as session:
            row = session.get(RecoveryCode, _digest(account_name, plain), with_for_update=True)
            taken = row is not None and row.used_us is None
            if taken and row is not None:
                row.used_us = now_us
        if not taken:
            self._failures.failed(account_name, source, device)
            raise PermissionDenied("that code is wrong, or was used", code="wrong_code")
        return "recovery"

    def fresh_recovery_codes(self, account_name: str) -> list[str]:
        """Ten codes in place of those before; only their digests are kept."""
        made = ["".join(secrets.choice(_LETTERS) for _ in range(CODE_LETTERS)) for _ in range(CODES)]
        now_us = self._clock.utc_us()
        with self._database.unit_of_work() as session:
            session.execute(delete(RecoveryCode).where(RecoveryCode.account_name == account_name))
            session.add_all(
                RecoveryCode(code_sha256=_digest(account_name, code), account_name=account_name, made_us=now_us)
                for code in made
            )
        return ["-".join(code[at : at + 4] for at in range(0, CODE_LETTERS, 4)) for code in made]

    def recovery_codes_left(self, account_name: str) -> int:
        query = select(func.count()).select_from(RecoveryCode)
        with self._database.reading() as session:
            mine = query.where(RecoveryCode.account_name == account_name, RecoveryCode.used_us.is_(None))
            return session.scalar(mine) or 0

    def remember(self, purpose: str, account_name: str = "", challenge: bytes = b"") -> str:
        """A token for what is between two steps; only its digest is kept."""
        token, now_us = secrets.token_urlsafe(32), self._clock.utc_us()
        with self._database.unit_of_work() as session:
            session.execute(delete(HalfSignIn).where(HalfSignIn.expires_us <= now_us))
            session.add(
                HalfSignIn(
                    token_sha256=_digest(purpose, token),
                    account_name=account_name,
                    purpose=purpose,
                    challenge=challenge,
                    expires_us=now_us + HALF_US,
                )
            )
        return token

    def recall(self, purpose: str, token: str, *, use_up: bool) -> tuple[str, bytes]:
        """Account and challenge. Raises PermissionDenied where there is none, or it is over."""
        with self._database.unit_of_work() as session:
            row = session.get(HalfSignIn, _digest(purpose, token), with_for_update=True)
            if row is None or self._clock.utc_us() >= row.expires_us:
                raise PermissionDenied("this took too long: sign in again", code="step_over")
            found = (row.account_name, row.challenge)
            if use_up:
                session.delete(row)
        return found

    def _take_totp(self, account_name: str, code: str, source: str, device: str, *, confirming: bool) -> None:
        self._failures.check(account_name, source, device)
        now_s = self._clock.utc_us() // US_PER_S
        with self._database.unit_of_work() as session:
            row = session.get(Totp, account_name, with_for_update=True)
            step = None
            if row is not None and (confirming or row.confirmed_us is not None):
                step = _step_of(self._box.open(account_name, row.secret).decode(), code, now_s, row.last_step)
            if row is not None and step is not None:
                row.last_step = step
                if row.confirmed_us is None:
                    row.confirmed_us = self._clock.utc_us()
        if step is None:
            self._failures.failed(account_name, source, device)
            raise PermissionDenied("that code is wrong, or was used", code="wrong_code")


def _step_of(secret: str, code: str, now_s: int, last_step: int) -> int | None:
    """The time step that the code belongs to, where it is later than the last one that was taken."""
    totp = pyotp.TOTP(secret)
    here = now_s // STEP_S
    for step in range(here - STEPS_AROUND, here + STEPS_AROUND + 1):
        if step > last_step and hmac.compare_digest(totp.generate_otp(step), code.strip()):
            return step
    return None


def _digest(whose: str, text: str) -> str:
    return hashlib.sha256(f"{whose}\0{text}".encode()).hexdigest()
