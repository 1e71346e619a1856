"""The error tree. Adapters alone translate foreign exceptions into it, always with ``from``.

A shortfall (a gap, a missing object) is a verdict, not an exception: these are for work that could not be done.
"""


class NightlightError(Exception):
    """Root of every error that Nightlight raises on purpose.

    ``code`` is stable and machine-readable; the message says what to do and holds no secret.
    """

    code = "error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class InvalidInput(NightlightError):
    """The input can never be accepted as it is: quarantine it, never retry it."""

    code = "invalid_input"


class NotFound(NightlightError):
    """No such thing, or none that this caller may know of (invariant I7)."""

    code = "not_found"


class PermissionDenied(NightlightError):
    """The caller is known and may not do this."""

    code = "permission_denied"


class Conflict(NightlightError):
    """The state has moved on: read again, then decide."""

    code = "conflict"


class Unavailable(NightlightError):
    """A peer does not answer now: retry, with a bound."""

    code = "unavailable"


class ResourceExhausted(NightlightError):
    """Disk, quota or queue is full: raise an alarm."""

    code = "resource_exhausted"


class IntegrityViolation(NightlightError):
    """Evidence is not what was claimed: never retried; alarm and record."""

    code = "integrity_violation"


class ConfigurationError(NightlightError):
    """The process cannot start: the message names the key and the file."""

    code = "configuration"
