"""Whose view a clip shows: a form for whoever reads the access record, and its answer.

Invariants: the question is on record before anything is looked at; of the clip nothing is kept, not even by name: it lies in a file
without one until it has been read. A few arrive at once, and one is looked at at a time (I10).
"""

from zoneinfo import ZoneInfo

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from config.base.errors import InvalidInput, NightlightError, NotFound, ResourceExhausted, Unavailable
from server.api.custody import local_span
from server.api.errors import status_of
from server.api.forms import file_form
from server.api.gate import READ, Person, source_of
from server.api.parts import parts_of
from server.api.tongue import language_of
from server.domain.authorisation import Action
from server.services.live.identify import Identified, Question
from server.services.live.marking import MarkingState
from server.web.traces import ASPECTS, Asked
from storage.database.scope import Scope

REFUSALS = (InvalidInput, ResourceExhausted, Unavailable, NotFound)
router = APIRouter()


@router.api_route("/sites/{site}/looks/clip", methods=READ)
def form(request: Request, person: Person, site: str) -> Response:
    """What is asked for, and what was asked before."""
    return _page(request, person, _state(request, person, site), Asked({}))


@router.post("/sites/{site}/looks/clip")
async def ask(request: Request, person: Person, site: str) -> Response:
    """The answer, this once."""
    arriving = parts_of(request).live.arriving
    state = await run_in_threadpool(_state, request, person, site)  # whose it is comes before what was sent
    if not arriving.acquire(blocking=False):
        busy = ResourceExhausted("other clips are being looked at", code="clip_busy")
        return await run_in_threadpool(_page, request, person, state, Asked({}, error=busy))
    fields: dict[str, str] = {}
    try:
        found = await _answer(request, person, state, fields)
    except REFUSALS as error:
        return await run_in_threadpool(_page, request, person, state, Asked(fields, error=error))
    finally:
        arriving.release()
    state = await run_in_threadpool(_state, request, person, site)  # with this question on it
    return await run_in_threadpool(_page, request, person, state, Asked(fields, found))


async def _answer(request: Request, person: Scope, state: MarkingState, fields: dict[str, str]) -> Identified:
    """``fields`` is filled in."""
    try:
        async with file_form(request, fields_max=8) as sent:
            fields |= {
                name: text.replace("\0", "\N{REPLACEMENT CHARACTER}")
                for name, text in sent.items()
                if isinstance(text, str)
            }
            clip = sent.get("clip")
            if not isinstance(clip, UploadFile) or not clip.size:
                raise InvalidInput("choose a clip", code="no_file")
            span = local_span(fields, ZoneInfo(state.timezone))
            question = Question(
                site_id=state.site_id,
                camera_id=fields.get("camera", ""),
                begin_us=span.start_us,
                end_us=span.end_us,
                reason=fields.get("reason", ""),
                person=person,
                aspect=ASPECTS.get(fields.get("aspect", ""), ASPECTS["16:9"]),
                source=source_of(request),
            )
            live = parts_of(request).live
            async with live.tracing:
                return await run_in_threadpool(live.trace, clip.file, question)
    except MultiPartException as error:
        raise InvalidInput("the form is broken", code="no_file") from error


def _state(request: Request, person: Scope, site: str) -> MarkingState:
    return parts_of(request).live.marking.state(person, site, Action.LOOKS_READ)


def _page(request: Request, person: Scope, state: MarkingState, asked: Asked) -> Response:
    html = parts_of(request).trace_pages.page(state, asked, person, language_of(request))
    error: NightlightError | None = asked.error
    return HTMLResponse(html, 200 if error is None else status_of(error))
