"""The documents of a site: handed in by its manager, read by its staff and by the authorities.

A PDF is never shown by this server, only downloaded: whatever is in it runs nowhere under this origin (RFC 6266 for its name).
"""

from urllib.parse import quote

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from config.base.errors import InvalidInput, ResourceExhausted, Unavailable
from server.api.forms import file_form
from server.api.gate import READ, Person
from server.api.parts import parts_of
from server.api.people import show_people
from server.api.shield import POLICY
from server.api.tongue import language_of
from server.services.people.site_documents import DOCUMENT_BYTES_MAX, PDF

REFUSALS = (InvalidInput, ResourceExhausted, Unavailable)
NOTHING_RUNS = "default-src 'none'; sandbox; frame-ancestors 'none'"
router = APIRouter(prefix="/sites/{site}/documents")


@router.api_route("", methods=READ)
def documents(request: Request, person: Person, site: str) -> Response:
    """The list, for who has no business on the page of a site's people."""
    parts = parts_of(request)
    found = parts.people.documents.of_site(person, site)
    return HTMLResponse(parts.people_pages.documents(site, found, person, language_of(request)))


@router.post("")
async def upload(request: Request, person: Person, site: str) -> Response:
    """One more document."""
    try:
        kind, name, data = await _sent(request)
        await run_in_threadpool(parts_of(request).people.documents.add, person, site, kind, name, data)
    except REFUSALS as error:
        return await run_in_threadpool(show_people, request, person, site, error)
    return RedirectResponse(f"/sites/{site}/people#documents", 303)


@router.api_route("/{document}", methods=READ)
def document(request: Request, person: Person, site: str, document: str) -> Response:
    """One of them."""
    found, data = parts_of(request).people.documents.content(person, site, document)
    headers = {"Cache-Control": "private, no-store", "Content-Disposition": "inline", POLICY: NOTHING_RUNS}
    if found.media_type == PDF:
        name = found.name if found.name.lower().endswith(".pdf") else f"{found.name or found.kind}.pdf"
        plain = f'attachment; filename="{found.kind}.pdf"'
        headers["Content-Disposition"] = f"{plain}; filename*=UTF-8''{quote(name, safe='')}"
    return Response(data, media_type=found.media_type, headers=headers)


async def _sent(request: Request) -> tuple[str, str, bytes]:
    """What kind of document, its file's name and its bytes. Raises InvalidInput where there is no file."""
    try:
        async with file_form(request, fields_max=2) as form:
            file, kind = form.get("file"), form.get("kind", "")
            if not isinstance(file, UploadFile) or not isinstance(kind, str):
                raise InvalidInput("choose a file", code="no_document")
            data = await file.read(DOCUMENT_BYTES_MAX + 1)
    except MultiPartException as error:
        raise InvalidInput("the form is broken", code="no_document") from error
    if not data:
        raise InvalidInput("choose a file", code="no_document")
    return kind, file.filename or "", data
