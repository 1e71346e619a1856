"""What a camera says is taken for what it is: a stranger's text. Pure parts; ``tests/integration/onvif`` has the rest."""

import hashlib

import pytest

from config.base.clock import SystemClock
from config.base.errors import InvalidInput, NotFound, PermissionDenied
from edge_agent.onvif.camera import OnvifCamera, device_address
from edge_agent.onvif.digest import Credentials, authorization
from edge_agent.onvif.discovery import answer_of, probe
from edge_agent.onvif.media import StreamProfile, chosen_streams
from edge_agent.onvif.soap import ENVELOPE, answer_in, number, parsed, username_token

WHO = Credentials("Mufasa", "Circle of Life")
BOMB = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>'
EXTERNAL = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'


def fault(code: str) -> bytes:
    return (
        f'<s:Envelope xmlns:s="{ENVELOPE}"><s:Body><s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode>'
        f"<s:Value>ter:{code}</s:Value></s:Subcode></s:Code></s:Fault></s:Body></s:Envelope>"
    ).encode()


@pytest.mark.parametrize(
    "data",
    [b"", b"no xml", BOMB, EXTERNAL, b"<x>" * 70 + b"</x>" * 70, b"<x>" + b"<y/>" * 50_001 + b"</x>", b"\xff\xfe<x/>"],
    ids=["empty", "text", "entities", "file", "deep", "wide", "encoding"],
)
def test_xml_that_is_refused(data):
    with pytest.raises(InvalidInput) as refused:
        parsed(data)
    assert refused.value.code == "onvif_nonsense"
    assert "passwd" not in str(refused.value)


@pytest.mark.parametrize(
    ("data", "error", "code"),
    [
        (b"<html/>", InvalidInput, "onvif_nonsense"),
        (f'<s:Envelope xmlns:s="{ENVELOPE}"><s:Body/></s:Envelope>'.encode(), InvalidInput, "onvif_nonsense"),
        (fault("NotAuthorized"), PermissionDenied, "onvif_refused"),
        (fault("ActionNotSupported"), NotFound, "onvif_unsupported"),
        (fault("Whatever"), InvalidInput, "onvif_nonsense"),
    ],
)
def test_faults_have_their_errors(data, error, code):
    with pytest.raises(error) as raised:
        answer_in(data)
    assert raised.value.code == code


def test_numbers_out_of_text():
    assert [number(text) for text in ("12", "12.5", "", "x", "1e999", "nan", "-3")] == [12, 12, 0, 0, 0, 0, -3]


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_digest_is_that_of_rfc_7616(algorithm, response, monkeypatch):
    """Section 3.9.1."""
    monkeypatch.setattr("secrets.token_hex", lambda _n: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
    challenge = (
        f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm},'
        ' nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    said = authorization([challenge], WHO, "GET", "/dir/index.html")
    assert said is not None
    assert f'response="{response}"' in said
    assert "Circle" not in said


def test_digest_takes_the_stronger_and_never_basic():
    weak, strong = 'Digest realm="r", nonce="n"', 'Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth"'
    assert "algorithm=SHA-256" in (authorization([weak, strong], WHO, "GET", "/") or "")
    assert "algorithm=SHA-256" in (authorization([strong, weak], WHO, "GET", "/") or "")
    first = hashlib.md5(b"Mufasa:r:Circle of Life").hexdigest()
    plain = hashlib.md5(f"{first}:n:{hashlib.md5(b'GET:/').hexdigest()}".encode()).hexdigest()
    assert f'response="{plain}"' in (authorization([weak], WHO, "GET", "/") or "")
    assert authorization(['Basic realm="r"'], WHO, "GET", "/") is None
    assert authorization(["Digest algorithm=MD5-sess, nonce=x"], WHO, "GET", "/") is None
    assert authorization([], WHO, "GET", "/") is None
    assert authorization(['Digest realm="r", nonce="n"'], Credentials('a"b', "x"), "GET", "/") == "Digest"


def test_credentials_show_nothing_of_themselves():
    assert "Mufasa" not in repr(WHO)
    assert "Circle" not in repr(WHO)
    token = username_token(WHO, 1_795_262_400_000_000)
    assert "Circle" not in token
    assert "2026-11-21T12:00:00.000Z" in token


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("192.0.2.10", "http://192.0.2.10/onvif/device_service"),
        (" 192.0.2.10:8000 ", "http://192.0.2.10:8000/onvif/device_service"),
        ("http://192.0.2.10/", "http://192.0.2.10/onvif/device_service"),
        ("https://192.0.2.10/other", "https://192.0.2.10/other"),
        ("2001:db8::1", "http://[2001:db8::1]/onvif/device_service"),
        ("camera.local", "http://camera.local/onvif/device_service"),
    ],
)
def test_addresses_as_people_type_them(typed, address):
    assert device_address(typed) == address


