"""Carries the centre's signed requests out against the site's own store, and reads back what stands there afterwards.

Invariants: a request goes out as it was signed, or not at all; what is told is what the store said in an answer of its own after
that. Only a plain "no such version" is told as missing: a refusal, or no answer, is never taken for a deletion.

Source: S3 HeadObject, ListObjectVersions.
"""

from collections.abc import Mapping
from typing import NamedTuple
from xml.etree.ElementTree import ParseError

import urllib3
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from urllib3.exceptions import HTTPError

from config.base.errors import InvalidInput, NotFound, Unavailable
from config.wire.cells import CellOrder, SignedRequest, StandsInCell
from edge_agent.upload.store import instant

ANSWER_BYTES_MAX = 262_144
WITHIN = urllib3.Timeout(connect=10.0, read=30.0)
LEFT_MAX = 16


class _Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    data: bytes


def carry_out(pool: urllib3.PoolManager, order: CellOrder) -> list[int]:
    """Sends what was signed; the statuses that came back. Raises Unavailable."""
    return [_send(pool, request).status for request in order.requests]


def stands(pool: urllib3.PoolManager, look_url: str, now_us: int) -> StandsInCell:
    """The version as the cell describes it now. Raises NotFound, InvalidInput where it refuses, Unavailable."""
    answer = _ask(pool, "HEAD", look_url)
    if answer.status in (404, 405, 410):
        raise NotFound(f"the cell has no such version ({answer.status})")
    if answer.status != 200:
        raise _refusal(answer.status)
    version_id = answer.headers.get("x-amz-version-id", "")
    if not 0 < len(version_id) <= 256:
        raise Unavailable("the cell named no version: is versioning on?", code="no_version")
    return StandsInCell(
        version_id=version_id,
        lock_mode=answer.headers.get("x-amz-object-lock-mode", "")[:16].upper(),
        retain_until_us=instant(answer.headers.get("x-amz-object-lock-retain-until-date", "")),
        held=answer.headers.get("x-amz-object-lock-legal-hold", "").upper() == "ON",
        read_us=now_us,
    )


def left_under(pool: urllib3.PoolManager, list_url: str, key: str) -> list[str]:
    """Versions and delete markers that lie under exactly this key, a few. Raises InvalidInput, Unavailable."""
    answer = _ask(pool, "GET", list_url)
    if answer.status != 200:
        raise _refusal(answer.status)
    try:
        root = fromstring(answer.data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise Unavailable("the cell's list of versions cannot be read", code="bad_list") from error
    if not root.tag.endswith("ListVersionsResult"):
        raise Unavailable("the cell gave no list of versions", code="bad_list")
    found = []
    for entry in root:
        if entry.tag.rpartition("}")[2] not in ("Version", "DeleteMarker"):
            continue
        about = {child.tag.rpartition("}")[2]: child.text or "" for child in entry}
        if about.get("Key") == key:
            found.append(about.get("VersionId", "")[:256] or "null")
    return found[:LEFT_MAX]


def _send(pool: urllib3.PoolManager, request: SignedRequest) -> _Answer:
    return _ask(pool, request.method, request.url, request.headers, request.body.encode() or None)


def _ask(
    pool: urllib3.PoolManager, method: str, url: str, headers: dict[str, str] | None = None, body: bytes | None = None
) -> _Answer:
    try:
        answer = pool.request(
            method, url, headers=headers, body=body, timeout=WITHIN, redirect=False, preload_content=False
        )
        try:
            data = answer.read(ANSWER_BYTES_MAX)
        finally:
            answer.drain_conn()
            answer.release_conn()
    except (HTTPError, OSError) as error:
        raise Unavailable(f"the cell does not answer ({type(error).__name__})") from error
    if len(data) >= ANSWER_BYTES_MAX:
        raise Unavailable("the cell's answer is too long", code="cell_endless")
    return _Answer(answer.status, answer.headers, data)


def _refusal(status: int) -> InvalidInput | Unavailable:
    if status in (408, 425, 429) or status >= 500:
        return Unavailable(f"the cell answered {status}")
    return InvalidInput(f"the cell answered {status}", code=f"store_{status}")
