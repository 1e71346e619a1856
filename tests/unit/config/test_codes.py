"""One-time codes: read as typed by people, refused where anything is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.base.errors import InvalidInput
from config.base.origins import is_loopback, parse_origin
from config.wire.codes import SYMBOLS, InvitationCode, fingerprint_of, parse_code

URLS = st.sampled_from(
    ["https://watch.example.org", "https://192.0.2.7:8443", "http://127.0.0.1:8080", "https://[2001:db8::1]"]
)
CODES = st.builds(InvitationCode, URLS, st.binary(min_size=10, max_size=10), st.binary(min_size=12, max_size=12))


@given(CODES)
def test_a_code_is_read_as_it_was_written(code: InvitationCode) -> None:
    assert parse_code(str(code)) == code


@given(CODES, st.randoms())
def test_case_blanks_hyphens_and_look_alikes_do_not_matter(code: InvitationCode, random: object) -> None:
    where, _, symbols = str(code).rpartition("/")
    typed = symbols.replace("-", random.choice(["", " ", "-", "  "]))  # type: ignore[attr-defined]
    typed = typed.replace("0", random.choice("0Oo")).replace("1", random.choice("1IlL"))  # type: ignore[attr-defined]
    assert parse_code(f"  {where.upper()}/{typed.lower()} ") == code


@given(CODES, st.integers(0, SYMBOLS - 1), st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"))
def test_a_wrong_character_is_noticed(code: InvitationCode, at: int, other: str) -> None:
    where, _, symbols = str(code).rpartition("/")
    plain = symbols.replace("-", "")
    if plain[at] != other:
        with pytest.raises(InvalidInput) as refused:
            parse_code(f"{where}/{plain[:at]}{other}{plain[at + 1 :]}")
        assert refused.value.code == "code_mistyped"


def test_two_characters_that_changed_places_and_a_wrong_address_are_noticed() -> None:
    text = str(InvitationCode("https://watch.example.org", bytes(range(10)), bytes(range(12))))
    for wrong in (text.replace("example.org", "example.com"), text[:-2] + text[-1] + text[-2]):
        with pytest.raises(InvalidInput, match="checksum"):
            parse_code(wrong)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "code_malformed"),
        ("ABCDE", "code_malformed"),
        ("/" + "A" * 40, "code_malformed"),
        ("watch.example.org/" + "A" * 39, "code_malformed"),
        ("watch.example.org/" + "U" * 40, "code_malformed"),
        ("user:secret@watch.example.org/" + "A" * 40, "code_malformed"),
        ("ftp://watch.example.org/" + "A" * 40, "code_malformed"),
        ("http://watch.example.org/" + "A" * 40, "plain_http"),
        ("x" * 1_000, "code_malformed"),
    ],
)
def test_what_is_no_code_is_named(typed: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_code(typed)
    assert refused.value.code == code


def test_a_code_shows_its_secret_to_nobody_by_accident() -> None:
    code = InvitationCode.fresh("https://watch.example.org", b"authority")
    assert code.secret.hex() not in repr(code)
    assert code.fingerprint == fingerprint_of(b"authority")
    assert InvitationCode.fresh("https://watch.example.org", b"authority").secret != code.secret


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:1", "https://h.example/"])
def test_addresses_that_may_be_spoken_to(url: str) -> None:
    assert parse_origin(url) == url.rstrip("/")


@pytest.mark.parametrize("url", ["http://192.0.2.1", "http://localhost.example.org", "http://127.0.0.1.example.org"])
def test_plain_http_goes_to_this_machine_alone(url: str) -> None:
    with pytest.raises(InvalidInput, match="https://"):
        parse_origin(url)


@pytest.mark.parametrize(
    "url", ["", "h.example", "https://", "https://a b", "https://h/x", "https://h:99999", "https://[1"]
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(InvalidInput):
        parse_origin(url)


def test_names_that_only_look_like_this_machine() -> None:
    assert not is_loopback("127.0.0.1.example.org")
    assert is_loopback("127.9.9.9")
