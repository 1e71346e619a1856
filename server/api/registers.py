"""The registers of a site: their page, files out and in, and the same as JSON for scripts.

A file is looked at first; the page carries it to the confirmation itself, packed, so that no server keeps what nobody has
confirmed. What is larger than a page takes goes in by ``server.admin inventory import``.
"""

import base64
import binascii
import zlib
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Depends, Query
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from config.base.errors import Conflict, InvalidInput, NightlightError, Unavailable
from server.api.errors import status_of
from server.api.forms import Fields, file_form
from server.api.gate import READ, Person, source_of
from server.api.parts import Parts, parts_of
from server.api.shield import REGISTER_FILE_BYTES_MAX
from server.api.tongue import language_of
from server.domain.registers.tables import TABLES
from server.services.registers.export_registers import Language, template
from server.services.registers.import_registers import Report
from server.web.register_pages import ShownFile
from storage.database.scope import Scope

router = APIRouter()
TableName = Annotated[str, Query(max_length=32)]
Format = Annotated[Literal["csv", "xlsx"], Query()]
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Sent(msgspec.Struct, frozen=True):
    """A file as somebody sent it."""

    table: str
    name: str
    data: bytes


async def _sent(request: Request) -> Sent:
    """Raises InvalidInput where there is no file."""
    try:
        async with file_form(request, fields_max=4) as form:
            file, table = form.get("file"), form.get("table", "")
            if not isinstance(file, UploadFile) or not isinstance(table, str):
                raise InvalidInput("choose a file", code="no_file")
            return Sent(table, (file.filename or "")[:120], await file.read(REGISTER_FILE_BYTES_MAX + 1))
    except MultiPartException as error:
        raise InvalidInput("the form is broken", code="no_file") from error


async def _body(request: Request) -> bytes:
    return await request.body()


Body = Annotated[bytes, Depends(_body)]


@router.api_route("/sites/{site}/registers", methods=READ)
def page(request: Request, person: Person, site: str, done: Annotated[str, Query(max_length=1)] = "") -> Response:
    """What is on file, and a form for more."""
    return _page(request, person, site, done=bool(done))


@router.post("/sites/{site}/registers/check")
async def check(request: Request, person: Person, site: str) -> Response:
    """What a file would change, or what is wrong with it."""
    parts = parts_of(request)
    try:
        sent = await _sent(request)
        report = await run_in_threadpool(parts.importer.check, person, site, _known(sent.table), sent.data)
    except (InvalidInput, Unavailable) as error:
        return await run_in_threadpool(_page, request, person, site, error=error)
    return await run_in_threadpool(_page, request, person, site, report=report, sent=sent)


@router.post("/sites/{site}/registers")
def put(request: Request, person: Person, site: str, fields: Fields) -> Response:
    """Does what was looked at."""
    sent = Sent(_known(fields.get("table", "")), fields.get("name", "")[:120], _unpacked(fields.get("packed", "")))
    expected = fields.get("fingerprint", "") or "-"
    try:
        report = parts_of(request).importer.put(person, site, sent.table, sent.data, expected)
    except (Conflict, Unavailable) as error:
        return _page(request, person, site, error=error)
    if not report.done:
        return _page(request, person, site, report=report, sent=sent)
    return RedirectResponse(f"/sites/{site}/registers?done=1", 303)


@router.api_route("/sites/{site}/registers/template", methods=READ)
def blank(request: Request, person: Person, site: str, table: TableName = "") -> Response:
    """A workbook with nothing but headings."""
    parts_of(request).register_files.counts(person, site)
    language = _language(request)
    return _file(template(table, language), SHEET, f"{table or 'registers'}-template.xlsx")


@router.api_route("/sites/{site}/registers/file", methods=READ)
@router.api_route("/api/v1/sites/{site}/registers", methods=READ)
def export(
    request: Request,
    person: Person,
    site: str,
    table: TableName = "",
    format: Format = "xlsx",  # noqa: A002 - the parameter's name
) -> Response:
    """One table as CSV or XLSX; all of them as XLSX."""
    files, language, source = parts_of(request).register_files, _language(request), source_of(request)
    if format == "csv":
        text = files.csv_file(person, site, table or "sites", language, source)
        return _file(text.encode(), "text/csv; charset=utf-8", f"{site}-{table or 'sites'}.csv")
    return _file(files.workbook(person, site, table, language, source), SHEET, f"{site}-{table or 'registers'}.xlsx")


@router.post("/api/v1/sites/{site}/registers")
def put_data(
    request: Request,
    person: Person,
    site: str,
    data: Body,
    table: TableName = "",
    apply: Annotated[Literal["yes", "no"], Query()] = "no",
) -> Response:
    """A file in, a Report out; with ``apply=yes`` it is done, if nothing is wrong. 422 where something is."""
    importer = parts_of(request).importer
    report = (importer.put if apply == "yes" else importer.check)(person, site, _known(table), data)
    return Response(msgspec.json.encode(report), 422 if report.fault_count else 200, media_type="application/json")


def _page(
    request: Request,
    person: Scope,
    site: str,
    *,
    done: bool = False,
    report: Report | None = None,
    sent: Sent | None = None,
    error: NightlightError | None = None,
) -> HTMLResponse:
    parts: Parts = parts_of(request)
    found = parts.camera_setup.of_site(person, site)
    counts = parts.register_files.counts(person, site)
    packed = ""
    if sent is not None and report is not None and not report.fault_count:
        packed = base64.urlsafe_b64encode(zlib.compress(sent.data)).decode()
    html = parts.register_pages.page(
        found,
        counts,
        person,
        language_of(request),
        report=report,
        file=ShownFile(packed, sent.table, sent.name) if sent else ShownFile(),
        error=error,
        done=done,
    )
    status = 422 if report is not None and report.fault_count else status_of(error) if error else 200
    return HTMLResponse(html, status)


def _unpacked(packed: str) -> bytes:
    """Raises InvalidInput for what our own page did not pack."""
    try:
        unpacking = zlib.decompressobj()
        data = unpacking.decompress(base64.urlsafe_b64decode(packed), REGISTER_FILE_BYTES_MAX)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise InvalidInput("the form is broken: send the file anew", code="no_file") from error
    if not unpacking.eof:
        raise InvalidInput("the form is broken: send the file anew", code="no_file")
    return data


def _known(table: str) -> str:
    return table if table in TABLES else ""


def _language(request: Request) -> Language:
    return "en" if language_of(request) == "en" else "zh-CN"


def _file(data: bytes, media_type: str, name: str) -> Response:
    return Response(data, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'})
