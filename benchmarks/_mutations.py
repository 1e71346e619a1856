"""Spoils an evidence package in every way that a forger or a bad disk might: at random, from a seed.

Three families. Those on the bytes (a flipped bit, a cut, something added, two pieces exchanged) need no understanding.
Those on the files take the package apart and put it together again as a well-formed archive, with its list of contents
brought up to date where that helps the forger: a file dropped, doubled, moved, changed, or grafted from another package.
Those that leave the meaning alone write the same in other words: another archive program, a comment, a date, spaces in a
document. They are refused too, so that of one package there is one form, and nothing can be hidden in another.
"""

import base64
import hashlib
import io
import json
import random
import re
import struct
import zipfile
from collections.abc import Callable

from config.evidence import archive, package
from config.evidence.note import SignedNote

Files = list[tuple[str, bytes]]


def unpack(data: bytes) -> Files:
    return [(member.name, b"".join(member.blocks)) for member in archive.read(io.BytesIO(data))]


def pack(files: Files) -> bytes:
    out = io.BytesIO()
    writer = archive.ArchiveWriter(out.write)
    for name, content in files:
        writer.add(name, io.BytesIO(content))
    writer.close()
    return out.getvalue()


def mutate(data: bytes, donor: bytes, chance: random.Random) -> tuple[str, bytes]:
    """The name of what was done, and the spoiled package, which differs from ``data``."""
    while True:
        name = chance.choice(CLASSES)
        spoiled = _BYTES[name](data, chance) if name in _BYTES else _repacked(name, data, donor, chance)
        if spoiled != data:
            return name, spoiled


def _repacked(name: str, data: bytes, donor: bytes, chance: random.Random) -> bytes:
    files = _FILES[name](unpack(data), unpack(donor), chance)
    if chance.random() < 0.5:
        files = _relisted(files)
    return pack(list(dict(files).items()))


def _relisted(files: Files) -> Files:
    """With a list of contents that fits; the index, which is signed, stays."""
    listed = [
        package.Content(hashlib.sha256(content).hexdigest(), name)
        for name, content in files
        if name not in (package.INDEX, package.CONTENTS)
    ]
    return [(name, package.write_contents(listed) if name == package.CONTENTS else content) for name, content in files]


