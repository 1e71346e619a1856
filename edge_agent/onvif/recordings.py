"""What a camera keeps on its own memory, and where that is replayed from.

Source: ONVIF Recording Search Service Specification 5 (FindRecordings, GetRecordingSearchResults), ONVIF Replay Control
Service Specification 5 (GetReplayUri); both of Profile G.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from config.base.clock import from_datetime
from config.base.errors import NightlightError
from edge_agent.onvif.camera import REPLAY, SEARCH, OnvifCamera
from edge_agent.onvif.errors import nonsense
from edge_agent.onvif.soap import SCHEMA, child, text_of

RECORDINGS_MAX = 64
POLLS_MAX = 10
WAIT_S = 2.0


@dataclass(frozen=True)
class Recording:
    """One recording with video; instants by the camera's clock, None where it does not say."""

    token: str
    start_us: int | None
    end_us: int | None

    def overlaps(self, start_us: int, end_us: int) -> bool:
        """Whether it may hold something of ``[start, end)``."""
        begun = self.start_us is None or self.start_us < end_us
        return begun and (self.end_us is None or self.end_us > start_us)


def recordings(camera: OnvifCamera, wait: Callable[[float], object]) -> list[Recording]:
    """Everything with video in it. Raises what ``errors.ERRORS`` names, NotFound where there is no such service."""
    element = camera.call(
        SEARCH, "<FindRecordings><Scope></Scope><KeepAliveTime>PT30S</KeepAliveTime></FindRecordings>"
    )
    token = text_of(element, "SearchToken", SEARCH)
    if not token:
        raise nonsense("a search without a token")
    found: list[Recording] = []
    try:
        for _ in range(POLLS_MAX):
            request = (
                f"<GetRecordingSearchResults><SearchToken>{escape(token)}</SearchToken>"
                f"<MaxResults>{RECORDINGS_MAX}</MaxResults><WaitTime>PT{WAIT_S:.0f}S</WaitTime></GetRecordingSearchResults>"
            )
            results = child(camera.call(SEARCH, request), "ResultList", SEARCH)
            listed = [] if results is None else results.findall(f"{{{SCHEMA}}}RecordingInformation")
            found += [one for one in map(_recording, listed[:RECORDINGS_MAX]) if one is not None]
            if text_of(results, "SearchState") == "Completed" or len(found) >= RECORDINGS_MAX:
                break
            wait(0.5)
    finally:
        with suppress(NightlightError):  # it ends by itself as well
            camera.call(SEARCH, f"<EndSearch><SearchToken>{escape(token)}</SearchToken></EndSearch>")
    return found[:RECORDINGS_MAX]


def replay_url(camera: OnvifCamera, token: str) -> str:
    """Where a recording is replayed from, on the camera's own host. Raises what ``errors.ERRORS`` names."""
    setup = (
        f'<StreamSetup><Stream xmlns="{SCHEMA}">RTP-Unicast</Stream>'
        f'<Transport xmlns="{SCHEMA}"><Protocol>RTSP</Protocol></Transport></StreamSetup>'
    )
    element = camera.call(
        REPLAY, f"<GetReplayUri>{setup}<RecordingToken>{escape(token)}</RecordingToken></GetReplayUri>"
    )
    url = camera.reachable(text_of(element, "Uri", REPLAY))
    if not url.startswith("rtsp://"):
        raise nonsense("its replay is no RTSP")
    return url


def _recording(element: Element) -> Recording | None:
    token = text_of(element, "RecordingToken")
    tracks = element.findall(f"{{{SCHEMA}}}Track")
    videos = [track for track in tracks if text_of(track, "TrackType") == "Video"]
    if not token or (tracks and not videos):
        return None
    begins = [_instant(text_of(track, "DataFrom")) for track in videos]
    ends = [_instant(text_of(track, "DataTo")) for track in videos]
    start_us = _least(begins) if begins else _instant(text_of(element, "EarliestRecording"))
    # A track that is still recorded may name an end that is long past.
    recording = text_of(element, "RecordingStatus") in ("Recording", "Initiated")
    end_us = None if recording else (_most(ends) if ends else _instant(text_of(element, "LatestRecording")))
    return Recording(token, start_us, end_us)


def _least(instants: list[int | None]) -> int | None:
    known = [at for at in instants if at is not None]
    return min(known) if len(known) == len(instants) else None


def _most(instants: list[int | None]) -> int | None:
    known = [at for at in instants if at is not None]
    return max(known) if len(known) == len(instants) else None


def _instant(text: str) -> int | None:
    try:
        return from_datetime(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return None
