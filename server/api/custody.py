"""Holds, deletions and exports: the page of a site, its forms, and the same as JSON for scripts.

The forms are guarded as all forms are: the shield lets nothing change that does not come from our own pages. A form
that cannot be done comes back as it was filled in, with what to change.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated, TypeVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from config.base.clock import from_datetime
from config.base.decoding import decode_json
from config.base.errors import Conflict, InvalidInput, NightlightError, PermissionDenied, ResourceExhausted
from config.base.timespan import Span
from config.wire.fields import Detail, Micros, Slug
from server.api.cutting import while_allowed
from server.api.errors import status_of
from server.api.forms import Fields
from server.api.gate import READ, Person, source_of
from server.api.parts import parts_of
from server.api.tongue import language_of
from server.services.evidence.stream_export import PackageStream, order_of
from server.web.custody import LastForm

COUNT_DIGITS_MAX = 15
router = APIRouter()
Order = TypeVar("Order")


class HoldOrder(msgspec.Struct, frozen=True):
    """What a script asks to be held; ``camera_id`` null is every camera of the site."""

    start_us: Micros
    end_us: Micros
    reason: Detail
    owner: Slug
    review_us: Micros
    camera_id: Slug | None = None


class ReviewOrder(msgspec.Struct, frozen=True):
    """Until when a hold stays before somebody looks at it again."""

    review_us: Micros


class Figures(msgspec.Struct, frozen=True):
    """What a person confirms of a large deletion."""

    versions: int
    of_versions: int


class ExportOrder(msgspec.Struct, frozen=True):
    """What a script asks for."""

    start_us: Micros
    end_us: Micros
    reason: Detail


class PackageResponse(StreamingResponse):
    """Sends a package and ends its making, also where the reader goes away."""

    def __init__(self, stream: PackageStream, pieces: Iterator[bytes]) -> None:
        disposition = f'attachment; filename="{stream.file_name}"'
        super().__init__(pieces, media_type="application/zip", headers={"Content-Disposition": disposition})
        self._stream = stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._stream.close()


async def _body(request: Request) -> bytes:
    return await request.body()


Body = Annotated[bytes, Depends(_body)]


@router.api_route("/sites/{site}/custody", methods=READ)
def page(request: Request, person: Person, site: str) -> HTMLResponse:
    """The page; ``said`` and ``gone`` tell what the form before has done."""
    return _page(request, person, site)


@router.post("/sites/{site}/holds")
def place(request: Request, person: Person, site: str, form: Fields) -> Response:
    """``target``: ``camera:ID``, ``site`` or ``all``; times are the site's own."""

    def do() -> dict[str, str]:
        zone = _zone(request, person, site)
        kind, _, camera_id = form.get("target", "").partition(":")
        placed = parts_of(request).custody.place(
            person,
            None if kind == "all" else site,
            camera_id or None,
            local_span(form, zone),
            form.get("reason", ""),
            owner=form.get("owner", "").strip() or person.account_name,
            review_us=date_us(form.get("review", ""), zone),
        )
        return {"said": "placed", "gone": str(placed.already_gone)}

    return _acted(request, person, site, "hold", form, do)


@router.post("/sites/{site}/holds/{hold}/lift-request")
def request_lift(request: Request, person: Person, site: str, hold: str) -> Response:
    """The first of two persons."""

    def do() -> dict[str, str]:
        parts_of(request).custody.request_lift(person, site, hold)
        return {"said": "lift_requested"}

    return _acted(request, person, site, "holds", {}, do)


@router.post("/sites/{site}/holds/{hold}/lift")
def lift(request: Request, person: Person, site: str, hold: str) -> Response:
    """The second of two persons."""

    def do() -> dict[str, str]:
        parts_of(request).custody.confirm_lift(person, site, hold)
        return {"said": "lifted"}

    return _acted(request, person, site, "holds", {}, do)


