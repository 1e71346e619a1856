"""Spoils an evidence package in every way that a forger or a bad disk might: at random, from a seed.

Two families. Those on the bytes (a flipped bit, a cut, something added, two pieces exchanged) need no understanding.
Those on the files take the package apart and put it together again as a well-formed archive, with its list of contents
brought up to date where that helps the forger: a file dropped, doubled, moved, changed, or grafted from another package.
"""

import hashlib
import io
import random
from collections.abc import Callable

from config.evidence import archive, package

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
        name = chance.choice(list(_BYTES) + list(_FILES))
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
    gone = chance.choice([package.segment_id_of(name)[1] for name, _ in files if name.startswith("segments/")])
    return [(name, content) for name, content in files if package.segment_id_of(name)[1] != gone]


def _reorder(files: Files, _donor: Files, chance: random.Random) -> Files:
    a, b = chance.randrange(len(files)), chance.randrange(len(files))
    moved = list(files)
    moved[a], moved[b] = moved[b], moved[a]
    return moved


def _swap_contents(files: Files, _donor: Files, chance: random.Random) -> Files:
    """Two files of one folder keep their names and exchange what they hold."""
    folder = chance.choice(["segments/", "manifests/", "entries/", "proofs/"])
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
    name, content = chance.choice(donor)
    kind = package.segment_id_of(name)[0] or name
    place = chance.choice([n for n, (mine, _) in enumerate(files) if (package.segment_id_of(mine)[0] or mine) == kind])
    return [*files[:place], (files[place][0], content), *files[place + 1 :]]


def _graft_recording(files: Files, donor: Files, chance: random.Random) -> Files:
    """A whole recording of another camera or day, proofs and all, is put at the end."""
    wanted = chance.choice([package.segment_id_of(name)[1] for name, _ in donor if name.startswith("segments/")])
    return files + [(name, content) for name, content in donor if package.segment_id_of(name)[1] == wanted]


_BYTES: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "bit flipped": _flip,
    "truncated": _truncate,
    "extended": _extend,
    "piece cut out": _cut_out,
    "pieces exchanged": _exchange,
}
_FILES: dict[str, Callable[[Files, Files, random.Random], Files]] = {
    "file dropped": _drop,
    "recording dropped": _drop_recording,
    "files reordered": _reorder,
    "contents swapped": _swap_contents,
    "file changed": _change,
    "file grafted": _graft_file,
    "recording grafted": _graft_recording,
}
