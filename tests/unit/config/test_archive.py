"""The package's container: other programs read it, and not one byte of it can be changed."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.base.errors import IntegrityViolation, InvalidInput
from config.evidence import archive
from config.evidence.archive import ArchiveWriter, Stored, read

FILES = {"index.json": b"{}", "segments/a.mp4": bytes(range(256)) * 20, "empty.txt": b""}


def written(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    writer = ArchiveWriter(out.write)
    for name, content in files.items():
        writer.add(name, io.BytesIO(content))
    writer.close()
    return out.getvalue()


def found(data: bytes) -> dict[str, bytes]:
    return {member.name: b"".join(member.blocks) for member in read(io.BytesIO(data))}


def test_what_is_written_is_read_by_us_and_by_the_standard_library() -> None:
    data = written(FILES)
    assert found(data) == FILES
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        assert opened.testzip() is None
        assert {name: opened.read(name) for name in opened.namelist()} == FILES


def test_an_empty_package_is_one() -> None:
    assert found(written({})) == {}


def test_members_may_be_skipped() -> None:
    assert [member.name for member in read(io.BytesIO(written(FILES)))] == list(FILES)


@given(st.data())
def test_every_changed_bit_is_found(data: st.DataObject) -> None:
    whole = written(FILES)
    spoiled = bytearray(whole)
    at = data.draw(st.integers(0, len(whole) - 1))
    spoiled[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(IntegrityViolation):
        found(bytes(spoiled))


def test_every_truncation_and_anything_behind_is_found() -> None:
    whole = written({"a": b"x", "b": b"yy"})
    for length in range(len(whole)):
        with pytest.raises(IntegrityViolation):
            found(whole[:length])
    with pytest.raises(IntegrityViolation):
        found(whole + b"\0")


@pytest.mark.parametrize("name", ["", "/a", "../a", "a/../b", "a//b", "A", "ä", "a\0", "x" * 201, "a/"])
def test_a_name_that_could_do_harm_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        written({name: b""})


def test_a_name_comes_once() -> None:
    writer = ArchiveWriter(io.BytesIO().write)
    writer.add("a", io.BytesIO(b""))
    with pytest.raises(InvalidInput):
        writer.add("a", io.BytesIO(b""))


def test_a_file_that_shrinks_while_it_is_read_is_no_evidence() -> None:
    class Shrinking(io.BytesIO):
        def seek(self, offset: int, whence: int = 0) -> int:
            self.truncate(1)
            return super().seek(offset, whence)

    with pytest.raises(IntegrityViolation):
        ArchiveWriter(io.BytesIO().write).add("a", Shrinking(b"xyz"))


def test_offsets_and_counts_beyond_the_old_limits_are_written_as_zip64() -> None:
    # A sparse file stands for what no test can write: the directory alone is looked at, by the standard library.
    far = 5 * 2**32
    entry = Stored("a", 1, 0xE8B7BE43, far)
    local = archive._local_header(entry) + b"a"
    sparse = SparseTail(far, local + archive._directory([entry], far + len(local)))
    with zipfile.ZipFile(sparse) as opened:
        assert opened.infolist()[0].header_offset == far
        assert opened.read("a") == b"a"
    many = [Stored(f"f{n}", 0, 0, 32 * n) for n in range(70_000)]
    data = archive._directory(many, 0)
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        assert len(opened.infolist()) == 70_000


class SparseTail(io.RawIOBase):
    """``lead`` zero bytes that take no room, then ``tail``."""

    def __init__(self, lead: int, tail: bytes) -> None:
        self.lead, self.tail, self.at = lead, tail, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.at

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = (0, self.at, self.lead + len(self.tail))[whence] + offset
        return self.at

    def read(self, size: int = -1) -> bytes:
        start = self.at - self.lead
        end = len(self.tail) if size < 0 else start + size
        data = b"\0" * max(0, min(end, 0) - start) + self.tail[max(0, start) : max(0, end)]
        self.at += len(data)
        return data
