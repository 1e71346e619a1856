"""A site's audits: the page, one deep audit watched as it runs, the form that asks for one, and all of it as JSON.

Pages renew themselves by server-sent events as a board does, and by reloading where there is no script.
"""

import hashlib
from collections.abc import Callable
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from config.base.decoding import decode_json
from config.base.errors import Conflict, InvalidInput, NightlightError
from server.api.errors import status_of
from server.api.events import stream_of
from server.api.feed import Fragment
from server.api.forms import Fields
from server.api.gate import READ, Person
from server.api.parts import parts_of
from server.api.tables import table_file
from server.api.tongue import language_of
from storage.database.scope import Scope

router = APIRouter()
Render = Callable[[Scope], str]


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A deep audit that a script asks for; ``repeats_id``: drawn from the population of that one."""

    seed: str
    samples: int
    repeats_id: str | None = None


async def _body(request: Request) -> bytes:
    return await request.body()


@router.api_route("/sites/{site}/audit", methods=READ)
def site_audit(request: Request, person: Person, site: str) -> HTMLResponse:
    """The page of a site's audits."""
    return _site_page(request, person, site)


@router.api_route("/sites/{site}/audit/board", methods=READ)
def site_audit_fragment(request: Request, person: Person, site: str) -> HTMLResponse:
    return _fragment(_site_render(request, site)(person))


@router.get("/sites/{site}/audit/events")
async def site_audit_events(request: Request, person: Person, site: str) -> StreamingResponse:
    return await _stream(request, person, _site_render(request, site))


@router.post("/sites/{site}/audits")
def ask(request: Request, person: Person, site: str, fields: Fields) -> Response:
    """Draws, and shows how it runs."""
    samples = fields.get("samples", "")
    try:
        number = int(samples) if samples.isascii() and samples.isdigit() and len(samples) < 8 else 0
        made = parts_of(request).audits.ask(person, site, fields.get("seed", ""), number, fields.get("repeats") or None)
    except (InvalidInput, Conflict) as error:
        return _site_page(request, person, site, error=error, form=fields)
    return RedirectResponse(f"/sites/{site}/audits/{made}", 303)


@router.api_route("/sites/{site}/audits/{audit}", methods=READ)
def deep_audit(request: Request, person: Person, site: str, audit: str) -> HTMLResponse:
    """The page of one deep audit."""
    parts, language = parts_of(request), language_of(request)
    found = parts.audits.deep(person, site, audit)
    digest = _digest(parts.audit_pages.deep_fragment(found, language))
    return HTMLResponse(parts.audit_pages.deep(found, person, language, digest))


@router.api_route("/sites/{site}/audits/{audit}/file", methods=READ)
def deep_audit_file(
    request: Request,
    person: Person,
    site: str,
    audit: str,
    format: Literal["csv", "xlsx"] = "csv",  # noqa: A002 - the parameter's name
) -> Response:
    """A line a sample."""
    parts = parts_of(request)
    rows = parts.audit_pages.samples(parts.audits.deep(person, site, audit), language_of(request))
    return table_file(rows, "samples", f"{site}-audit-{audit[:8]}", format)


@router.api_route("/sites/{site}/audits/{audit}/board", methods=READ)
def deep_audit_fragment(request: Request, person: Person, site: str, audit: str) -> HTMLResponse:
    return _fragment(_deep_render(request, site, audit)(person))


@router.get("/sites/{site}/audits/{audit}/events")
async def deep_audit_events(request: Request, person: Person, site: str, audit: str) -> StreamingResponse:
    return await _stream(request, person, _deep_render(request, site, audit))


@router.api_route("/api/v1/sites/{site}/audit", methods=READ)
def site_audit_json(request: Request, person: Person, site: str) -> Response:
    """A SiteAudit."""
    return _json(parts_of(request).audits.of_site(person, site))


@router.post("/api/v1/sites/{site}/audits")
def ask_json(request: Request, person: Person, site: str, data: Annotated[bytes, Depends(_body)]) -> Response:
    """An Asked in, the DeepResult so far out."""
    audits = parts_of(request).audits
    try:
        asked = decode_json(data, Asked)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidInput(f"not an audit that can be asked for: {error}") from error
    made = audits.ask(person, site, asked.seed, asked.samples, asked.repeats_id)
    return _json(audits.deep(person, site, made), 201)


@router.api_route("/api/v1/sites/{site}/audits/{audit}", methods=READ)
def deep_audit_json(request: Request, person: Person, site: str, audit: str) -> Response:
    """A DeepResult."""
    return _json(parts_of(request).audits.deep(person, site, audit))


@router.api_route("/api/v1/sites/{site}/audits/{audit}/population", methods=READ)
def population(request: Request, person: Person, site: str, audit: str) -> Response:
    """The lines that the audit was drawn from, byte for byte: their SHA-256 is the audit's."""
    text = parts_of(request).audits.population(person, site, audit)
    return Response(text, media_type="text/plain; charset=utf-8")


def _site_page(
    request: Request,
    person: Scope,
    site: str,
    *,
    error: NightlightError | None = None,
    form: dict[str, str] | None = None,
) -> HTMLResponse:
    parts, language = parts_of(request), language_of(request)
    found = parts.audits.of_site(person, site)
    digest = _digest(parts.audit_pages.site_fragment(found, language))
    code = error.code if error is not None else ""
    html = parts.audit_pages.site(found, person, language, digest, error=code, form=form or {})
    return HTMLResponse(html, status_of(error) if error is not None else 200)


def _site_render(request: Request, site: str) -> Render:
    parts, language = parts_of(request), language_of(request)
    return lambda person: parts.audit_pages.site_fragment(parts.audits.of_site(person, site), language)


def _deep_render(request: Request, site: str, audit: str) -> Render:
    parts, language = parts_of(request), language_of(request)
    return lambda person: parts.audit_pages.deep_fragment(parts.audits.deep(person, site, audit), language)


def _fragment(html: str) -> HTMLResponse:
    return HTMLResponse(html, headers={"ETag": f'"{_digest(html)}"'})


def _digest(html: str) -> str:
    """Of everything but the clock time: a page that only grows older has not changed."""
    lines = [line for line in html.splitlines() if 'class="as-of"' not in line and 'id="as-of"' not in line]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]


async def _stream(request: Request, person: Scope, render: Render) -> StreamingResponse:
    def look(who: Scope) -> Fragment:
        html = render(who)
        return Fragment(html, _digest(html), 0, None)

    return await stream_of(request, person, "", look)


def _json(content: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
