"""A strict identity provider over real HTTP, that can be told to lie: PKCE, client secret, redirect address and codes are checked.

with provider(clock) as made:
    made.lie = "nonce"      # what the next identity token has wrong
"""

import base64
import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

from config.base.clock import US_PER_S, Clock

CLIENT, SECRET = "nightlight", "s3cret/with+signs"


@dataclass
class Provider:
    """``subject`` is whoever is signed in there; ``claims`` go into each token."""

    clock: Clock
    issuer: str = ""
    subject: str = "person-1"
    claims: dict[str, object] = field(default_factory=dict)
    lie: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    left: list[dict[str, str]] = field(default_factory=list)
    """What browsers brought that came to sign out."""

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser is sent back to."""
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert asked["client_id"] == CLIENT
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        self.asked.append(asked)
        back = {
            "code": code,
            "state": asked["state"],
            "iss": "https://evil.example" if self.lie == "iss" else self.issuer,
        }
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    def leave(self, asked: dict[str, str]) -> str:
        """RP-Initiated Logout 1.0: nobody is signed in there any more; where the browser is sent back to."""
        assert asked["client_id"] == CLIENT
        self.left.append(asked)
        return asked["post_logout_redirect_uri"]

    def token(self, given: dict[str, str], authorization: str) -> tuple[int, dict[str, object]]:
        asked = self.codes.pop(given.get("code", ""), None)
        plain = base64.b64encode(f"{CLIENT}:s3cret%2Fwith%2Bsigns".encode()).decode()
        made = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(made).rstrip(b"=").decode()
        if (
            asked is None
            or authorization != f"Basic {plain}"
            or given.get("redirect_uri") != asked["redirect_uri"]
            or challenge != asked["code_challenge"]
        ):
            return 400, {"error": "invalid_grant"}
        return 200, {"access_token": "x", "token_type": "Bearer", "id_token": self.identity(asked["nonce"])}

    def identity(self, nonce: str) -> str:
        now_s = self.clock.utc_us() // US_PER_S
        claims = {
            "iss": self.issuer, "sub": self.subject, "aud": CLIENT, "nonce": nonce, "iat": now_s, "exp": now_s + 300,
            **self.claims,
        }  # fmt: skip
        lies: dict[str, dict[str, object]] = {
            "nonce": {"nonce": "another"},
            "no_nonce": {"nonce": None},
            "audience": {"aud": "somebody-else"},
            "audiences": {"aud": [CLIENT, "somebody-else"]},
            "azp": {"azp": "somebody-else"},
            "issuer": {"iss": "https://evil.example"},
            "expired": {"iat": now_s - 900, "exp": now_s - 600},
            "old": {"iat": now_s - 3_600},
            "no_subject": {"sub": None},
        }
        return self._signed({**claims, **lies.get(self.lie, {})})

    def logout(self, **changed: object) -> str:
        """Back-Channel Logout 1.0, 2.4: what it says when its subject signs out; None takes a claim away."""
        now_s = self.clock.utc_us() // US_PER_S
        event = {"http://schemas.openid.net/event/backchannel-logout": {}}
        claims = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": CLIENT,
            "iat": now_s,
            "exp": now_s + 120,
            "jti": "j",
            "sid": "s",
        }
        return self._signed({**claims, "events": event, **changed})

    def _signed(self, claims: dict[str, object]) -> str:
        told = {name: value for name, value in claims.items() if value is not None}
        if self.lie == "unsigned":
            return f"{_plain({'alg': 'none'})}.{_plain(told)}."
        if self.lie == "secret":  # signed with what everybody may read
            signed = f"{_plain({'alg': 'HS256', 'kid': 'one'})}.{_plain(told)}"
            made = hmac.digest(self.key.as_pem(private=False), signed.encode(), "sha256")
            return f"{signed}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"
        key = RSAKey.generate_key(2048, {"kid": "one"}) if self.lie == "key" else self.key
        return jwt.encode({"alg": "RS256", "kid": "one"}, told, key)


def _plain(part: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


@contextmanager
def provider(clock: Clock) -> Iterator[Provider]:
    made = Provider(clock)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            if parts.path == "/.well-known/openid-configuration":
                self._say(200, {
                    "issuer": "https://evil.example" if made.lie == "discovery" else made.issuer,
                    "authorization_endpoint": f"{made.issuer}/authorize", "token_endpoint": f"{made.issuer}/token",
                    "jwks_uri": f"{made.issuer}/jwks",
                    **({} if made.lie == "no_way_out" else {"end_session_endpoint": f"{made.issuer}/leave?tenant=a"}),
                })  # fmt: skip
            elif parts.path == "/jwks":
                self._say(200, {"keys": [made.key.as_dict(private=False)]} if made.lie != "no_keys" else {})
            else:
                self.send_response(302)
                self.send_header("Location", made.leave(asked) if parts.path == "/leave" else made.authorize(asked))
                self.end_headers()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            given = {name: values[-1] for name, values in parse_qs(body).items()}
            self._say(*made.token(given, self.headers.get("Authorization", "")))

        def _say(self, status: int, told: dict[str, object]) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(told).encode())

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()
