"""Why a camera could not be asked, as errors of the project's own tree with codes that the command line has words for."""

from config.base.errors import InvalidInput, NightlightError, NotFound, PermissionDenied, Unavailable


def silent(why: str) -> Unavailable:
    """Nobody there, or no whole answer in time."""
    return Unavailable(f"the camera does not answer over ONVIF: {why}", code="onvif_silent")


def refused() -> PermissionDenied:
    """The camera wants another user or password."""
    return PermissionDenied("the camera refuses this user and password for ONVIF", code="onvif_refused")


def nonsense(why: str) -> InvalidInput:
    """An answer that is no ONVIF, too large, or not to be trusted."""
    return InvalidInput(f"the camera's ONVIF answer cannot be used: {why}", code="onvif_nonsense")


def unsupported(what: str) -> NotFound:
    """The camera does not have this service or has nothing of the kind."""
    return NotFound(f"the camera has no {what}", code="onvif_unsupported")


ERRORS: tuple[type[NightlightError], ...] = (Unavailable, PermissionDenied, InvalidInput, NotFound)
"""What a call to a camera may raise."""
