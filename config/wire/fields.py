"""The field types that every message is built from; bounds are part of the contract.

A pattern that ends in ``$`` goes on with a look ahead that forbids a line break: in Python ``$`` is also the place before
one that ends the text, elsewhere it is not.
"""

from typing import Annotated, Literal

import msgspec

Slug = Annotated[
    str,
    msgspec.Meta(pattern=r"^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$(?!\n)", description="id of a site, agent or camera"),
]
HexId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}$(?!\n)", description="128 random bits, hexadecimal")]
Sha256Hex = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)", description="SHA-256, hexadecimal")]
Micros = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1, description="microseconds UTC since 1970-01-01")]
SignedMicros = Annotated[int, msgspec.Meta(ge=-(2**53) + 1, le=2**53 - 1, description="a difference in microseconds")]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
ObjectKey = Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
VersionId = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Detail = Annotated[str, msgspec.Meta(max_length=200, description="for people; never holds a secret")]

CameraCondition = Literal[
    "starting", "recording", "unreachable", "unauthorised", "no_video", "stalled", "disk_full", "stopped"
]
"""What an agent can say of a camera:

starting      the agent has begun and has not had a frame yet
recording     frames arrive and are written
unreachable   no TCP connection, no RTSP answer, or no such stream
unauthorised  the camera asks for a user or password that the agent was not given, or refuses the one it has
no_video      the stream exists and carries no H.264 or H.265 video
stalled       the connection stands and frames have stopped, or cannot be written for another reason than want of room
disk_full     frames arrive and there is no room to write them
stopped       the agent was told to stop, or the camera was taken out of its configuration
"""
