"""Forms that bring a file: what claims to be one and is not is refused before a byte of it is read."""

import asyncio

import pytest
from starlette.requests import Request

from config.base.errors import InvalidInput
from server.api import documents, registers, site_setup, traces


async def never() -> dict[str, object]:
    raise AssertionError("its body is read")


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "Application/X-WWW-Form-Urlencoded; a=b", "text/plain", ""]
)
@pytest.mark.parametrize(
    "read",
    [
        documents._sent,
        registers._sent,
        site_setup.sent_picture,
        lambda request: traces._answer(request, None, None, {}),
    ],
)
def test_only_a_form_that_can_bring_a_file_is_read(read, kind):
    """A URL-encoded one of a clip's size would keep the loop that serves everybody busy for minutes."""
    request = Request({"type": "http", "method": "POST", "headers": [(b"content-type", kind.encode())]}, never)
    with pytest.raises(InvalidInput):
        asyncio.run(read(request))
