"""Whether frames follow one another without a hole, and when each was captured. Pure: times come with the frames.

Invariant (I1): two frames stand in the same run only where both clocks, the camera's and ours, agree that no more than
``frame_gap_us`` lies between them. A camera whose presentation times go on regardless while it sent nothing is found
out by its arrivals, also where it only falls behind bit by bit; a network that held frames back and then delivers them all is
not blamed.

Frames are held back for a moment in two cases: at the start, until their times and the origin are known (the first
packet of an RTSP session has none, and a camera may send a burst first), and after a silence, until it is clear
whether the missing frames come after all.
"""

from collections import deque
from itertools import pairwise
from statistics import median_low
from typing import NamedTuple

from config.base.clock import US_PER_S
from edge_agent.cameras.source import VideoPacket
from edge_agent.recording.timebase import ArrivalFilter

SETTLE_US = 1 * US_PER_S
CATCH_UP_US = 2 * US_PER_S
HELD_MAX = 600
FRAME_US_UNKNOWN = 40_000
RECENT_FRAMES = 25
LEAP_US = 200_000


class Arrival(NamedTuple):
    """A packet as it came; ``arrival_us`` is monotonic, the others count from the camera's own origin."""

    presented_us: int | None
    decoded_us: int | None
    arrival_us: int
    is_key: bool
    packet: VideoPacket | None = None


class Frame(NamedTuple):
    """A packet whose place in time is known; ``captured_us`` is monotonic."""

    presented_us: int
    decoded_us: int
    captured_us: int
    is_key: bool
    begins_run: bool
    why: str = ""
    """Where it begins a run: what broke the one before."""
    packet: VideoPacket | None = None


def with_times(held: list[Arrival]) -> list[Arrival]:
    """The held packets with every missing time filled in; empty where none of them has any.

    FFmpeg leaves the times of a session's first packets open. The origin of an RTSP session's times is its first
    packet; decoding times count back from the first one that is known.
    """
    known = [(i, a.decoded_us) for i, a in enumerate(held) if a.decoded_us is not None]
    if not known:
        known = [(i, a.presented_us) for i, a in enumerate(held) if a.presented_us is not None]
    if not known:
        return []
    frame_us = typical_us([at for _, at in known])
    first, first_us = known[0]
    filled: list[Arrival] = []
    for i, arrival in enumerate(held):
        decoded_us = arrival.decoded_us
        if decoded_us is None:
            decoded_us = first_us - (first - i) * frame_us if i < first else None
        if decoded_us is None:  # a packet without times amid others: nothing can be claimed for it
            continue
        presented_us = arrival.presented_us
        if presented_us is None:
            presented_us = 0 if i == 0 and abs(decoded_us) <= 4 * frame_us else decoded_us
        filled.append(arrival._replace(presented_us=presented_us, decoded_us=decoded_us))
    return filled


def typical_us(instants: list[int]) -> int:
    """The usual distance between neighbours in a list of instants."""
    steps = [after - before for before, after in pairwise(instants) if after > before]
    return median_low(steps) if steps else FRAME_US_UNKNOWN


def break_between(last_us: int, next_us: int, frame_gap_us: int) -> str:
    """Why two decoding times in a row cannot belong to one run; empty where they can."""
    step_us = next_us - last_us
    if step_us <= 0:
        return "the camera's time went back"
    if step_us > frame_gap_us:
        return f"no frames for {step_us / US_PER_S:.1f} s"
    return ""


