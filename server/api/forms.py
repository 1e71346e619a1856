"""Fields of the pages' forms: URL-encoded, bounded in number; what is no such form has none. And forms that bring a file."""

from contextlib import AbstractAsyncContextManager
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import Depends
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException
from starlette.requests import Request

FIELDS_MAX = 80
POINTS_CHARS_MAX = 4
NO_POINTS = 1_000
FILE_FORM_TYPE = "multipart/form-data"


async def _fields(request: Request) -> dict[str, str]:
    try:
        fields = parse_qs((await request.body()).decode(), max_num_fields=FIELDS_MAX, keep_blank_values=True)
    except ValueError:
        return {}
    return {name: _clean(values[-1]) for name, values in fields.items()}


def _clean(value: str) -> str:
    """PostgreSQL takes no NUL in a text; and a line's end is one character, as whoever typed it had it counted.

    Source: WHATWG HTML, 4.10.22 (a form is sent with CR LF, ``maxlength`` counts LF).
    """
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}").replace("\r\n", "\n")


Fields = Annotated[dict[str, str], Depends(_fields)]
"""The last value of each field."""


async def _lists(request: Request) -> dict[str, list[str]]:
    try:
        fields = parse_qs((await request.body()).decode(), max_num_fields=FIELDS_MAX)
    except ValueError:
        return {}
    return {name: [_clean(one) for one in values] for name, values in fields.items()}


Lists = Annotated[dict[str, list[str]], Depends(_lists)]
"""Every value of each field."""


def file_form(request: Request, *, fields_max: int, chars_max: int = 1_000) -> AbstractAsyncContextManager[FormData]:
    """A form that brings one file. Raises MultiPartException where it is of another kind.

    A URL-encoded one as large as a file may be is not begun with: reading it takes seconds a megabyte, on the loop that serves
    everybody.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FILE_FORM_TYPE:
        raise MultiPartException("a file comes as multipart/form-data")
    return request.form(max_files=1, max_fields=fields_max, max_part_size=chars_max)


def points(text: str) -> int:
    """Credit points as they were typed; what is no number is one that no rule allows."""
    text = text.strip()
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(text) <= POINTS_CHARS_MAX else NO_POINTS
