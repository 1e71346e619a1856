"""Answers a Digest challenge, for HTTP and RTSP alike. Basic is not answered: it would send the password itself.

Source: RFC 7616 (HTTP Digest: MD5, SHA-256, ``qop=auth``), RFC 2069 (without ``qop``), RFC 2326 (RTSP refers to it).
"""

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

_FIELD = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))')
_HASHES: dict[str, Callable[[bytes], str]] = {
    "md5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "sha-256": lambda data: hashlib.sha256(data).hexdigest(),
}
CHALLENGE_CHARS_MAX = 2_048


@dataclass(frozen=True)
class Credentials:
    """A camera's user and password; neither is ever shown."""

    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        return bool(self.username)


def authorization(challenges: list[str], who: Credentials, method: str, uri: str) -> str | None:
    """The Authorization header for the strongest challenge that can be answered; None where there is none."""
    best: dict[str, str] | None = None
    for challenge in challenges:
        scheme, _, rest = challenge[:CHALLENGE_CHARS_MAX].strip().partition(" ")
        found = {name.lower(): quoted or bare for name, quoted, bare in _FIELD.findall(rest)}
        algorithm = found.get("algorithm", "MD5").lower()
        if scheme.lower() != "digest" or "nonce" not in found or algorithm not in _HASHES:
            continue
        if best is None or algorithm == "sha-256":
            best = found
    return None if best is None else _answer(best, who, method, uri)


def _answer(challenge: dict[str, str], who: Credentials, method: str, uri: str) -> str:
    algorithm = challenge.get("algorithm", "MD5")
    hashed = _HASHES[algorithm.lower()]
    realm, nonce = challenge.get("realm", ""), challenge["nonce"]
    first = hashed(f"{who.username}:{realm}:{who.password}".encode())
    second = hashed(f"{method}:{uri}".encode())
    fields = {"username": who.username, "realm": realm, "nonce": nonce, "uri": uri}
    bare = {"algorithm": algorithm} if "algorithm" in challenge else {}
    if "auth" in [word.strip() for word in challenge.get("qop", "").split(",")]:
        count, own = "00000001", secrets.token_hex(8)
        fields["cnonce"] = own
        bare |= {"qop": "auth", "nc": count}
        fields["response"] = hashed(f"{first}:{nonce}:{count}:{own}:auth:{second}".encode())
    else:
        fields["response"] = hashed(f"{first}:{nonce}:{second}".encode())
    if "opaque" in challenge:
        fields["opaque"] = challenge["opaque"]
    if any('"' in value or "\r" in value or "\n" in value for value in (*fields.values(), *bare.values())):
        return "Digest"  # nothing of a stranger's text breaks out of its quotes: the camera will refuse this
    said = [f'{name}="{value}"' for name, value in fields.items()] + [f"{name}={value}" for name, value in bare.items()]
    return f"Digest {', '.join(said)}"
