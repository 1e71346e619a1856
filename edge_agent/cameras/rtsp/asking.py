"""RTSP requests and answers as text, and how a client proves who it is. Pure but for the random client nonce.

Invariants: neither a password nor a header that proves it is in anything that is logged or raised. Basic, which sends the
password itself, is answered only where ``allow_basic`` says so: whoever answers at an address could ask for it.

Source: RFC 2326 sections 6, 7 and 12; RFC 7617 (Basic); RFC 2617 and RFC 7616 (Digest, MD5 and SHA-256).
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from config.base.errors import InvalidInput

AGENT = "Nightlight"
HEAD_BYTES_MAX = 16_384
BODY_BYTES_MAX = 262_144
BASIC = 1
"""Rank of the way that is no proof but the password."""
_FIELD = re.compile(r'([a-zA-Z_-]+)\s*=\s*(?:"([^"]*)"|([^\s,]+))')
_HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


@dataclass(frozen=True)
class Answer:
    """One answer; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    challenges: tuple[str, ...]
    body: bytes = b""


def read_head(head: bytes) -> tuple[Answer, int]:
    """An answer without its body, and how long that is. Raises InvalidInput."""
    lines = head.decode("utf-8", "replace").split("\r\n")
    first = lines[0].split(" ", 2)
    if len(first) < 2 or not first[0].startswith("RTSP/") or not first[1].isdecimal():
        raise InvalidInput("not an RTSP answer")
    headers, challenges = dict[str, str](), list[str]()
    for line in lines[1:]:
        name, _, value = line.partition(":")
        name = name.strip().lower()
        if name == "www-authenticate":
            challenges.append(value.strip())
        headers[name] = value.strip()
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > BODY_BYTES_MAX:
        raise InvalidInput("an answer that is too long")
    return Answer(int(first[1]), headers, tuple(challenges)), int(length)


def request(method: str, url: str, sequence: int, headers: Mapping[str, str]) -> bytes:
    """One request without a body."""
    lines = [f"{method} {url} RTSP/1.0", f"CSeq: {sequence}", f"User-Agent: {AGENT}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


@dataclass
class Credentials:
    """Proves a user to a camera that asks; remembers how it asked."""

    user: str
    password: str = field(repr=False)
    allow_basic: bool = False
    _scheme: str = ""
    _asked: dict[str, str] = field(default_factory=dict, repr=False)
    _count: int = 0

    def challenged(self, challenges: tuple[str, ...]) -> bool:
        """Takes the best challenge it can answer; False where there is none, or this very proof was refused."""
        ranked = sorted(challenges, key=_rank, reverse=True)
        if not self.user or not ranked or _rank(ranked[0]) < (BASIC if self.allow_basic else BASIC + 1):
            return False
        scheme, _, rest = ranked[0].partition(" ")
        asked = {name.lower(): quoted or bare for name, quoted, bare in _FIELD.findall(rest)}
        stale = asked.get("stale", "").lower() == "true"
        again = bool(self._scheme) and not stale and asked.get("nonce") == self._asked.get("nonce")
        self._scheme, self._asked, self._count = scheme.lower(), asked, 0
        return not again

    def header(self, method: str, url: str) -> dict[str, str]:
        """The Authorization header for a request; none before the camera has asked."""
        if self._scheme == "basic":
            token = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
            return {"Authorization": f"Basic {token}"}
        return {"Authorization": self._digest(method, url)} if self._scheme == "digest" else {}

    def _digest(self, method: str, url: str) -> str:
        asked, self._count = self._asked, self._count + 1
        algorithm = asked.get("algorithm", "MD5")
        hashed = _HASHES[algorithm.upper()]

        def digest(text: str) -> str:
            return hashed(text.encode()).hexdigest()

        realm, nonce = asked.get("realm", ""), asked.get("nonce", "")
        secret, what = digest(f"{self.user}:{realm}:{self.password}"), digest(f"{method}:{url}")
        fields = {"username": self.user, "realm": realm, "nonce": nonce, "uri": url}
        bare = {}
        if "auth" in [word.strip() for word in asked.get("qop", "").split(",")]:
            count, own = f"{self._count:08x}", secrets.token_hex(8)
            fields["cnonce"] = own
            fields["response"] = digest(f"{secret}:{nonce}:{count}:{own}:auth:{what}")
            bare = {"qop": "auth", "nc": count}
        else:
            fields["response"] = digest(f"{secret}:{nonce}:{what}")
        if "algorithm" in asked:
            bare["algorithm"] = algorithm
        if "opaque" in asked:
            fields["opaque"] = asked["opaque"]
        told = [f'{name}="{value}"' for name, value in fields.items()] + [f"{n}={v}" for n, v in bare.items()]
        return "Digest " + ", ".join(told)


def asks_for_password(challenges: tuple[str, ...]) -> bool:
    """Whether Basic is the best way that the camera offers."""
    return max(map(_rank, challenges), default=0) == BASIC


def _rank(challenge: str) -> int:
    """How good a way of proving it is; 0 where it cannot be used."""
    scheme, _, rest = challenge.partition(" ")
    if scheme.lower() == "basic":
        return BASIC
    if scheme.lower() != "digest":
        return 0
    algorithm = next(
        (quoted or bare for name, quoted, bare in _FIELD.findall(rest) if name.lower() == "algorithm"), "MD5"
    )
    return {"MD5": 2, "SHA-256": 3}.get(algorithm.upper(), 0)
