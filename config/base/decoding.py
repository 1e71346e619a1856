"""Typed decoding that several threads may begin at the same moment.

msgspec describes a type to itself when it first decodes into it; two threads that do so at once end the process with a
segmentation fault (measured with 0.22). Invariant: each type is described by one thread at a time, before anything is
decoded into it.
"""

import threading
from typing import Any, TypeVar

import msgspec

Kind = TypeVar("Kind")

_describing = threading.Lock()
_of_json: dict[Any, msgspec.json.Decoder[Any]] = {}
_of_msgpack: dict[Any, msgspec.msgpack.Decoder[Any]] = {}


def decode_json(data: bytes | str, kind: type[Kind]) -> Kind:
    """As ``msgspec.json.decode``. Raises msgspec.MsgspecError, UnicodeError, RecursionError."""
    decoder = _of_json.get(kind)
    if decoder is None:
        with _describing:
            decoder = _of_json[kind] = msgspec.json.Decoder(kind)
    return decoder.decode(data)  # type: ignore[no-any-return]


def decode_msgpack(data: bytes, kind: type[Kind]) -> Kind:
    """As ``msgspec.msgpack.decode``. Raises msgspec.MsgspecError, UnicodeError, RecursionError."""
    decoder = _of_msgpack.get(kind)
    if decoder is None:
        with _describing:
            decoder = _of_msgpack[kind] = msgspec.msgpack.Decoder(kind)
    return decoder.decode(data)  # type: ignore[no-any-return]


def convert(document: object, kind: type[Kind], *, from_attributes: bool = False) -> Kind:
    """As ``msgspec.convert``. Raises msgspec.ValidationError."""
    if kind not in _of_json:
        with _describing:
            _of_json[kind] = msgspec.json.Decoder(kind)
    return msgspec.convert(document, kind, from_attributes=from_attributes)
