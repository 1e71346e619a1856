"""What routes for scripts share: a body as one of our structures, and an answer as JSON."""

from typing import Annotated, TypeVar

import msgspec
from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from config.base.decoding import decode_json
from config.base.errors import InvalidInput

Kind = TypeVar("Kind")


async def _body(request: Request) -> bytes:
    return await request.body()


Body = Annotated[bytes, Depends(_body)]


def decoded(data: bytes, kind: type[Kind]) -> Kind:
    """Raises InvalidInput saying what is wrong with it."""
    try:
        return decode_json(data, kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidInput(f"not a {kind.__name__}: {error}") from error


def as_json(content: object, status: int = 200) -> Response:
    """An answer."""
    return Response(msgspec.json.encode(content), status, media_type="application/json")
