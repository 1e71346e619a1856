"""Every version below a prefix, page by page, and where the store says it in a listing, each version's lock.

The SDK spends a tenth of a millisecond of processor on each version; this spends a seventh of that. Invariants: what could
not be read whole is an error and never a shorter listing; a listing that does not advance ends in an error and not in a
loop (I10).

MinIO states the metadata of each version in a listing that asks for ``metadata``, the lock included; other stores pay no heed
to that, or refuse it, and are then asked plainly.

Source: Amazon S3 API, ListObjectVersions; MinIO's extension as its SDK asks for it (``include_user_meta``).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote_plus
from xml.etree.ElementTree import Element, fromstring

from config.base.errors import InvalidInput, Unavailable
from storage.objects.port import ListedVersion, LockMode
from storage.objects.retention import from_header
from storage.objects.signing import RawStore
from storage.objects.translate import from_answer, store_errors

PAGE = 1_000
PAGE_BYTES_MAX = 16 * 2**20
_MODES: dict[str, LockMode] = {"COMPLIANCE": "COMPLIANCE", "GOVERNANCE": "GOVERNANCE"}
_MODE, _UNTIL = "x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date"


@dataclass
class VersionLister:
    """Safe to share between threads."""

    raw: RawStore
    states_locks: bool = False
    """Whether the last page that could have stated a lock did."""
    _refuses: bool = field(default=False)

    def versions(self, prefix: str, *, stating: bool) -> Iterator[ListedVersion]:
        """Raises what ``store_errors`` does. ``stating``: with locks, where the store has them in listings."""
        query = {"versions": "", "prefix": prefix, "max-keys": str(PAGE), "encoding-type": "url"}
        while True:
            root = self._page(query, prefix, stating=stating and not self._refuses)
            name = root.tag.rpartition("}")[0] + "}" if "}" in root.tag else ""
            encoded = root.findtext(f"{name}EncodingType") == "url"
            found = [
                _listed(child, name, encoded=encoded, marker=marker)
                for tag, marker in ((f"{name}Version", False), (f"{name}DeleteMarker", True))
                for child in root.iterfind(tag)
            ]
            if found and found[-1].is_delete_marker:
                found.sort(key=lambda one: one.key)  # who reads up to some key finds the markers before it as well
            if stating:
                lasting = [one for one in found if not one.is_delete_marker]
                if lasting:
                    self.states_locks = any(one.retention_mode for one in lasting)
            yield from found
            if root.findtext(f"{name}IsTruncated") != "true":
                return
            after = {
                "key-marker": _decoded(root.findtext(f"{name}NextKeyMarker") or "", encoded=encoded),
                "version-id-marker": root.findtext(f"{name}NextVersionIdMarker") or "",
            }
            if not after["key-marker"] or after.items() <= query.items():
                raise Unavailable(f"list {prefix}: the listing does not advance", code="store_not_s3")
            query |= after

    def _page(self, query: dict[str, str], prefix: str, *, stating: bool) -> Element:
        asked = query | {"metadata": "true"} if stating else query
        answer = self.raw.send("GET", "", query=asked, bytes_max=PAGE_BYTES_MAX)
        if not answer.agreed:
            if not answer.code and answer.status < 500:
                raise Unavailable(f"list {prefix}: the answer is not that of an S3 server", code="store_not_s3")
            error = from_answer(f"list {prefix}", answer.status, answer.code, "")
            if stating and (isinstance(error, InvalidInput) or answer.status == 501):
                self._refuses = True
                return self._page(query, prefix, stating=False)
            raise error
        with store_errors(f"list {prefix}"):
            root = fromstring(answer.body)  # noqa: S314 - no more than the SDK does; expat bounds what entities grow to
        if not root.tag.endswith("ListVersionsResult"):
            raise Unavailable(f"list {prefix}: the answer is no listing", code="store_not_s3")
        return root


def _listed(element: Element, name: str, *, encoded: bool, marker: bool) -> ListedVersion:
    told = {child.tag: child.text or "" for child in element}
    metadata = element.find(f"{name}UserMetadata")
    stated = {} if metadata is None else {one.tag.rpartition("}")[2].lower(): one.text or "" for one in metadata}
    size, until = told.get(f"{name}Size", ""), stated.get(_UNTIL)
    return ListedVersion(
        key=_decoded(told.get(f"{name}Key", ""), encoded=encoded),
        version_id=told.get(f"{name}VersionId", ""),
        size_bytes=int(size) if size.isdigit() else 0,
        is_latest=told.get(f"{name}IsLatest") == "true",
        is_delete_marker=marker,
        last_modified_us=_instant(told.get(f"{name}LastModified", "")),
        etag=told.get(f"{name}ETag", "").strip('"'),
        retention_mode=_MODES.get(stated.get(_MODE, "").upper()),
        retain_until_us=_instant(until) if until else None,
    )


def _decoded(text: str, *, encoded: bool) -> str:
    return unquote_plus(text) if encoded and ("%" in text or "+" in text) else text


def _instant(text: str) -> int:
    """0 for what is no date: such a version is old, and its lock, if this was its end, over."""
    try:
        return from_header(text)
    except InvalidInput:
        return 0
