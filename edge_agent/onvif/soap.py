"""SOAP 1.2 with WS-Security, as far as ONVIF needs it.

Invariant: an answer with a document type, an entity or anything but an envelope is refused, and so is one that nests or
branches beyond what a camera has to say.

Source: SOAP 1.2 (W3C, 2007), Web Services Security UsernameToken Profile 1.0 (OASIS, 2004), ONVIF Core Specification
5.12 (authentication), defusedxml for the parser's own traps.
"""

import base64
import hashlib
import secrets
from xml.etree.ElementTree import Element, ParseError
from xml.sax.saxutils import escape

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from config.base.clock import isoformat
from edge_agent.onvif.digest import Credentials
from edge_agent.onvif.errors import nonsense, refused, unsupported

ENVELOPE = "http://www.w3.org/2003/05/soap-envelope"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
PASSWORD_DIGEST = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest"  # noqa: S105
SCHEMA = "http://www.onvif.org/ver10/schema"
ELEMENTS_MAX = 50_000
DEPTH_MAX = 64
TEXT_CHARS_MAX = 512


def username_token(who: Credentials, created_us: int) -> str:
    """The WS-Security header; ``created_us`` by the *camera's* clock, or it refuses the token as stale."""
    nonce = secrets.token_bytes(16)
    created = isoformat(created_us)[:23] + "Z"
    # SHA-1 is what the profile says; the nonce and the time keep an answer from being used twice.
    digest = hashlib.sha1(nonce + created.encode() + who.password.encode(), usedforsecurity=False).digest()
    return (
        f'<wsse:Security s:mustUnderstand="1" xmlns:wsse="{WSSE}" xmlns:wsu="{WSU}"><wsse:UsernameToken>'
        f"<wsse:Username>{escape(who.username)}</wsse:Username>"
        f'<wsse:Password Type="{PASSWORD_DIGEST}">{base64.b64encode(digest).decode()}</wsse:Password>'
        f"<wsse:Nonce>{base64.b64encode(nonce).decode()}</wsse:Nonce><wsu:Created>{created}</wsu:Created>"
        "</wsse:UsernameToken></wsse:Security>"
    )


def envelope(body: str, headers: str = "") -> bytes:
    """A request; both parts are XML already, every text in them escaped by whoever put it there."""
    return (
        f'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="{ENVELOPE}">'
        f"<s:Header>{headers}</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def parsed(data: bytes) -> Element:
    """The root of an XML document. Raises InvalidInput."""
    try:
        root: Element = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise nonsense(f"no acceptable XML ({type(error).__name__})") from error
    _measure(root)
    return root


def answer_in(data: bytes) -> Element:
    """The one element in an answer's body. Raises InvalidInput, PermissionDenied or NotFound for a fault."""
    root = parsed(data)
    body = root.find(f"{{{ENVELOPE}}}Body")
    if body is None or len(body) == 0:
        raise nonsense("no SOAP envelope")
    if body[0].tag == f"{{{ENVELOPE}}}Fault":
        codes = {(code.text or "").strip().rpartition(":")[2] for code in body[0].iter(f"{{{ENVELOPE}}}Value")}
        if codes & {"NotAuthorized", "FailedAuthentication", "OperationProhibited"}:
            raise refused()
        if codes & {"ActionNotSupported", "NoSuchService", "OptionalActionNotImplemented", "UnknownAction"}:
            raise unsupported("such service")
        raise nonsense(f"a fault ({', '.join(sorted(code[:40] for code in codes)) or 'without a code'})")
    return body[0]


def text_of(element: Element | None, path: str = ".", namespace: str = SCHEMA) -> str:
    """The text at a path of local names, ``a/b``, all of one namespace; empty where there is none."""
    if element is None:
        return ""
    found = element if path == "." else element.find("/".join(f"{{{namespace}}}{name}" for name in path.split("/")))
    return "" if found is None else (found.text or "").strip()[:TEXT_CHARS_MAX]


def child(element: Element | None, path: str, namespace: str = SCHEMA) -> Element | None:
    """The element at a path of local names."""
    if element is None:
        return None
    return element.find("/".join(f"{{{namespace}}}{name}" for name in path.split("/")))


def number(text: str) -> int:
    """A whole number out of a stranger's text; 0 where it is none."""
    try:
        return int(float(text[:20]))
    except (ValueError, OverflowError):
        return 0


def _measure(root: Element) -> None:
    count, level = 0, [root]
    for _ in range(DEPTH_MAX):
        count += len(level)
        if count > ELEMENTS_MAX:
            raise nonsense("too many elements")
        level = [child for element in level for child in element]
        if not level:
            return
    raise nonsense("nested too deeply")
