"""Draws of inspections: their page, one draw, its list as text, and the same as JSON for scripts."""

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from config.base.errors import Conflict, InvalidInput, NightlightError, NotFound
from server.api.errors import status_of
from server.api.forms import Fields
from server.api.gate import READ, Person
from server.api.parts import parts_of
from server.api.scripts import Body, as_json, decoded
from server.api.tongue import language_of
from server.services.supervision.draw_inspections import DrawOrder
from storage.database.scope import Scope

DIGITS_MAX = 6
router = APIRouter()


class Seed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a draw is drawn by."""

    seed: str


@router.api_route("/draws", methods=READ)
def draws(request: Request, person: Person) -> HTMLResponse:
    """The draws of the person's region, and the form that prepares one."""
    return _list(request, person)


@router.post("/draws")
def prepare(request: Request, person: Person, form: Fields) -> Response:
    """``team``: account names with a comma or a space between."""
    order = DrawOrder(
        form.get("region", "").strip(),
        form.get("seed_source", "").strip(),
        form.get("team", "").replace(",", " ").replace("\N{FULLWIDTH COMMA}", " ").split(),
        *(_number(form.get(name, "")) for name in ("level", "sites", "inspectors")),
    )
    try:
        made = parts_of(request).draws.prepare(person, order)
    except (InvalidInput, NotFound) as error:
        return _list(request, person, error=error, form=form)
    return RedirectResponse(f"/draws/{made}", 303)


@router.api_route("/draws/{draw}", methods=READ)
def one(request: Request, person: Person, draw: str) -> HTMLResponse:
    """One draw."""
    return _one(request, person, draw)


@router.post("/draws/{draw}")
def draw_now(request: Request, person: Person, draw: str, form: Fields) -> Response:
    """Draws, once."""
    try:
        parts_of(request).draws.draw(person, draw, form.get("seed", "").strip())
    except (InvalidInput, Conflict) as error:
        return _one(request, person, draw, error=error)
    return RedirectResponse(f"/draws/{draw}", 303)


@router.api_route("/draws/{draw}/list", methods=READ)
def listed(request: Request, person: Person, draw: str) -> Response:
    """What is drawn from, byte for byte."""
    text = parts_of(request).draws.listed(person, draw)
    disposition = f'attachment; filename="draw-{draw}.txt"'
    return Response(text, media_type="text/plain; charset=utf-8", headers={"Content-Disposition": disposition})


@router.api_route("/api/v1/draws", methods=READ)
def draws_json(request: Request, person: Person) -> Response:
    """A list of DrawView, the newest first."""
    return as_json(parts_of(request).draws.within_reach(person))


@router.post("/api/v1/draws")
def prepare_json(request: Request, person: Person, data: Body) -> Response:
    """A DrawOrder in, the DrawView out."""
    desk = parts_of(request).draws
    return as_json(desk.show(person, desk.prepare(person, decoded(data, DrawOrder))), 201)


@router.api_route("/api/v1/draws/{draw}", methods=READ)
def one_json(request: Request, person: Person, draw: str) -> Response:
    """A DrawView."""
    return as_json(parts_of(request).draws.show(person, draw))


@router.post("/api/v1/draws/{draw}")
def draw_json(request: Request, person: Person, draw: str, data: Body) -> Response:
    """A Seed in, the DrawView out."""
    desk = parts_of(request).draws
    desk.draw(person, draw, decoded(data, Seed).seed)
    return as_json(desk.show(person, draw))


def _list(
    request: Request, person: Scope, *, error: NightlightError | None = None, form: dict[str, str] | None = None
) -> HTMLResponse:
    parts, language = parts_of(request), language_of(request)
    html = parts.draw_pages.draws(
        parts.draws.within_reach(person),
        person,
        language,
        error=error.code if error is not None else "",
        form=form or {},
    )
    return HTMLResponse(html, status_of(error) if error is not None else 200)


def _one(request: Request, person: Scope, draw: str, *, error: NightlightError | None = None) -> HTMLResponse:
    parts, language = parts_of(request), language_of(request)
    code = error.code if error is not None else ""
    html = parts.draw_pages.draw(parts.draws.show(person, draw), person, language, error=code)
    return HTMLResponse(html, status_of(error) if error is not None else 200)


def _number(text: str) -> int:
    """-1, which every rule refuses, for what is no number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX else -1