class Continuity:
    """Turns the packets of one session into placed frames, in order; a frame that follows a break says so."""

    def __init__(self, frame_gap_us: int) -> None:
        self._frame_gap_us = frame_gap_us
        self._origin = ArrivalFilter()
        self._held: list[Arrival] = []
        self._held_why = "a new session"
        self._settling = True
        self._last: Arrival | None = None
        self._newest_us = 0
        """The latest instant at which a frame of this run was captured."""
        self._recent_us: deque[int] = deque(maxlen=RECENT_FRAMES)
        self.leapt_us = 0
        """By how much the camera's time has leapt over what passed here: its clock was set, or what came late had holes."""

    @property
    def frame_us(self) -> int:
        """How long one frame usually lasts."""
        return typical_us(list(self._recent_us))

    def take(self, arrival: Arrival) -> list[Frame]:
        """The frames whose place became known with this packet; often one, none while frames are held back."""
        if self._settling:
            return self._settle(arrival)
        if arrival.decoded_us is None:
            return []
        if arrival.presented_us is None:
            arrival = arrival._replace(presented_us=arrival.decoded_us)
        if self._held:
            return self._catch_up(arrival)
        return self._follow(arrival)

    def flush(self) -> list[Frame]:
        """What is still held back when the session ends, as far as it can be placed.

        Frames held after a silence are let go: nobody will ever know whether those before them are missing. (FFmpeg
        itself hands out one such frame when it gives up waiting: the last one, which it had kept back.)
        """
        return self._begin(self._held, self._held_why) if self._settling and self._held else []

    def _settle(self, arrival: Arrival) -> list[Frame]:
        self._held.append(arrival)
        if arrival.arrival_us - self._held[0].arrival_us < SETTLE_US and len(self._held) < HELD_MAX:
            return []
        return self._begin(self._held, self._held_why)

    def _begin(self, held: list[Arrival], why: str) -> list[Frame]:
        """Places held packets as the beginning of a run, on an origin of their own."""
        held = with_times(held)
        self._held, self._settling = [], False
        self._origin, self._last = ArrivalFilter(), None
        for arrival in held:
            self._origin.observe(arrival.arrival_us, _known(arrival.presented_us))
        placed: list[Frame] = []
        for arrival in held:
            broken = (
                break_between(_known(self._last.decoded_us), _known(arrival.decoded_us), self._frame_gap_us)
                if self._last
                else why
            )
            placed.append(self._place(arrival, broken))
        self._settling = not placed
        return placed

    def _follow(self, arrival: Arrival) -> list[Frame]:
        last = self._last
        if last is None:
            return self._settle(arrival)
        why = break_between(_known(last.decoded_us), _known(arrival.decoded_us), self._frame_gap_us)
        if why:
            self._settling, self._held, self._held_why = True, [arrival], why
            return []
        silent_us = arrival.arrival_us - last.arrival_us
        if silent_us > self._frame_gap_us and self._late_us(arrival) > self._frame_gap_us:
            self._held, self._held_why = [arrival], f"no frames for {silent_us / US_PER_S:.1f} s"
            return []
        self._origin.observe(arrival.arrival_us, _known(arrival.presented_us))
        return [self._place(arrival, "")]

    def _catch_up(self, arrival: Arrival) -> list[Frame]:
        """After a silence: frames that only came late bring the delay down again; missing ones never do."""
        before = self._held[-1]
        broken = break_between(_known(before.decoded_us), _known(arrival.decoded_us), self._frame_gap_us)
        self._held.append(arrival)
        if not broken and self._late_us(arrival) <= self._frame_gap_us:
            held, self._held = self._held, []
            for late in held:
                self._origin.observe(late.arrival_us, _known(late.presented_us))
            return [self._place(late, "") for late in held]
        waited_us = arrival.arrival_us - self._held[0].arrival_us
        if broken or waited_us > CATCH_UP_US or len(self._held) >= HELD_MAX:
            return self._begin(self._held, self._held_why)
        return []

    def _late_us(self, arrival: Arrival) -> int:
        return arrival.arrival_us - _known(arrival.presented_us) - self._origin.origin_us

    def _place(self, arrival: Arrival, broken: str) -> Frame:
        decoded_us, presented_us = _known(arrival.decoded_us), _known(arrival.presented_us)
        last = self._last
        if last is not None and not broken and decoded_us - _known(last.decoded_us) > LEAP_US:
            self._note_leap(decoded_us - _known(last.decoded_us), arrival.arrival_us - last.arrival_us)
        self._last = arrival
        self._recent_us.append(decoded_us)
        captured_us = presented_us + self._origin.origin_us
        if last is not None and not broken and captured_us - self._newest_us > self._frame_gap_us:
            # What comes ever later, and never after a silence, moves the origin: time passed that no frame fills.
            broken = f"frames come {(captured_us - self._newest_us) / US_PER_S:.1f} s later than they did"
        self._newest_us = captured_us if broken or last is None else max(self._newest_us, captured_us)
        return Frame(presented_us, decoded_us, captured_us, arrival.is_key, bool(broken), broken, arrival.packet)

    def _note_leap(self, step_us: int, passed_us: int) -> None:
        if step_us > 2 * self.frame_us:
            self.leapt_us += max(0, step_us - max(0, passed_us))


def _known(instant_us: int | None) -> int:
    if instant_us is None:
        raise ValueError("a packet without times was to be placed")
    return instant_us