@pytest.mark.parametrize(
    "typed", ["", "ftp://192.0.2.10", "http://u:p@192.0.2.10/", "a b", "http://[", "http://x:99999999"]
)
def test_what_is_no_address(typed):
    with pytest.raises(InvalidInput):
        device_address(typed)


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        ("http://198.51.100.7/onvif/media", "http://192.0.2.10:8000/onvif/media"),
        ("http://192.0.2.10:9000/x?y=1", "http://192.0.2.10:9000/x?y=1"),
        ("rtsp://198.51.100.7:554/live?a=1#f", "rtsp://192.0.2.10:554/live?a=1"),
        ("rtsp://user:secret@192.0.2.10/live", "rtsp://192.0.2.10/live"),
    ],
)
def test_an_answer_sends_us_to_no_other_host(said, taken):
    camera = OnvifCamera("http://192.0.2.10:8000/onvif/device_service", Credentials(), SystemClock())
    assert camera.reachable(said) == taken


@pytest.mark.parametrize(
    "said", ["", "file:///etc/passwd", "http://[", "rtsp://x/\n", "rtsp://x/" + "a" * 600, 'rtsp://x/"']
)
def test_addresses_that_are_refused(said):
    with pytest.raises(InvalidInput):
        OnvifCamera("http://192.0.2.10/x", Credentials(), SystemClock()).reachable(said)


def profile(token: str, codec: str, width: int, height: int, source: str = "lens", fps: int = 25) -> StreamProfile:
    return StreamProfile(token, codec, width, height, fps, source=source)


def test_each_lens_has_one_main_and_at_most_one_sub_stream():
    found = chosen_streams(
        [
            profile("a", "hevc", 2560, 1440),
            profile("b", "h264", 640, 360),
            profile("c", "hevc", 640, 360),
            profile("d", "h264", 176, 144),
            profile("e", "jpeg", 3840, 2160),
            profile("f", "h264", 1920, 1080, "other"),
        ]
    )
    assert [(one.token, one.main.token, one.sub.token if one.sub else None) for one in found] == [
        ("lens", "a", "b"),
        ("other", "f", None),
    ]
    assert chosen_streams([]) == []
    only_jpeg = chosen_streams([profile("e", "jpeg", 640, 480)])
    assert not only_jpeg[0].main.recordable


def answer(body: str) -> bytes:
    return (
        f'<s:Envelope xmlns:s="{ENVELOPE}" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery">'
        f"<s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def match(addresses: str, scopes: str = "") -> bytes:
    inner = f"<d:Scopes>{scopes}</d:Scopes><d:XAddrs>{addresses}</d:XAddrs>"
    return answer(f"<d:ProbeMatches><d:ProbeMatch>{inner}</d:ProbeMatch></d:ProbeMatches>")


def test_of_a_discovery_answer_only_where_it_came_from_is_believed():
    scopes = "onvif://www.onvif.org/name/Nap%20room%0A onvif://www.onvif.org/hardware/X1"
    found = answer_of(match("http://198.51.100.7:8080/onvif/device_service", scopes), "192.0.2.10")
    assert found is not None
    assert (found.address, found.name, found.hardware) == (
        "http://192.0.2.10:8080/onvif/device_service",
        "Nap room",
        "X1",
    )


@pytest.mark.parametrize("data", [b"", BOMB, probe(), answer("<x/>"), match(""), match("ftp://x"), match("http://[")])
def test_datagrams_that_are_no_answer(data):
    assert answer_of(data, "192.0.2.10") is None
