"""A person's own account: password, second steps, passkeys, recovery codes and the devices that are signed in."""

from collections.abc import Sequence

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from config.base.errors import Conflict, InvalidInput, NightlightError, NotFound, PermissionDenied, ResourceExhausted
from server.api.entrance import device_of, site_of
from server.api.errors import status_of
from server.api.forms import Fields
from server.api.gate import READ, Person, SecondStepMissing, source_of
from server.api.parts import parts_of
from server.api.tongue import language_of
from server.web.people_pages import AccountState
from storage.database.scope import Scope

REFUSALS = (PermissionDenied, InvalidInput, Conflict, ResourceExhausted, NotFound)
router = APIRouter(prefix="/me")


@router.api_route("", methods=READ)
def page(request: Request, person: Person) -> Response:
    """Everything of the account that its owner may change."""
    return _page(request, person)


@router.post("/password")
def password(request: Request, person: Person, fields: Fields) -> Response:
    """Every session ends; whoever changed it signs in anew."""
    parts = parts_of(request)
    try:
        parts.sign_in.change_password(
            person.account_name, fields.get("old", ""), fields.get("new", ""), *_caller(request)
        )
    except REFUSALS as error:
        return _page(request, person, error)
    return RedirectResponse("/sign-in", 303)


@router.post("/totp")
def begin_totp(request: Request, person: Person, fields: Fields) -> Response:
    """The secret as a picture and as words, this once."""
    parts = parts_of(request)
    try:
        parts.gate.check_password(person.account_name, fields.get("password", ""), *_caller(request))
        secret, address = parts.people.steps.begin_totp(person.account_name)
    except REFUSALS as error:
        return _page(request, person, error)
    return HTMLResponse(parts.people_pages.totp(secret, address, person, language_of(request)))


@router.post("/totp/confirm")
def confirm_totp(request: Request, person: Person, fields: Fields) -> Response:
    """The first right code; recovery codes, shown once. Other devices are signed out."""
    parts = parts_of(request)
    try:
        codes = parts.people.steps.confirm_totp(person.account_name, fields.get("code", ""), *_caller(request))
    except REFUSALS as error:
        return _page(request, person, error)
    parts.sign_in.end_sessions(person.account_name, but=parts.gate.token_of(request))
    return _page(request, person, codes=codes)


@router.post("/totp/remove")
def remove_totp(request: Request, person: Person, fields: Fields) -> Response:
    """Needs the password: a session alone takes no second step away."""
    parts = parts_of(request)
    try:
        parts.gate.check_password(person.account_name, fields.get("password", ""), *_caller(request))
        parts.people.steps.remove_totp(person.account_name)
    except REFUSALS as error:
        return _page(request, person, error)
    parts.sign_in.end_sessions(person.account_name, but=parts.gate.token_of(request))
    return RedirectResponse("/me", 303)


@router.post("/recovery")
def recovery(request: Request, person: Person, fields: Fields) -> Response:
    """Fresh codes; those before work no more."""
    parts = parts_of(request)
    try:
        parts.gate.check_password(person.account_name, fields.get("password", ""), *_caller(request))
    except REFUSALS as error:
        return _page(request, person, error)
    return _page(request, person, codes=parts.people.steps.fresh_recovery_codes(person.account_name))


@router.post("/sessions/end")
def end_sessions(request: Request, person: Person, fields: Fields) -> Response:
    """One device, or all but this one."""
    parts, handle = parts_of(request), fields.get("session", "")
    mine = parts.gate.token_of(request)
    parts.sign_in.end_sessions(person.account_name, handle=handle, but="" if handle else mine)
    return RedirectResponse("/me", 303)


@router.post("/passkeys/options")
def passkey_options(request: Request, person: Person, fields: Fields) -> Response:
    """What the device is to be asked, as JSON. Needs the password: a session alone makes no key that outlives it."""
    parts = parts_of(request)
    parts.gate.check_password(person.account_name, fields.get("password", ""), *_caller(request))
    options, token = parts.people.passkeys.registration_options(person.account_name, site_of(request))
    return Response(f'{{"token":"{token}","options":{options}}}', media_type="application/json")


@router.post("/passkeys")
def add_passkey(request: Request, person: Person, fields: Fields) -> Response:
    """Keeps a key."""
    parts = parts_of(request)
    name = fields.get("name", "") or device_of(request)
    try:
        parts.people.passkeys.register(
            person.account_name, fields.get("token", ""), fields.get("answer", ""), name, site_of(request)
        )
    except REFUSALS as error:
        return _page(request, person, error)
    return RedirectResponse("/me", 303)


@router.post("/passkeys/remove")
def remove_passkey(request: Request, person: Person, fields: Fields) -> Response:
    """Needs the password, as above."""
    parts = parts_of(request)
    try:
        parts.gate.check_password(person.account_name, fields.get("password", ""), *_caller(request))
        parts.people.passkeys.remove(person.account_name, fields.get("passkey", ""))
    except REFUSALS as error:
        return _page(request, person, error)
    return RedirectResponse("/me", 303)


def _caller(request: Request) -> tuple[str, str]:
    """Where failures are counted: the address, and the browser where the account knows it."""
    return source_of(request), parts_of(request).gate.device_of(request)


def _page(request: Request, person: Scope, error: NightlightError | None = None, codes: Sequence[str] = ()) -> Response:
    parts, name = parts_of(request), person.account_name
    missing = SecondStepMissing("set one up") if parts.gate.lacks_second_step(person) else None
    state = AccountState(
        steps=parts.sign_in.second_steps(name),
        codes_left=parts.people.steps.recovery_codes_left(name),
        passkeys=parts.people.passkeys.of(name),
        sessions=parts.sign_in.sessions(name, parts.gate.token_of(request)),
        events=parts.sign_in.events(name),
    )
    html = parts.people_pages.account(person, language_of(request), error or missing, state=state, codes=codes)
    return HTMLResponse(html, 200 if error is None else status_of(error))
