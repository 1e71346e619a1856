"""Puts the faces together: routes, one error mapping, deny by default, and the shield around all of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import cast

from anyio import to_thread
from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp

from config.base.errors import NightlightError
from server.api import (
    account,
    agenda,
    agents,
    alarms,
    assets,
    attestations,
    audits,
    authority,
    boards,
    cells,
    complaints,
    compliance,
    credit,
    custody,
    data,
    days,
    discovered,
    docket,
    documents,
    draws,
    enrolment,
    entrance,
    events,
    findings,
    guides,
    health,
    inspections,
    kept,
    live,
    notices,
    people,
    playback,
    public,
    region_reports,
    registers,
    reports,
    requests,
    setup,
    site_setup,
    statistics,
    support,
    traces,
    wall,
    way_back,
)
from server.api.compression import Compression
from server.api.errors import answer, respond
from server.api.gate import deny_by_default
from server.api.parts import Parts
from server.api.shield import Shield

THREADS_MAX = 12
"""Fewer than the database has connections, so that a request waits for a thread and never fails for a connection."""


def build_app(parts: Parts) -> FastAPI:
    """The routes. No generated documentation pages: they load scripts from elsewhere."""
    app = FastAPI(
        title="Nightlight",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
        dependencies=[Depends(deny_by_default)],
        redirect_slashes=False,
    )
    app.state.parts = parts
    for face in (
        health,
        agents,
        enrolment,
        data,
        days,
        discovered,
        findings,
        entrance,
        authority,
        way_back,
        support,
        account,
        people,
        documents,
        assets,
        alarms,
        attestations,
        audits,
        custody,
        compliance,
        credit,
        complaints,
        public,
        inspections,
        agenda,
        statistics,
        region_reports,
        cells,
        setup,
        site_setup,
        kept,
        guides,
        registers,
        live,
        traces,
        playback,
        draws,
        reports,
        requests,
        docket,
        notices,
        wall,
        boards,
        events,
    ):
        app.include_router(face.router)
    app.add_exception_handler(NightlightError, _nightlight_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _unexpected_error)
    return app


def application(parts: Parts) -> ASGIApp:
    """What the process serves."""
    return Shield(Compression(build_app(parts)), parts)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    to_thread.current_default_thread_limiter().total_tokens = THREADS_MAX
    yield
    app.state.parts.database.close()


def _nightlight_error(request: Request, error: Exception) -> Response:
    return respond(request.app.state.parts, request, cast(NightlightError, error))


def _http_error(request: Request, raised: Exception) -> Response:
    error = cast(HTTPException, raised)
    status = HTTPStatus(error.status_code)
    code = "not_found" if status is HTTPStatus.NOT_FOUND else status.phrase.lower().replace(" ", "_")
    response = answer(request.app.state.parts, request, status, code, status.phrase)
    response.headers.update(error.headers or {})
    return response


def _validation_error(request: Request, _error: Exception) -> Response:
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    return answer(request.app.state.parts, request, status, "invalid_input", "a parameter is not valid")


def _gone(_request: Request, _error: Exception) -> Response:
    return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody is there to read it


def _unexpected_error(request: Request, _error: Exception) -> Response:
    # Starlette raises the error again after this answer, and uvicorn logs it with its traceback.
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return answer(request.app.state.parts, request, status, "error", "the server failed; its log says why")
