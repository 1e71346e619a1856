"""What is traced: one camera's life with its spool, by the agent's own parts. Says on its standard output what is safe.

``durable SEGMENT FRAMES``: a fragment has been synced. ``claimed SEGMENT``, ``uploaded SEGMENT``: the transaction has
returned. ``released SEGMENT``, ``evicted SEGMENT``: what a receipt and a full disk do.

    python -m tests.support.power_child FOLDER            the life
    python -m tests.support.power_child FOLDER recover    what a start does with what it finds
"""

import io
import sys
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.base.ids import fresh_id
from config.wire.envelope import Signer
from config.wire.segments import Receipt
from edge_agent.cameras.source import VideoPacket
from edge_agent.messages import Sealer
from edge_agent.recording.continuity import Frame
from edge_agent.recording.sink import sync_folder
from edge_agent.recording.writer import Header, SegmentWriter
from edge_agent.spool.ballast import Ballast
from edge_agent.spool.database import SpoolDatabase
from edge_agent.spool.outbox import Outbox
from edge_agent.spool.recovery import recover
from edge_agent.spool.segments import OpenSegment, SegmentSpool

CAMERA, BEGUN_US = "cam-1", 1_795_262_400_000_000
RATE, GOP, FRAMES = 10, 5, 20
FRAME_US = 1_000_000 // RATE


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def opened(folder: Path) -> tuple[SpoolDatabase, SegmentSpool]:
    """A spool on what lies in ``folder``."""
    database = SpoolDatabase(folder / "spool.sqlite3", Ballast(folder))
    sealer = Sealer("site-1", "agent-1", Signer(Ed25519PrivateKey.generate()))
    return database, SegmentSpool(database, folder, sealer, Outbox(database))


def stream() -> list[bytes]:
    """H.264, Annex B, one frame each."""
    output = io.BytesIO()
    container = av.open(output, "w", format="h264")
    video = container.add_stream("libx264", rate=RATE, options={"g": str(GOP), "bf": "0", "threads": "1"})
    video.width, video.height, video.pix_fmt = 128, 96, "yuv420p"
    made: list[bytes] = []
    noise = np.random.default_rng(1)
    for _ in range(FRAMES):
        picture = av.VideoFrame.from_ndarray(noise.integers(0, 255, (96, 128, 3), dtype=np.uint8), format="rgb24")
        made += [bytes(packet) for packet in video.encode(picture)]
    made += [bytes(packet) for packet in video.encode(None)]
    return made


def record(spool: SegmentSpool, frames: list[bytes], number: int) -> str:
    """One segment, from its row to its claim."""
    start_us = BEGUN_US + number * FRAMES * FRAME_US
    segment = OpenSegment(fresh_id(), CAMERA, fresh_id(), fresh_id(), start_us, "h264", 128, 96)
    header = Header(frames[0], "h264", Fraction(1, 90_000))
    spool.open(segment)
    writer = SegmentWriter(spool.part_path(CAMERA, segment.segment_id), spool.path(CAMERA, segment.segment_id), header)
    for place, data in enumerate(frames):
        packet = cast("VideoPacket", av.Packet(data))
        packet.time_base = Fraction(1, 90_000)
        packet.is_keyframe = place % GOP == 0
        at_us = place * FRAME_US
        writer.add(Frame(at_us, at_us, at_us, packet.is_keyframe, place == 0, "", packet))
        if packet.is_keyframe and place:
            say(f"durable {segment.segment_id} {place}")
    written = writer.finish()
    say(f"durable {segment.segment_id} {written.frames}")
    end_us = start_us + FRAMES * FRAME_US
    spool.finalise(segment, end_us=end_us, sha256=written.sha256, size_bytes=written.size_bytes, frames=written.frames)
    header.close()
    say(f"claimed {segment.segment_id}")
    return segment.segment_id


def main(folder: Path) -> None:
    frames = stream()
    (folder / CAMERA).mkdir()
    sync_folder(folder)
    database, spool = opened(folder)
    made = [record(spool, frames, number) for number in range(3)]
    waiting = {segment.segment_id: segment for segment in spool.waiting(10)}
    spool.uploaded(waiting[made[0]], "key", "v1")
    say(f"uploaded {made[0]}")
    word = {"message_id": fresh_id(), "site_id": "site-1", "agent_id": "agent-1"}
    receipt = Receipt(
        **word,
        segment_id=made[0],
        sha256=waiting[made[0]].sha256,
        object_key="key",
        version_id="v1",
        retain_until_us=1,
        verified_us=1,
    )
    say(f"releasing {made[0]}")
    spool.release(receipt)
    say(f"evicting {made[1]}")
    spool.evict(made[1], BEGUN_US)
    say(f"evicted {made[1]}")
    record(spool, frames, 3)
    database.close()


if __name__ == "__main__":
    if sys.argv[2:] == ["recover"]:
        recover(opened(Path(sys.argv[1]))[1], Path(sys.argv[1]))
    else:
        main(Path(sys.argv[1]))