@router.post("/sites/{site}/holds/{hold}/review")
def review(request: Request, person: Person, site: str, hold: str, form: Fields) -> Response:
    """Somebody looked at it, and it stays."""

    def do() -> dict[str, str]:
        review_us = date_us(form.get("review", ""), _zone(request, person, site))
        parts_of(request).custody.review(person, site, hold, review_us)
        return {"said": "reviewed"}

    return _acted(request, person, site, "holds", {}, do)


@router.post("/sites/{site}/deletion")
def confirm(request: Request, person: Person, site: str, form: Fields) -> Response:
    """A person allows a large deletion, and has typed how many versions that is."""

    def do() -> dict[str, str]:
        figures = [_count(form.get(name, "")) for name in ("versions", "of_versions")]
        parts_of(request).custody.confirm_deletion(person, *figures)
        return {"said": "confirmed"}

    return _acted(request, person, site, "deletion", {}, do)


@router.post("/sites/{site}/exports")
def export(request: Request, person: Person, site: str, form: Fields) -> Response:
    """The package itself, as it is being made."""
    try:
        span = local_span(form, _zone(request, person, site))
        return _package(request, person, site, form.get("camera", ""), span, form.get("reason", ""))
    except (InvalidInput, ResourceExhausted) as error:
        return _page(request, person, site, "export", form, error)


@router.api_route("/sites/{site}/deletions/{certificate}", methods=READ)
def certificate_file(request: Request, person: Person, site: str, certificate: int) -> Response:
    """A deletion certificate to be kept."""
    answer = certificate_data(request, person, site, certificate)
    answer.headers["Content-Disposition"] = f'attachment; filename="deletion-{site}-{certificate}.json"'
    return answer


@router.api_route("/api/v1/holds", methods=READ)
def all_holds_data(request: Request, person: Person) -> Response:
    """A list of HoldView, of every site within reach."""
    return _json(parts_of(request).custody.holds_in_reach(person))


@router.api_route("/api/v1/sites/{site}/custody", methods=READ)
def site_data(request: Request, person: Person, site: str) -> Response:
    """A SiteCustody."""
    return _json(parts_of(request).custody.of_site(person, site))


@router.post("/api/v1/sites/{site}/holds")
def place_data(request: Request, person: Person, site: str, data: Body) -> Response:
    """A HoldOrder in, a PlacedView out."""
    order = _decoded(data, HoldOrder)
    span = Span(order.start_us, max(order.start_us, order.end_us))
    placed = parts_of(request).custody.place(
        person, site, order.camera_id, span, order.reason, owner=order.owner, review_us=order.review_us
    )
    return _json(placed, 201)


@router.post("/api/v1/sites/{site}/holds/{hold}/lift-request")
def request_lift_data(request: Request, person: Person, site: str, hold: str) -> Response:
    """The first of two persons."""
    parts_of(request).custody.request_lift(person, site, hold)
    return Response(status_code=204)


@router.post("/api/v1/sites/{site}/holds/{hold}/lift")
def lift_data(request: Request, person: Person, site: str, hold: str) -> Response:
    """The second of two persons."""
    parts_of(request).custody.confirm_lift(person, site, hold)
    return Response(status_code=204)


@router.post("/api/v1/sites/{site}/holds/{hold}/review")
def review_data(request: Request, person: Person, site: str, hold: str, data: Body) -> Response:
    """A ReviewOrder in."""
    parts_of(request).custody.review(person, site, hold, _decoded(data, ReviewOrder).review_us)
    return Response(status_code=204)


@router.api_route("/api/v1/deletion", methods=READ)
def deletion_data(request: Request, person: Person) -> Response:
    """A DeletionView, or null."""
    return _json(parts_of(request).custody.deletion(person))


@router.post("/api/v1/deletion/confirm")
def confirm_data(request: Request, person: Person, data: Body) -> Response:
    """Figures in."""
    figures = _decoded(data, Figures)
    parts_of(request).custody.confirm_deletion(person, figures.versions, figures.of_versions)
    return Response(status_code=204)


@router.api_route("/api/v1/sites/{site}/deletions", methods=READ)
def certificates_data(request: Request, person: Person, site: str) -> Response:
    """A list of CertificateView."""
    return _json(parts_of(request).custody.certificates(person, site))


