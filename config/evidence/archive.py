"""The container of an evidence package: a ZIP file of which every single byte is determined by what it holds.

Any player and any archive program opens it, and nothing can be hidden in it: files are stored uncompressed, one after
the other, without time stamps, attributes, comments or gaps. ``read`` takes nothing else, so that a changed byte in a
header that no program looks at is found as surely as one in a picture.

Source: PKWARE APPNOTE.TXT 6.3.10, sections 4.3 to 4.5 (ZIP, and ZIP64 for what is larger than 4 GiB).
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

from config.base.errors import IntegrityViolation, InvalidInput
from config.evidence.refusal import NotGenuine

READ_BYTES = 1 << 20
NAME_BYTES_MAX = 200
PACKAGE = "package"
FILES_MAX = 1_000_000
FILE_BYTES_MAX = 2**32 - 2
"""Of one file; the archive itself may be larger."""

_NAME = re.compile(r"(?:[a-z0-9][a-z0-9._-]*/)*[a-z0-9][a-z0-9._-]*")
_LOCAL, _CENTRAL, _END, _END64, _LOCATOR64 = 0x04034B50, 0x02014B50, 0x06054B50, 0x06064B50, 0x07064B50
_DATE = 0x0021  # 1980-01-01: the format has no "none"
_FULL32, _FULL16 = 2**32 - 1, 2**16 - 1
_LOCAL_BYTES = 30


class Stored(NamedTuple):
    """One file of an archive."""

    name: str
    size_bytes: int
    crc32: int
    offset: int
    """Where its header begins."""


class ArchiveWriter:
    """Writes files one after the other to ``write``, which need not be seekable; ``close`` writes the directory."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._files: list[Stored] = []
        self._names: set[str] = set()
        self._offset = 0

    def add(self, name: str, content: BinaryIO) -> None:
        """Adds a file that can be read twice (its checksum comes first). Raises InvalidInput on a name not allowed."""
        _check_name(name, self._names)
        size_bytes = crc32 = 0
        while block := content.read(READ_BYTES):
            size_bytes, crc32 = size_bytes + len(block), zlib.crc32(block, crc32)
        if size_bytes > FILE_BYTES_MAX or len(self._files) >= FILES_MAX:
            raise InvalidInput(f"{name} is too large for a package", code="oversized")
        content.seek(0)
        stored = Stored(name, size_bytes, crc32, self._offset)
        self._put(_local_header(stored))
        left = size_bytes
        while block := content.read(READ_BYTES):
            self._put(block)
            left -= len(block)
        if left:
            raise IntegrityViolation(f"{name} changed while it was read", code="file_changed")
        self._names.add(name)
        self._files.append(stored)

    def close(self) -> None:
        self._put(_directory(self._files, self._offset))

    def _put(self, data: bytes) -> None:
        self._write(data)
        self._offset += len(data)


class Member(NamedTuple):
    """A file that is being read: take its blocks before the next member."""

    name: str
    size_bytes: int
    blocks: Iterator[bytes]


def read(file: BinaryIO) -> Iterator[Member]:
    """The files of an archive in order; blocks that were not taken are skipped.

    Raises NotGenuine naming the first thing that ``ArchiveWriter`` would not have written.
    """
    files: list[Stored] = []
    names: set[str] = set()
    offset = 0
    while (stored := _next(file, offset, names)) is not None:
        if len(files) >= FILES_MAX:
            raise NotGenuine(PACKAGE, "it holds too many files")
        reader = _Reader(file, stored)
        yield Member(stored.name, stored.size_bytes, reader.blocks())
        reader.finish()
        files.append(stored)
        names.add(stored.name)
        offset = file.tell()
    directory = _directory(files, offset)
    file.seek(offset)
    if file.read(len(directory) + 1) != directory:
        if not files:
            raise NotGenuine(PACKAGE, "it is no evidence package, or its beginning is missing")
        raise NotGenuine(PACKAGE, "its directory is not the one of its files")


class _Reader:
    def __init__(self, file: BinaryIO, stored: Stored) -> None:
        self._file = file
        self._stored = stored
        self._left = stored.size_bytes
        self._crc32 = 0

    def blocks(self) -> Iterator[bytes]:
        while self._left:
            block = self._file.read(min(READ_BYTES, self._left))
            if not block:
                raise NotGenuine(self._stored.name, "it is cut short")
            self._left -= len(block)
            self._crc32 = zlib.crc32(block, self._crc32)
            yield block

    def finish(self) -> None:
        for _ in self.blocks():
            pass
        if self._crc32 != self._stored.crc32:
            raise NotGenuine(self._stored.name, "it does not match its checksum")


def _next(file: BinaryIO, offset: int, names: set[str]) -> Stored | None:
    """The next file's header, read strictly; None at the directory."""
    header = file.read(_LOCAL_BYTES)
    if len(header) < _LOCAL_BYTES or header[:4] != struct.pack("<I", _LOCAL):
        return None
    crc32, size_bytes, _, name_bytes = struct.unpack("<IIIH", header[14:28])
    if name_bytes > NAME_BYTES_MAX:
        raise NotGenuine(PACKAGE, "it names a file as no package does")
    raw = file.read(name_bytes)
    try:
        name = raw.decode("ascii")
        _check_name(name, names)
    except (UnicodeDecodeError, InvalidInput) as error:
        raise NotGenuine(PACKAGE, "it names a file as no package does", repr(raw)) from error
    stored = Stored(name, size_bytes, crc32, offset)
    if header + raw != _local_header(stored):
        raise NotGenuine(name, "its header holds what does not belong there")
    return stored


def _check_name(name: str, taken: set[str]) -> None:
    if len(name) > NAME_BYTES_MAX or not _NAME.fullmatch(name) or ".." in name or name in taken:
        raise InvalidInput(f"{name[:80]!r} cannot name a file in a package", code="bad_name")


def _common(stored: Stored, size_bytes: int) -> bytes:
    """Version 2.0, no flags, stored, the one date, and the file's figures, as both headers have them."""
    return struct.pack("<HHHHHIII", 20, 0, 0, 0, _DATE, stored.crc32, size_bytes, size_bytes)


def _local_header(stored: Stored) -> bytes:
    name = stored.name.encode("ascii")
    return struct.pack("<I", _LOCAL) + _common(stored, stored.size_bytes) + struct.pack("<HH", len(name), 0) + name


def _directory(files: list[Stored], offset: int) -> bytes:
    entries = b"".join(_central_header(stored) for stored in files)
    count, length = len(files), len(entries)
    end64 = b""
    if count >= _FULL16 or offset >= _FULL32 or length >= _FULL32:
        record = struct.pack("<IQHHIIQQQQ", _END64, 44, 45, 45, 0, 0, count, count, length, offset)
        end64 = record + struct.pack("<IIQI", _LOCATOR64, 0, offset + length, 1)
    count16, length32, offset32 = min(count, _FULL16), min(length, _FULL32), min(offset, _FULL32)
    end = struct.pack("<IHHHHIIH", _END, 0, 0, count16, count16, length32, offset32, 0)
    return entries + end64 + end


def _central_header(stored: Stored) -> bytes:
    name = stored.name.encode("ascii")
    extra = struct.pack("<HHQ", 1, 8, stored.offset) if stored.offset >= _FULL32 else b""
    return (
        struct.pack("<IH", _CENTRAL, 20)
        + _common(stored, stored.size_bytes)
        + struct.pack("<HHHHHII", len(name), len(extra), 0, 0, 0, 0, min(stored.offset, _FULL32))
        + name
        + extra
    )
