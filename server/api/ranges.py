"""One range of bytes, as players ask for it. Source: RFC 9110, 14; of several ranges at once none is served, the whole is."""

import re

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})", re.ASCII)


def byte_range(header: str, size: int) -> tuple[int, int, int] | None:
    """First byte, last byte and status (200 or 206); None where nothing of the range is there (416)."""
    found = _RANGE.fullmatch(header.strip())
    if found is None or found[1] == found[2] == "":
        return 0, size - 1, 200
    if not found[1]:
        length = int(found[2])
        return (max(0, size - length), size - 1, 206) if length else None
    first, last = int(found[1]), int(found[2]) if found[2] else size - 1
    if found[2] and last < first:
        return 0, size - 1, 200
    return (first, min(last, size - 1), 206) if first < size else None