@router.api_route("/api/v1/sites/{site}/deletions/{certificate}", methods=READ)
def certificate_data(request: Request, person: Person, site: str, certificate: int) -> Response:
    """A CertificateDocument."""
    return _json(parts_of(request).custody.certificate(person, site, max(0, certificate)))


@router.api_route("/api/v1/sites/{site}/accesses", methods=READ)
def accesses_data(request: Request, person: Person, site: str) -> Response:
    """A list of AccessView."""
    return _json(parts_of(request).custody.access_record(person, site))


@router.post("/api/v1/sites/{site}/cameras/{camera}/exports")
def export_data(request: Request, person: Person, site: str, camera: str, data: Body) -> Response:
    """An ExportOrder in, an evidence package out."""
    order = _decoded(data, ExportOrder)
    span = Span(order.start_us, max(order.start_us, order.end_us))
    return _package(request, person, site, camera, span, order.reason)


def _package(request: Request, person: Person, site: str, camera: str, span: Span, reason: str) -> Response:
    order = order_of(person, site, camera, span, reason, source_of(request))
    exports = parts_of(request).exports
    stream = exports.open(person, order)
    allowed = while_allowed(request, person, stream.pieces(), lambda: exports.check_reach(person, site, camera))
    return PackageResponse(stream, allowed)


def _acted(
    request: Request, person: Person, site: str, where: str, form: dict[str, str], do: Callable[[], dict[str, str]]
) -> Response:
    """Back to the page: with what was done, or with what to change."""
    try:
        query = do()
    except (InvalidInput, Conflict, PermissionDenied, ResourceExhausted) as error:
        return _page(request, person, site, where, form, error)
    return RedirectResponse(f"/sites/{site}/custody?{urlencode(query)}#{where}", 303)


def _page(
    request: Request,
    person: Person,
    site: str,
    where: str = "",
    form: dict[str, str] | None = None,
    error: NightlightError | None = None,
) -> HTMLResponse:
    parts = parts_of(request)
    found = parts.custody.of_site(person, site)
    said = request.query_params.get("said", "") if request.method in READ else ""
    gone = _count(request.query_params.get("gone", "0")) if said else 0
    html = parts.pages.custody(
        found,
        language_of(request),
        reader=person,
        can_export=parts.exports.exporter is not None,
        last=LastForm(said, gone, where, form or {}, error.code if error is not None else ""),
    )
    return HTMLResponse(html, status_of(error) if error is not None else 200)


def _zone(request: Request, person: Person, site: str) -> ZoneInfo:
    return ZoneInfo(parts_of(request).custody.timezone_of(person, site))


def local_span(form: dict[str, str], zone: ZoneInfo) -> Span:
    """The period of a form, in the site's own time; an hour that comes twice is meant with both."""
    start_us, end_us = _local_us(form.get("from", ""), zone, 0), _local_us(form.get("to", ""), zone, 1)
    if end_us <= start_us:
        raise InvalidInput("the end of the period is not after its beginning", code="bad_span")
    return Span(start_us, end_us)


def _local_us(text: str, zone: ZoneInfo, fold: int) -> int:
    try:
        moment = datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)
        return from_datetime(moment)
    except (ValueError, OverflowError) as error:
        raise InvalidInput("a time is written YYYY-MM-DDTHH:MM", code="bad_time") from error


def date_us(text: str, zone: ZoneInfo) -> int:
    return _local_us(f"{text}T00:00", zone, 0)


def _count(text: str) -> int:
    plain = text.strip().replace(",", "").replace(" ", "")
    if not plain.isascii() or not plain.isdigit() or len(plain) > COUNT_DIGITS_MAX:
        raise InvalidInput("a number is wanted", code="bad_count")
    return int(plain)


def _decoded(data: bytes, kind: type[Order]) -> Order:
    try:
        return decode_json(data, kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidInput(f"the request is not what is wanted here: {error}") from error


def _json(content: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