def _flip(data: bytes, chance: random.Random) -> bytes:
    spoiled = bytearray(data)
    spoiled[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(spoiled)


def _truncate(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def _extend(data: bytes, chance: random.Random) -> bytes:
    return data + chance.randbytes(chance.randrange(1, 100))


def _cut_out(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data))
    return data[:start] + data[start + chance.randrange(1, 200) :]


def _exchange(data: bytes, chance: random.Random) -> bytes:
    a, b, c, d = sorted(chance.randrange(len(data)) for _ in range(4))
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def _drop(files: Files, _donor: Files, chance: random.Random) -> Files:
    gone = chance.randrange(len(files))
    return files[:gone] + files[gone + 1 :]


def _drop_recording(files: Files, _donor: Files, chance: random.Random) -> Files:
    ends = ("segments/", "deleted/")
    gone = chance.choice([package.segment_id_of(name)[1] for name, _ in files if name.startswith(ends)])
    return [(name, content) for name, content in files if package.segment_id_of(name)[1] != gone]


def _reorder(files: Files, _donor: Files, chance: random.Random) -> Files:
    a, b = chance.randrange(len(files)), chance.randrange(len(files))
    moved = list(files)
    moved[a], moved[b] = moved[b], moved[a]
    return moved


def _swap_contents(files: Files, _donor: Files, chance: random.Random) -> Files:
    """Two files of one folder keep their names and exchange what they hold."""
    folders = ["segments/", "manifests/", "entries/", "proofs/", "deleted/"]
    folder = chance.choice([each for each in folders if any(name.startswith(each) for name, _ in files)])
    a, b = chance.choices([place for place, (name, _) in enumerate(files) if name.startswith(folder)], k=2)
    swapped = list(files)
    swapped[a], swapped[b] = (files[a][0], files[b][1]), (files[b][0], files[a][1])
    return swapped


def _change(files: Files, _donor: Files, chance: random.Random) -> Files:
    place = chance.randrange(len(files))
    name, content = files[place]
    changed = _flip(content, chance) if content else b"x"
    return [*files[:place], (name, changed), *files[place + 1 :]]


def _graft_file(files: Files, donor: Files, chance: random.Random) -> Files:
    """A file of the same kind from another camera or day takes a file's place."""
    kinds = [package.segment_id_of(name)[0] or name for name, _ in files]
    name, content = chance.choice([each for each in donor if (package.segment_id_of(each[0])[0] or each[0]) in kinds])
    kind = package.segment_id_of(name)[0] or name
    place = chance.choice([n for n, mine in enumerate(kinds) if mine == kind])
    return [*files[:place], (files[place][0], content), *files[place + 1 :]]


def _graft_recording(files: Files, donor: Files, chance: random.Random) -> Files:
    """A whole recording of another camera or day, proofs and all, is put at the end."""
    wanted = chance.choice([package.segment_id_of(name)[1] for name, _ in donor if name.startswith("segments/")])
    return files + [(name, content) for name, content in donor if package.segment_id_of(name)[1] == wanted]


def _called_deleted(files: Files, _donor: Files, chance: random.Random) -> Files:
    """A recording is taken out, and said to have gone on its day by a certificate that is there, or that is not."""
    there = [place for place, (name, _) in enumerate(files) if name.startswith("segments/")]
    if not there:
        return files
    place = chance.choice(there)
    told = [content for name, content in files if name.startswith("deleted/")] or [b'{"certificate":5}']
    name = f"deleted/{package.segment_id_of(files[place][0])[1]}.json"
    return [*files[:place], (name, chance.choice(told)), *files[place + 1 :]]


def _certificate_changed(files: Files, _donor: Files, chance: random.Random) -> Files:
    """A figure, a letter or a whole entry of what certifies deletions and tells of audits; or where it is pointed at."""
    named = (package.DELETIONS, package.AUDITS, "deleted/")
    there = [place for place, (name, _) in enumerate(files) if name.startswith(named)]
    if not there:
        return files
    place = chance.choice(there)
    name, content = files[place]
    told = json.loads(content)
    if isinstance(told, list) and chance.random() < 0.3:
        changed = json.dumps(chance.choice([told[1:], told[::-1], told * 2, []]), separators=(",", ":")).encode()
    else:
        at = chance.choice([found.start() for found in re.finditer(rb"[0-9a-z]", content)])
        changed = content[:at] + chance.choice(b"0123456789abcdef").to_bytes(1) + content[at + 1 :]
    return [*files[:place], (name, changed), *files[place + 1 :]]


def _archived_elsewhere(data: bytes, chance: random.Random) -> bytes:
    """The same files by another program, with its own dates, comments and compression."""
    out = io.BytesIO()
    method = chance.choice([zipfile.ZIP_STORED, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    with zipfile.ZipFile(out, "w", method) as other:
        for name, content in unpack(data):
            about = zipfile.ZipInfo(name, chance.choice([(1980, 1, 1, 0, 0, 0), (2026, 11, 22, 3, 0, 0)]))
            about.compress_type = method
            about.external_attr = chance.choice([0, 0o644 << 16])
            about.create_system = chance.choice([0, 3])
            other.writestr(about, content)
        other.comment = chance.choice([b"", b"", b"checked"])
    return out.getvalue()


_HEADER_FIELDS = {
    b"PK\3\4": [(4, 2), (6, 2), (8, 2), (10, 2), (12, 2), (28, 2)],
    b"PK\1\2": [
        (4, 2),
        (6, 2),
        (8, 2),
        (10, 2),
        (12, 2),
        (14, 2),
        (30, 2),
        (32, 2),
        (34, 2),
        (36, 2),
        (38, 4),
        (42, 4),
    ],
    b"PK\5\6": [(4, 2), (6, 2), (8, 2), (10, 2), (20, 2)],
}
"""Offset and width of versions, flags, methods, times, lengths of extras, disks, attributes and comments."""


def _header(data: bytes, chance: random.Random) -> bytes:
    """One field of a header that most programs never look at."""
    mark = chance.choice(list(_HEADER_FIELDS))
    at = chance.choice([found.start() for found in re.finditer(re.escape(mark), data)])
    offset, width = chance.choice(_HEADER_FIELDS[mark])
    value = chance.choice([1, 2, 8, 0x21, 0x800, chance.randrange(1 << 8 * width)])
    return data[: at + offset] + value.to_bytes(width, "little") + data[at + offset + width :]


def _commented(data: bytes, chance: random.Random) -> bytes:
    """A comment or an extra field, with its length told as it should be."""
    extra = struct.pack("<HH", 0x5455, 5) + chance.randbytes(5)
    comment = chance.randbytes(chance.randrange(1, 60))
    central = chance.choice([found.start() for found in re.finditer(re.escape(b"PK\1\2"), data)])
    end = data.rindex(b"PK\5\6")
    at, field, added = chance.choice([(central, 30, extra), (central, 32, comment), (end, 20, comment)])
    behind = at + 46 + int.from_bytes(data[at + 28 : at + 30], "little") if at == central else len(data)
    told = data[: at + field] + len(added).to_bytes(2, "little") + data[at + field + 2 :]
    return told[:behind] + added + told[behind:]


def _respelled(files: Files, _donor: Files, chance: random.Random) -> Files:
    """A document with other spaces, another order or another spelling of the same letters."""
    place = chance.choice([n for n, (name, _) in enumerate(files) if name.endswith(".json")])
    name, content = files[place]
    told = json.loads(content)
    other = [
        json.dumps(told, indent=1),
        json.dumps(dict(reversed(told.items())) if isinstance(told, dict) else told, separators=(",", ":")),
        content.decode().replace("-", "\\u002d", 1),
        content.decode().replace("{", '{"odd":0,', 1),
        content.decode() + "\n",
    ]
    return [*files[:place], (name, chance.choice(other).encode()), *files[place + 1 :]]


def _reencoded(files: Files, _donor: Files, chance: random.Random) -> Files:
    """The index's signature or payload in base64 that decodes to the same; a note with a line that proves nothing."""
    if chance.random() < 0.5:
        note = SignedNote.parse(dict(files)[package.CHECKPOINT]).serialise()
        changed = note + "\u2014 nobody ".encode() + base64.b64encode(chance.randbytes(68)) + b"\n"
        return [(name, changed if name == package.CHECKPOINT else content) for name, content in files]
    index = dict(files)[package.INDEX]
    ends = [found.start() for found in re.finditer(rb'[A-Za-z0-9+/]={1,2}"', index)]
    if not ends:
        return files
    at = chance.choice(ends)
    letter = index[at : at + 1].decode()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = alphabet[alphabet.index(letter) ^ 1].encode()  # a bit that no decoder reads
    changed = index[:at] + other + index[at + 1 :]
    return [(name, changed if name == package.INDEX else content) for name, content in files]


_BYTES: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "bit flipped": _flip,
    "truncated": _truncate,
    "extended": _extend,
    "piece cut out": _cut_out,
    "pieces exchanged": _exchange,
    "archived elsewhere": _archived_elsewhere,
    "header changed": _header,
    "comment added": _commented,
}
_FILES: dict[str, Callable[[Files, Files, random.Random], Files]] = {
    "file dropped": _drop,
    "recording dropped": _drop_recording,
    "files reordered": _reorder,
    "contents swapped": _swap_contents,
    "file changed": _change,
    "file grafted": _graft_file,
    "recording grafted": _graft_recording,
    "recording called deleted": _called_deleted,
    "certificate changed": _certificate_changed,
    "document respelled": _respelled,
    "encoding changed": _reencoded,
}
CLASSES = [*_BYTES, *_FILES]
