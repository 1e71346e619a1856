"""Threads that decode into a type for the first time at the same moment: msgspec by itself ends the process."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from config.base.decoding import convert, decode_json, decode_msgpack

ROOT = Path(__file__).resolve().parents[3]
AT_ONCE = """
import sys, threading, msgspec
from config.base.decoding import convert, decode_json, decode_msgpack
sys.setswitchinterval(1e-6)
SOURCE = '''
import msgspec
class Inner(msgspec.Struct):
    a: int
    b: list[int]
class Outer(msgspec.Struct):
    x: Inner
    y: dict[str, Inner]
    z: list[Inner]
'''
DOCUMENT = {"x": {"a": 1, "b": [1]}, "y": {}, "z": []}
WAYS = [
    lambda kind: decode_json(msgspec.json.encode(DOCUMENT), kind),
    lambda kind: decode_msgpack(msgspec.msgpack.encode(DOCUMENT), kind),
    lambda kind: convert(DOCUMENT, kind),
]
decoded = []
for _ in range(60):
    made = {}
    exec(SOURCE, made)
    gate = threading.Barrier(6)
    def run(way, kind=made["Outer"], gate=gate):
        gate.wait()
        decoded.append(way(kind))
    threads = [threading.Thread(target=run, args=(way,)) for way in WAYS * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print(len(decoded))
"""


class Point(msgspec.Struct):
    x: int


def test_threads_may_decode_into_a_type_for_the_first_time_at_once() -> None:
    ended = subprocess.run([sys.executable, "-c", AT_ONCE], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout.strip()) == (0, "360"), ended.stderr[-2_000:]


def test_it_decodes_as_msgspec_does() -> None:
    for _ in range(2):
        assert decode_json(b'[{"x":1}]', list[Point]) == [Point(1)]
        assert decode_msgpack(msgspec.msgpack.encode({"x": 1}), Point) == Point(1)
        assert convert({"x": 1}, Point) == Point(1)
    for attempt in (
        lambda: decode_json(b'{"x":"1"}', Point),
        lambda: decode_msgpack(b"\xa1x", Point),
        lambda: convert({"x": "1"}, Point),
    ):
        with pytest.raises(msgspec.ValidationError):
            attempt()
