"""Passkeys: a person's device signs a challenge of ours; the server keeps a public key and no secret.

Invariants: a challenge is used once and ends after five minutes; origin and host are those of this server; user verification is
demanded, so that a passkey is both steps at once; a signature counter that does not grow refuses (a copied key).
Source: W3C Web Authentication, Level 3.
"""

import hashlib
import json
import secrets
from dataclasses import dataclass

from sqlalchemy import delete, select
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from config.base.clock import Clock
from config.base.errors import Conflict, InvalidInput, NotFound, PermissionDenied, ResourceExhausted
from server.services.people.second_steps import SecondSteps
from storage.database.models import Account, Passkey
from storage.database.unit_of_work import Database

REGISTER, SIGN_IN = "passkey-new", "passkey"
KEYS_MAX = 20
NAME_CHARS_MAX = 64
ANSWER_CHARS_MAX = 16_384
CHALLENGE_BYTES = 32


@dataclass(frozen=True)
class Site:
    """The server as browsers know it: ``https://nightlight.example`` and its host name."""

    origin: str
    host: str


@dataclass(frozen=True)
class PasskeyView:
    """One key, as its owner sees it."""

    handle: str
    name: str
    made_us: int
    used_us: int | None


class PasskeyDesk:
    """Thread-safe; one a process."""

    def __init__(self, database: Database, clock: Clock, steps: SecondSteps) -> None:
        self._database = database
        self._clock = clock
        self._steps = steps

    def registration_options(self, account_name: str, site: Site) -> tuple[str, str]:
        """What the browser is to be asked (JSON), and the token to come back with."""
        challenge = secrets.token_bytes(CHALLENGE_BYTES)
        with self._database.reading() as session:
            keys = session.scalars(select(Passkey.credential_id).where(Passkey.account_name == account_name)).all()
        if len(keys) >= KEYS_MAX:
            raise ResourceExhausted(f"an account has at most {KEYS_MAX} passkeys", code="too_many_passkeys")
        options = generate_registration_options(
            rp_id=site.host,
            rp_name="Nightlight",
            user_name=account_name,
            user_id=hashlib.sha256(account_name.encode()).digest(),
            challenge=challenge,
            exclude_credentials=[PublicKeyCredentialDescriptor(id=key) for key in keys],
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
        )
        return options_to_json(options), self._steps.remember(REGISTER, account_name, challenge)

    def register(self, account_name: str, token: str, answer: str, name: str, site: Site) -> None:
        """Keeps the key. Raises PermissionDenied, InvalidInput, Conflict where somebody has it already."""
        whose, challenge = self._steps.recall(REGISTER, token, use_up=True)
        if whose != account_name:
            raise PermissionDenied("this took too long: begin again", code="step_over")
        try:
            found = verify_registration_response(
                credential=_parsed(answer),
                expected_challenge=challenge,
                expected_rp_id=site.host,
                expected_origin=site.origin,
                require_user_verification=True,
            )
        except WebAuthnException as error:
            raise PermissionDenied(f"the device's answer does not hold: {error}", code="bad_passkey") from error
        with self._database.unit_of_work() as session:
            key = _digest(found.credential_id)
            if session.get(Passkey, key) is not None:
                raise Conflict("this passkey is known already", code="bad_passkey")
            session.add(
                Passkey(
                    credential_sha256=key,
                    credential_id=found.credential_id,
                    account_name=account_name,
                    public_key=found.credential_public_key,
                    sign_count=found.sign_count,
                    name=name.strip()[:NAME_CHARS_MAX] or "passkey",
                    backed_up=found.credential_backed_up,
                    made_us=self._clock.utc_us(),
                )
            )

    def sign_in_options(self, site: Site) -> tuple[str, str]:
        """The same for signing in; whose it is, the device says."""
        challenge = secrets.token_bytes(CHALLENGE_BYTES)
        options = generate_authentication_options(
            rp_id=site.host, challenge=challenge, user_verification=UserVerificationRequirement.REQUIRED
        )
        return options_to_json(options), self._steps.remember(SIGN_IN, "", challenge)

    def sign_in(self, token: str, answer: str, site: Site) -> str:
        """The account. Raises PermissionDenied."""
        _, challenge = self._steps.recall(SIGN_IN, token, use_up=True)
        given = _parsed(answer)
        with self._database.unit_of_work() as session:
            row = session.get(Passkey, _digest(_credential_id(given)), with_for_update=True)
            account = session.get(Account, row.account_name) if row is not None else None
            if row is None or account is None or account.locked_us is not None:
                raise PermissionDenied("this passkey is not known here", code="bad_passkey")
            try:
                found = verify_authentication_response(
                    credential=given,
                    expected_challenge=challenge,
                    expected_rp_id=site.host,
                    expected_origin=site.origin,
                    credential_public_key=row.public_key,
                    credential_current_sign_count=row.sign_count,
                    require_user_verification=True,
                )
            except WebAuthnException as error:
                raise PermissionDenied(f"the device's answer does not hold: {error}", code="bad_passkey") from error
            row.sign_count, row.used_us = found.new_sign_count, self._clock.utc_us()
            return row.account_name

    def of(self, account_name: str) -> list[PasskeyView]:
        """The account's keys, the oldest first."""
        query = select(Passkey).where(Passkey.account_name == account_name).order_by(Passkey.made_us)
        with self._database.reading() as session:
            rows = session.scalars(query).all()
        return [PasskeyView(row.credential_sha256[:16], row.name, row.made_us, row.used_us) for row in rows]

    def remove(self, account_name: str, handle: str) -> None:
        """Raises NotFound where the account has no such key."""
        mine = delete(Passkey).where(
            Passkey.account_name == account_name, Passkey.credential_sha256.startswith(handle, autoescape=True)
        )
        with self._database.unit_of_work() as session:
            if not handle or not getattr(session.execute(mine), "rowcount", 0):
                raise NotFound("there is no such passkey", code="no_passkey")


def _parsed(answer: str) -> dict[str, object]:
    try:
        found = json.loads(answer) if len(answer) <= ANSWER_CHARS_MAX else None
    except (ValueError, RecursionError) as error:
        raise InvalidInput("not an answer of a passkey", code="bad_passkey") from error
    if not isinstance(found, dict):
        raise InvalidInput("not an answer of a passkey", code="bad_passkey")
    return found


def _credential_id(given: dict[str, object]) -> bytes:
    raw = given.get("rawId")
    try:
        return base64url_to_bytes(raw) if isinstance(raw, str) else b""
    except ValueError as error:
        raise InvalidInput("not an answer of a passkey", code="bad_passkey") from error


def _digest(credential_id: bytes) -> str:
    return hashlib.sha256(credential_id).hexdigest()
