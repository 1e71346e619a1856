"""Why a camera gives no frames, as a condition of the wire contract and a sentence that says what to do.

Invariant: neither the sentence nor anything else in a fault holds the camera's user, password or URL; FFmpeg's own
texts carry the URL as it was opened, so only its numbers and types are read.
"""

import errno
import socket

import av.error

from config.base.errors import NightlightError
from config.wire.fields import CameraCondition


class CameraFault(NightlightError):
    """The session with a camera is over. ``condition`` goes to the server, the message to people."""

    code = "camera_fault"

    def __init__(self, condition: CameraCondition, message: str, *, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.condition = condition


_BY_ERRNO: dict[int, str] = {
    errno.ECONNREFUSED: "refuses the connection: is the port right, and is RTSP switched on?",
    errno.EHOSTUNREACH: "cannot be reached: check its address, cable and network",
    errno.ENETUNREACH: "cannot be reached: this machine has no route to its network",
    errno.ETIMEDOUT: "does not answer: check its address, power and network",
    errno.ECONNRESET: "closed the connection",
    errno.EPIPE: "closed the connection",
    errno.EIO: "cannot be reached: check the name or address in its URL",
}


def opening_fault(
    error: OSError | av.error.FFmpegError, elapsed_s: float, timeout_s: float, *, has_user: bool
) -> CameraFault:
    """Why a stream could not be opened; ``elapsed_s`` tells silence from an answer that makes no sense."""
    if isinstance(error, av.error.HTTPUnauthorizedError | av.error.HTTPForbiddenError):
        return CameraFault("unauthorised", _unauthorised(has_user=has_user))
    if isinstance(error, av.error.HTTPNotFoundError):
        return CameraFault("unreachable", "the camera answers, but knows no such stream: check the path in its URL")
    if isinstance(error, av.error.HTTPError):
        return CameraFault("unreachable", f"the camera answers with an error ({type(error).__name__})")
    if isinstance(error, socket.gaierror):
        return CameraFault("unreachable", f"the camera {_BY_ERRNO[errno.EIO]}")
    silent = av.error.ExitError | av.error.TimeoutError | TimeoutError | BlockingIOError
    if isinstance(error, silent) or elapsed_s >= timeout_s:
        return CameraFault(
            "unreachable", f"the camera did not answer within {timeout_s:.0f} s: check its address and power"
        )
    if isinstance(error, av.error.InvalidDataError):
        return CameraFault("unreachable", "what answers at the camera's address does not speak RTSP as expected")
    why = _BY_ERRNO.get(error.errno or 0, f"cannot be opened ({type(error).__name__})")
    return CameraFault("unreachable", f"the camera {why}")


def refused(status: int, transport: str, *, has_user: bool) -> CameraFault | None:
    """Why a camera said no, by its RTSP status; None where another client may fare better (RFC 2326, 7.1.1)."""
    if status in (401, 403):
        return CameraFault("unauthorised", _unauthorised(has_user=has_user))
    if status == 404:
        return CameraFault("unreachable", "the camera answers, but knows no such stream: check the path in its URL")
    if status == 461 and transport == "udp":
        return CameraFault("unreachable", "the camera sends no UDP: set transport to tcp")
    if status in (453, 503):
        return CameraFault("unreachable", "the camera has no room for another viewer: end one, or restart the camera")
    return None


def basic_fault(camera_id: str) -> CameraFault:
    """The camera would have the password itself, readable by everybody on the way; it was not sent."""
    return CameraFault(
        "unauthorised",
        "the camera asks for the password in clear (Basic), which was not sent: set its RTSP authentication to digest,"
        f" or permit it (allow_basic = true in the table of {camera_id}, or its set-up)",
        code="basic_only",
    )


def ffmpeg_basic_fault(camera_id: str) -> CameraFault:
    """The camera is left to FFmpeg, which would send the password in clear to whoever asks; it was not sent."""
    return CameraFault(
        "unauthorised",
        "the camera speaks RTSP in a way that is left to FFmpeg, which may send the password in clear: renew its"
        f" firmware, or permit it (allow_basic = true in the table of {camera_id}, or its set-up)",
        code="basic_only",
    )


def reading_fault(error: OSError | av.error.FFmpegError, stall_s: int) -> CameraFault:
    """Why a running stream ended."""
    if isinstance(error, av.error.ExitError | av.error.TimeoutError):
        return CameraFault("stalled", f"no frame for {stall_s} s although the connection stands")
    if isinstance(error, av.error.HTTPUnauthorizedError):
        return CameraFault("unauthorised", _unauthorised(has_user=True))
    return CameraFault("unreachable", f"the connection to the camera broke ({type(error).__name__})")


def ended_fault() -> CameraFault:
    """The camera closed the stream in good order."""
    return CameraFault("unreachable", "the camera closed the connection")


def no_video_fault(codecs: list[str]) -> CameraFault:
    """The stream has no video that can be recorded without re-encoding."""
    if codecs:
        return CameraFault("no_video", f"the stream carries {', '.join(codecs)[:60]}: set the camera to H.264 or H.265")
    return CameraFault("no_video", "the stream carries no video: check the path in the URL and the camera's settings")


def _unauthorised(*, has_user: bool) -> str:
    if has_user:
        return "the camera refuses this user and password: check username and password_file"
    return "the camera asks for a user and password: give username and password_file in its table"
