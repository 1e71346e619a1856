"""Digital inputs of a camera, by a pull point: the camera is asked, and answers when something has changed.

    with inputs(camera) as point:
        for change in point.pull(wait_s=10): …

Invariant: a subscription ends with its holder, and by itself after ``TERMINATION_S`` where the holder died.

Source: ONVIF Core Specification 9 (events, real-time pull-point), Annex on ``tns1:Device/Trigger/DigitalInput``;
WS-Addressing 1.0 (reference parameters are echoed as headers).
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self
from xml.etree.ElementTree import Element, tostring
from xml.sax.saxutils import escape

from config.base.clock import from_datetime
from config.base.errors import NightlightError
from edge_agent.onvif.camera import EVENT_ACTIONS, EVENTS, OnvifCamera
from edge_agent.onvif.errors import nonsense
from edge_agent.onvif.soap import SCHEMA, child, text_of

WSA = "http://www.w3.org/2005/08/addressing"
WSNT = "http://docs.oasis-open.org/wsn/b-2"
TERMINATION_S = 120
WAIT_S_MAX = 60.0
GRACE_S = 5.0
MESSAGES_MAX = 64
PARAMETERS_BYTES_MAX = 4_096
TOPIC = "Trigger/DigitalInput"
ON = ("true", "1", "on", "active", "high", "closed")


@dataclass(frozen=True)
class InputChange:
    """One state of one input."""

    input_token: str
    active: bool
    camera_us: int | None
    """By the camera's own clock; None where it does not say."""
    initial: bool
    """The state at the time of subscribing, not a change."""
    topic: str


class PullPoint:
    """One subscription. Use it from one thread."""

    def __init__(self, camera: OnvifCamera, address: str, headers: str) -> None:
        self._camera = camera
        self._address = address
        self._headers = headers

    def pull(self, wait_s: float) -> list[InputChange]:
        """Changes, as soon as there are some or after ``wait_s``; none where nothing changed.

        Raises what ``errors.ERRORS`` names; the subscription is then over: make another.
        """
        wait_s = max(1.0, min(wait_s, WAIT_S_MAX))
        element = self._camera.call(
            EVENTS,
            f"<PullMessages><Timeout>PT{wait_s:.0f}S</Timeout><MessageLimit>{MESSAGES_MAX}</MessageLimit></PullMessages>",
            at=self._address,
            headers=self._headers + _addressed("PullMessages", self._address),
            within_s=wait_s + GRACE_S,
        )
        found = [_change(one) for one in element.findall(f"{{{WSNT}}}NotificationMessage")[:MESSAGES_MAX]]
        return [change for change in found if change is not None]

    def renew(self) -> None:
        """Not needed between pulls, which renew by themselves; for a holder who pauses."""
        self._camera.call(
            WSNT,
            f"<Renew><TerminationTime>PT{TERMINATION_S}S</TerminationTime></Renew>",
            at=self._address,
            headers=self._headers + _addressed("Renew", self._address),
        )

    def close(self) -> None:
        """Lets the camera forget the subscription; where it does not answer, it does so by itself."""
        with suppress(NightlightError):
            self._camera.call(
                WSNT,
                "<Unsubscribe",
                at=self._address,
                headers=self._headers + _addressed("Unsubscribe", self._address),
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()


def inputs(camera: OnvifCamera) -> PullPoint:
    """Subscribes to everything: cameras that choke on a filter are common, and there is little to sort out.

    Raises what ``errors.ERRORS`` names, NotFound where the camera has no events.
    """
    element = camera.call(
        EVENTS,
        "<CreatePullPointSubscription><InitialTerminationTime>"
        f"PT{TERMINATION_S}S</InitialTerminationTime></CreatePullPointSubscription>",
    )
    reference = child(element, "SubscriptionReference", EVENTS)
    address = text_of(reference, "Address", WSA)
    if not address:
        raise nonsense("a subscription without an address")
    parameters = child(reference, "ReferenceParameters", WSA)
    echoed = "" if parameters is None else "".join(tostring(one, encoding="unicode") for one in parameters)
    if len(echoed) > PARAMETERS_BYTES_MAX:
        raise nonsense("a subscription with too much to repeat")
    return PullPoint(camera, address, echoed)


def _addressed(operation: str, to: str) -> str:
    return f'<a:Action xmlns:a="{WSA}">{EVENT_ACTIONS[operation]}</a:Action><a:To xmlns:a="{WSA}">{escape(to)}</a:To>'


def _change(notification: Element) -> InputChange | None:
    topic = text_of(notification, "Topic", WSNT)
    message = child(notification, "Message", WSNT)
    inner = child(message, "Message")
    if TOPIC not in topic or inner is None:
        return None
    source, data = _items(child(inner, "Source")), _items(child(inner, "Data"))
    state = next((value for name, value in data.items() if name in ("LogicalState", "State")), None)
    token = next((value for name, value in source.items() if name in ("InputToken", "Token", "RelayInputToken")), "")
    if state is None:
        return None
    initial = inner.get("PropertyOperation", "") == "Initialized"
    return InputChange(token, state.lower() in ON, _instant(inner.get("UtcTime", "")), initial, topic[:128])


def _items(element: Element | None) -> dict[str, str]:
    found = [] if element is None else element.findall(f"{{{SCHEMA}}}SimpleItem")[:16]
    return {item.get("Name", "")[:64]: item.get("Value", "")[:64] for item in found}


def _instant(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text[:40])
        return from_datetime(moment)
    except (ValueError, OverflowError):
        return None
