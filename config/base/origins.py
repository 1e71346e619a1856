"""Addresses of servers: what is an origin, and which may go without TLS.

Invariant: an agent talks plain HTTP to its own machine only. Everything else is encrypted, or is not spoken to.
"""

import ipaddress
import re
from urllib.parse import urlsplit

from config.base.errors import InvalidInput

ORIGIN_CHARS_MAX = 120
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]")


def parse_origin(text: str) -> str:
    """``https://host[:port]`` in lower case; plain HTTP for loopback alone.

    Raises InvalidInput: ``bad_origin``, ``plain_http``.
    """
    try:
        parts = urlsplit(text.strip().lower())
        host, _port = parts.hostname or "", parts.port
    except ValueError as error:
        raise InvalidInput(f"no address of a server: {text[:120]!r}", code="bad_origin") from error
    if parts.scheme not in ("http", "https") or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise InvalidInput(f"no address of a server: {text[:120]!r}. Write https://host or https://host:port")
    where = parts.netloc
    if "@" in where or len(where) > ORIGIN_CHARS_MAX or not _HOST.fullmatch(f"[{host}]" if ":" in host else host):
        raise InvalidInput(f"no address of a server: {text[:120]!r}", code="bad_origin")
    if parts.scheme == "http" and not is_loopback(host):
        raise InvalidInput(
            f"http://{where} would send everything in the clear: only 127.0.0.1 may go without TLS. Write"
            f" https://{where}, and give the server a certificate",
            code="plain_http",
        )
    return f"{parts.scheme}://{where}"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine whatever any name server says: a loopback address, or ``localhost``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
