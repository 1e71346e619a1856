"""What can be asked of a running agent, and its answers; one line of JSON each.

Invariant: whatever is asked is bounded and leaves the recordings alone; the one question that changes anything, a
pause, ends by itself.
"""

from typing import Annotated

import msgspec

from config.base.errors import InvalidInput
from config.wire.acceptance import AcceptanceAnswer
from config.wire.fields import CameraCondition, Count, Micros, Slug

QUESTION_BYTES_MAX = 4_096
ANSWER_BYTES_MAX = 262_144
PAUSE_S_MAX = 120


class _Tagged(msgspec.Struct, frozen=True, tag=True, kw_only=True, forbid_unknown_fields=True):
    """Told apart by the name of its type."""


class AskStatus(_Tagged, frozen=True):
    """How are you?"""


class AskServer(_Tagged, frozen=True):
    """Ask the server what it has seen since an instant; with ``canary`` it tries an early deletion as well."""

    since_us: Micros
    canary: bool = False


class PauseCamera(_Tagged, frozen=True):
    """Let go of one camera for some seconds, as if its cable were pulled."""

    camera_id: Slug
    seconds: Annotated[int, msgspec.Meta(ge=1, le=PAUSE_S_MAX)]


class CameraNow(msgspec.Struct, frozen=True, kw_only=True):
    """One camera as the agent sees it."""

    camera_id: Slug
    condition: CameraCondition
    detail: str
    since_us: Micros
    last_frame_us: Micros | None
    frames_per_second: float
    bits_per_second: Count


class Status(_Tagged, frozen=True):
    """How the agent is; ``now_us`` is its own timeline."""

    site_id: Slug
    agent_id: Slug
    software: str
    now_us: Micros
    clock_offset_us: int | None
    clock_bound_us: int | None
    broker_connected: bool
    waiting_segments: Count
    waiting_bytes: Count
    outbox_messages: Count
    refused_messages: Count
    panels: Count
    """Alarm panels that are configured."""
    hanging: list[str]
    cameras: list[CameraNow]


class Seen(_Tagged, frozen=True):
    """The server's answer, as it came."""

    answer: AcceptanceAnswer


class Done(_Tagged, frozen=True):
    """It is so."""


class Refused(_Tagged, frozen=True):
    """It was not done; ``code`` as in the project's errors."""

    code: str
    detail: str


Question = AskStatus | AskServer | PauseCamera
Answer = Status | Seen | Done | Refused

_questions: msgspec.json.Decoder[Question] = msgspec.json.Decoder(Question)
_answers: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)


def pack(message: Question | Answer) -> bytes:
    """One line."""
    return msgspec.json.encode(message) + b"\n"


def read_question(line: bytes) -> Question:
    """Raises InvalidInput."""
    try:
        return _questions.decode(line)
    except msgspec.MsgspecError as error:
        raise InvalidInput(f"not a question that this agent knows: {error}", code="malformed") from error


def read_answer(line: bytes) -> Answer:
    """Raises InvalidInput."""
    try:
        return _answers.decode(line)
    except msgspec.MsgspecError as error:
        raise InvalidInput(f"the agent's answer makes no sense: {error}", code="malformed") from error
