"""DC-09 frames, DC-03 and Contact ID: golden ones, and everything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.base.errors import ConfigurationError, InvalidInput
from edge_agent.alarms import codes, dc09
from edge_agent.alarms.messages import REPORTS_MAX, reports_of
from edge_agent.alarms.receiver import frames_in, place

KEYS = [bytes(range(length)) for length in dc09.KEY_BYTES]
STANDARD_SIA = b'\nCE110032"SIA-DCS"9876R579BDFL789ABC#12345A[#12345A|NFA129]\r'
STANDARD_CID = b'\n87CD0037"ADM-CID"9876R579BDFL789ABC#12345A[#12345A|1110 00 129]\r'
NULL_IN_CIPHER = b'\n76D80055"*NULL"0000R0L0#AAAB[B4BC8B40D0E6D959D6BEA78E88CC0B2155741A3C44FBB96D476A3E557CAD64D9\r'
"""Of a real panel whose key are sixteen letters A; it leaves the bar after the padding out."""


def reports(data: bytes, token: str = dc09.SIA_DCS) -> list[tuple[str, str, str, str, str, str]]:
    frame = dc09.Frame(b"", token, False, "0001", None, None, "12345A", data)
    return [
        (one.code, one.meaning.kind, one.meaning.state, one.partition, one.point, one.text)
        for one in reports_of(frame, dc09.read(frame, None))
    ]


def test_the_examples_of_the_standard() -> None:
    for raw, token, data in ((STANDARD_SIA, "SIA-DCS", b"NFA129"), (STANDARD_CID, "ADM-CID", b"1110 00 129")):
        frame = dc09.parse(raw)
        assert (frame.token, frame.encrypted, frame.sequence) == (token, False, "9876")
        assert (frame.receiver, frame.line, frame.account, frame.raw) == ("579BDF", "789ABC", "12345A", raw)
        assert dc09.read(frame, None).data == b"#12345A|" + data
        (report,) = reports_of(frame, dc09.read(frame, None))
        assert (report.meaning.kind, report.meaning.state, report.point) == ("fire", "raised", "129")


def test_a_real_null_message_in_cipher() -> None:
    frame = dc09.parse(NULL_IN_CIPHER)
    content = dc09.read(frame, b"A" * 16)
    assert (frame.token, frame.encrypted, frame.account, content.data) == ("NULL", True, "AAAB", b"")
    assert content.stamp_us == dc09.instant_of(b"18:24:52,07-05-2020")


def test_a_nak_is_framed_byte_for_byte() -> None:
    instant_us = dc09.instant_of(b"10:10:18,07-30-2024")
    assert instant_us is not None
    assert dc09.negative(instant_us) == b'\nE5630025"NAK"0000R0L0A0[]_10:10:18,07-30-2024\r'


def test_an_answer_repeats_what_the_panel_gave_and_nothing_else() -> None:
    assert dc09.acknowledgement(dc09.parse(STANDARD_SIA), None, 0) == dc09.framed(b'"ACK"9876R579BDFL789ABC#12345A[]')
    without_receiver = dc09.parse(dc09.framed(b'"SIA-DCS"0001L0#12345A[#12345A|NBA1]'))
    assert dc09.acknowledgement(without_receiver, None, 0) == dc09.framed(b'"ACK"0001L0#12345A[]')
    assert dc09.unable(without_receiver) == dc09.framed(b'"DUH"0001L0#12345A[]')


@pytest.mark.parametrize("key", KEYS, ids=lambda key: f"AES-{len(key) * 8}")
def test_cipher_there_and_back(key: bytes) -> None:
    for length in range(40):
        data = b"#12345A|" + b"x" * length
        raw = dc09.framed(b'"*SIA-DCS"0001L0#12345A[' + dc09.enciphered(key, data + b"]" + dc09.stamp_of(10**15)))
        content = dc09.read(dc09.parse(raw), key)
        assert (content.data, content.stamp_us) == (data, 10**15)
        with pytest.raises(InvalidInput) as caught:
            dc09.read(dc09.parse(raw), bytes(len(key)))
        assert caught.value.code == "bad_key"


def test_the_acknowledgement_of_a_frame_in_cipher_is_in_cipher_and_tells_the_time() -> None:
    answer = dc09.parse(dc09.acknowledgement(dc09.parse(NULL_IN_CIPHER), KEYS[0], 10**15))
    assert (answer.token, answer.encrypted, answer.sequence) == ("ACK", True, "0000")
    assert dc09.read(answer, KEYS[0]).stamp_us == 10**15


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "not_a_frame"),
        (STANDARD_SIA[1:], "not_a_frame"),
        (STANDARD_SIA[:-1], "not_a_frame"),
        (STANDARD_SIA.replace(b"129", b"128"), "bad_crc"),
        (STANDARD_SIA.replace(b"0032", b"0033"), "bad_length"),
        (dc09.framed(b'"SIA-DCS"98R0L0#12345A[]'), "bad_head"),
        (b"\n" + b"0" * dc09.FRAME_BYTES_MAX + b"\r", "not_a_frame"),
    ],
)
def test_what_is_no_frame(raw: bytes, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        dc09.parse(raw)
    assert caught.value.code == code


@given(st.binary(max_size=600))
def test_garbage_is_refused_or_read_and_never_a_crash(data: bytes) -> None:
    for body in (data, b'"SIA-DCS"0001L0#12345A[' + data, b'"*SIA-DCS"0001L0#12345A[' + data.hex().encode()):
        try:
            frame = dc09.parse(dc09.framed(body))
            content = dc09.read(frame, KEYS[0])
        except InvalidInput:
            continue
        assert 1 <= len(reports_of(frame, content)) <= REPORTS_MAX
    frames_in(bytearray(data))


@given(st.lists(st.one_of(st.binary(max_size=40), st.just(STANDARD_SIA), st.just(STANDARD_CID)), max_size=8))
def test_whole_frames_are_found_however_they_are_cut(parts: list[bytes]) -> None:
    parts = [part if part in (STANDARD_SIA, STANDARD_CID) else part.replace(b"\r", b"") for part in parts]
    stream = b"".join(parts)
    whole, taken = bytearray(stream), bytearray()
    at_once, _ = frames_in(whole)
    piecemeal: list[bytes] = []
    for byte in stream:
        taken.append(byte)
        piecemeal += frames_in(taken)[0]
    assert at_once == piecemeal
    assert at_once == [part for part in parts if part in (STANDARD_SIA, STANDARD_CID)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"#123456|Nri1CL0^VX FRONTE ^]", [("CL", "arming", "armed", "1", "", "VX FRONTE")]),
        (b"#006969|Nri04/OP001NM]", [("OP", "arming", "disarmed", "4", "1", "")]),
        (b"|Nri1/CL501][M0026B9E4268B]_14:12:04,09-25-2019", [("CL", "arming", "armed", "1", "501", "")]),
        (b"Nri0/RP000]", [("RP", "test", "test", "", "", "")]),
        (b"#12345A|Nti10:23/PA12|Ahelp]", [("PA", "panic", "raised", "", "12", "help")]),
        (
            b"#12345A|Nri2/BA3*'front door'NM/TA4]",
            [("BA", "intrusion", "raised", "2", "3", "front door"), ("TA", "tamper", "raised", "2", "4", "")],
        ),
        (b"#12345A|NBA3][Ikitchen]", [("BA", "intrusion", "raised", "", "3", "kitchen")]),
        (b"#12345A|NQQ9]", [("QQ", "other", "noted", "", "9", "")]),
        (b"nonsense]", [("", "other", "noted", "", "", "not understood: nonsense")]),
    ],
)
def test_dc03(data: bytes, expected: list[tuple[str, ...]]) -> None:
    assert reports(data) == expected


def test_more_reports_than_a_frame_may_hold_are_cut_and_said_so() -> None:
    found = reports(b"N" + b"/".join(b"BA%d" % number for number in range(1, 20)) + b"]")
    assert len(found) == REPORTS_MAX
    assert found[-1][5] == "11 more reports in this frame"


@pytest.mark.parametrize(
    ("data", "kind", "state"),
    [
        (b"1120 01 003]", "panic", "raised"),
        (b"3131 01 003]", "perimeter", "restored"),
        (b"1132 01 003]", "interior", "raised"),
        (b"6110 01 003]", "fire", "raised"),
        (b"1401 01 003]", "arming", "disarmed"),
        (b"3401 01 003]", "arming", "armed"),
        (b"1602 00 000]", "test", "test"),
        (b"1601 00 000]", "test", "test"),
        (b"1406 01 003]", "other", "noted"),
        (b"1570 01 003]", "bypass", "raised"),
        (b"1383 01 003]", "tamper", "raised"),
        (b"1302 00 000]", "trouble", "raised"),
        (b"1999 00 000]", "other", "noted"),
    ],
)
def test_contact_id(data: bytes, kind: str, state: str) -> None:
    ((_code, found_kind, found_state, _, _, _),) = reports(data, dc09.ADM_CID)
    assert (found_kind, found_state) == (kind, state)


def test_every_restore_ends_something_that_a_code_begins() -> None:
    begun = {meaning.about for meaning in codes.DC03.values() if meaning.state == "raised"}
    for code, meaning in codes.DC03.items():
        if meaning.state == "restored":
            assert any(about.startswith(meaning.about) for about in begun), code
    assert not "YT".startswith(codes.dc03("AR").about)


@pytest.mark.parametrize("listen", ["0.0.0.0:1", "8.8.8.8:12340", "[::]:12340", "host:12340", "192.168.1.5", "[::1]:0"])
def test_it_never_listens_where_the_internet_could_reach_it(listen: str) -> None:
    with pytest.raises(ConfigurationError, match=r"alarms\.listen"):
        place(listen)


def test_where_it_may_listen() -> None:
    assert place("192.168.1.5:12340") == ("192.168.1.5", 12340)
    assert place("[fd00::5]:12340") == ("fd00::5", 12340)


def test_a_key_file_holds_an_aes_key() -> None:
    assert dc09.key_from("00" * 32 + "\n", "k") == bytes(32)
    with pytest.raises(ConfigurationError, match="'k'"):
        dc09.key_from("secret", "k")
