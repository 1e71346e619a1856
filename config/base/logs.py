"""Logs: one JSON object a line, UTC, to standard error. No credential, name or address ever goes into one.

Any text that came from a URL passes through ``without_credentials`` before it is logged or put into an error.
"""

import contextlib
import logging
import re
import sys

import structlog

_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")


def without_credentials(text: str) -> str:
    """``text`` with the user and password of every URL in it removed."""
    return _USERINFO.sub("", text)


def _scrub(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = without_credentials(value)
    return event


class _StandardError:
    """Writes lines to whatever standard error is at that moment; a line that nobody can be told stops no work."""

    def msg(self, message: str) -> None:
        """Writes one line; a closed or full standard error is passed over."""
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(f"{message}\n")
            sys.stderr.flush()

    debug = info = warning = error = critical = exception = msg


def configure(process: str, level: str = "INFO") -> None:
    """Sets up logging for one process, named ``process`` in every line."""

    def name_process(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["process"] = process
        return event

    structlog.configure(
        processors=[
            name_process,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _scrub,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=lambda *_: _StandardError(),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")


def get_logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """The logger of a package; its noun is the prefix of each line."""
    return structlog.get_logger(package=name)  # type: ignore[no-any-return]
