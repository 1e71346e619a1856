"""Basic and Digest authentication as cameras do it.

Source: RFC 7617 (Basic), RFC 2617 (Digest, MD5; RTSP 1.0 refers to it and cameras offer nothing newer).
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from typing import Literal

REALM = "nightlight-simulator"
Scheme = Literal["basic", "digest"]
_FIELD = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')


@dataclass(frozen=True)
class Credentials:
    """Who may watch, and by which scheme they prove it."""

    user: str
    password: str = field(repr=False)
    scheme: Scheme = "digest"
    nonce: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    @property
    def challenge(self) -> str:
        """The value of WWW-Authenticate."""
        if self.scheme == "basic":
            return f'Basic realm="{REALM}"'
        return f'Digest realm="{REALM}", nonce="{self.nonce}", algorithm=MD5'

    def accept(self, method: str, authorization: str) -> bool:
        """Whether an Authorization header proves the user and password for this method."""
        scheme, _, rest = authorization.partition(" ")
        if scheme.lower() != self.scheme:
            return False
        if self.scheme == "basic":
            return self._accept_basic(rest)
        given = {name.lower(): quoted or bare for name, quoted, bare in _FIELD.findall(rest)}
        if given.get("username") != self.user or given.get("nonce") != self.nonce:
            return False
        first = _md5(f"{self.user}:{REALM}:{self.password}")
        second = _md5(f"{method}:{given.get('uri', '')}")
        return hmac.compare_digest(_md5(f"{first}:{self.nonce}:{second}"), given.get("response", ""))

    def _accept_basic(self, encoded: str) -> bool:
        try:
            given = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            return False
        return hmac.compare_digest(given, f"{self.user}:{self.password}".encode())


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
