"""What agents ask for over HTTPS: the server's time, and leave to upload. They prove themselves by signature alone."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from server.api.gate import READ, open_to_all
from server.api.parts import parts_of
from server.services.cells.settle_orders import OrderDesk

router = APIRouter(prefix="/agent/v1")


class ServerTime(msgspec.Struct):
    """The server's clock, at the moment of answering."""

    utc_us: int


@router.api_route("/time", methods=READ)
@open_to_all
async def server_time(request: Request) -> Response:
    """Answered on the event loop, so that no queue for a thread adds to the round trip that bounds the error."""
    return Response(
        msgspec.json.encode(ServerTime(parts_of(request).clock.utc_us())),
        media_type="application/json",
    )


async def _body(request: Request) -> bytes:
    return await request.body()


@router.post("/acceptance")
@open_to_all
def acceptance(request: Request, data: Annotated[bytes, Depends(_body)]) -> Response:
    """A sealed AcceptanceRequest in, an AcceptanceAnswer out."""
    answer = parts_of(request).acceptance.answer(data)
    return Response(msgspec.json.encode(answer), media_type="application/json")


@router.post("/cell-answers")
@open_to_all
def cell_answer(request: Request, data: Annotated[bytes, Depends(_body)]) -> Response:
    """A sealed CellAnswer, a line feed and the bytes of a leaf in; nothing out."""
    parts_of(request).cell_desk.answer(data)
    return Response(b"{}", media_type="application/json")


@router.post("/cell-fetches")
@open_to_all
def cell_fetched(request: Request, data: Annotated[bytes, Depends(_body)]) -> Response:
    """A sealed CellFetched in; nothing out."""
    parts_of(request).cell_fetcher.fetched(data)
    return Response(b"{}", media_type="application/json")


@router.post("/cell-orders")
@open_to_all
def cell_ordered(request: Request, data: Annotated[bytes, Depends(_body)]) -> Response:
    """A sealed CellOrdered in; nothing out."""
    parts = parts_of(request)
    OrderDesk(parts.database, parts.clock).ordered(data)
    return Response(b"{}", media_type="application/json")


@router.post("/upload-tickets")
@open_to_all
def upload_ticket(request: Request, data: Annotated[bytes, Depends(_body)]) -> Response:
    """A sealed UploadTicketRequest in, an UploadTicket out."""
    ticket = parts_of(request).tickets.issue(data)
    return Response(msgspec.json.encode(ticket), media_type="application/json")
