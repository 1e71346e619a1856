"""A simulated alarm panel: a DC-09 transmitter over TCP or UDP, in cipher where it has a key.

It behaves as the standard asks of premises equipment: a sequence number an event, the same event again where no answer
comes, its clock set by a NAK.

    python -m deploy.local.simulator.panel --to 127.0.0.1:12340 --account 12345A --key-file key panic --point 3
    python -m deploy.local.simulator.panel --to 127.0.0.1:12340 --account 12345A run --every 20

``run`` sends null messages until it is stopped, and what it reads as lines from its standard input, such as
``panic 3``, ``restore 3``, ``tamper 4``, ``perimeter 5``, ``interior 6``, ``fire 7``, ``open 1``, ``close 1``, ``test``.

Source: ANSI/SIA DC-09-2013, 5.4 and 5.5; SIA DC-03 and DC-05 for what it says.
"""

import argparse
import re
import select
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from config.base.clock import Clock, SystemClock
from config.base.errors import ConfigurationError, InvalidInput
from deploy.local.say import text
from edge_agent.alarms import dc09

TRIES = 3
ANSWER_WITHIN_S = 3.0
PARTITION = "1"
SIA_CODES = {
    "panic": "PA",
    "restore": "PR",
    "tamper": "TA",
    "perimeter": "BA",
    "interior": "BA",
    "fire": "FA",
    "open": "OP",
    "close": "CL",
    "test": "RX",
    "trouble": "YT",
}
CONTACT_ID = {
    "panic": "1120",
    "restore": "3120",
    "tamper": "1137",
    "perimeter": "1131",
    "interior": "1132",
    "fire": "1110",
    "open": "1401",
    "close": "3401",
    "test": "1601",
    "trouble": "1302",
}
_ANSWER = re.compile(rb'"(\*?)(ACK|NAK|DUH)"(\d{4})')
_TIME = re.compile(rb"_(\d\d:\d\d:\d\d,\d\d-\d\d-\d{4})")


@dataclass
class SimulatedPanel:
    """One panel. Not thread-safe: a panel says one thing at a time."""

    host: str
    port: int
    account: str
    key: bytes | None = None
    udp: bool = False
    contact_id: bool = False
    receiver: str | None = None
    line: str = "0"
    clock: Clock = field(default_factory=SystemClock)
    clock_error_us: int = 0
    """How far its own clock is off; a NAK sets it right."""
    sequence: int = 0
    answers: list[bytes] = field(default_factory=list)
    """What came back, whole."""

    def press(self, what: str, point: str = "", partition: str = PARTITION) -> str:
        """Sends one event, as often as needed: ``ACK``, ``NAK``, ``DUH``, or nothing where no answer came."""
        return self.report(self._event(what, point, partition))

    def null(self) -> str:
        """The link test."""
        return self._say(dc09.NULL, b"", "0000")

    def report(self, data: bytes) -> str:
        """Sends an event's data, without account and brackets: ``Nri1/PA3`` or ``1120 01 003``."""
        self.sequence = self.sequence % 9_999 + 1
        whole = b"#%s|%s" % (self.account.encode(), data)
        return self._say(dc09.ADM_CID if self.contact_id else dc09.SIA_DCS, whole, f"{self.sequence:04d}")

    def frame(self, token: str, data: bytes, sequence: str) -> bytes:
        """One frame as it would be sent now."""
        stamp = dc09.stamp_of(self.clock.utc_us() + self.clock_error_us)
        receiver = f"R{self.receiver}" if self.receiver is not None else ""
        head = f"{sequence}{receiver}L{self.line}#{self.account}[".encode()
        if self.key is None:
            return dc09.framed(b'"%s"%s%s]%s' % (token.encode(), head, data, stamp))
        return dc09.framed(b'"*%s"%s%s' % (token.encode(), head, dc09.enciphered(self.key, data + b"]" + stamp)))

    def exchange(self, raw: bytes) -> bytes:
        """Sends bytes as they are; the answer, empty where none came."""
        try:
            if self.udp:
                return self._datagram(raw)
            with socket.create_connection((self.host, self.port), ANSWER_WITHIN_S) as opened:
                opened.sendall(raw)
                return _until_end(opened)
        except OSError:
            return b""

    def _say(self, token: str, data: bytes, sequence: str) -> str:
        answer = ""
        for _ in range(TRIES):
            raw = self.exchange(self.frame(token, data, sequence))
            self.answers.append(raw)
            found = _ANSWER.search(raw)
            answer = found[2].decode() if found else ""
            if answer == "NAK" and (told := _TIME.search(raw)) and (right := dc09.instant_of(told[1])) is not None:
                self.clock_error_us = right - self.clock.utc_us()
                continue
            if answer and found and found[3].decode() == sequence:
                return answer
        return answer

    def _datagram(self, raw: bytes) -> bytes:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as opened:
            opened.settimeout(ANSWER_WITHIN_S)
            opened.connect((self.host, self.port))
            opened.send(raw)
            return opened.recv(dc09.FRAME_BYTES_MAX + 1)

    def _event(self, what: str, point: str, partition: str) -> bytes:
        try:
            if self.contact_id:
                return f"{CONTACT_ID[what]} {int(partition or 0):02d} {int(point or 0):03d}".encode()
            area = f"ri{partition}/" if partition else ""
            return f"N{area}{SIA_CODES[what]}{point}".encode()
        except (KeyError, ValueError) as error:
            known = ", ".join(SIA_CODES)
            raise InvalidInput(f"a panel cannot say {what!r} of {point!r}: it knows {known}") from error


def _until_end(opened: socket.socket) -> bytes:
    opened.settimeout(ANSWER_WITHIN_S)
    found = b""
    while not found.endswith(dc09.CR) and len(found) < dc09.FRAME_BYTES_MAX:
        part = opened.recv(dc09.FRAME_BYTES_MAX)
        if not part:
            break
        found += part
    return found


def main(arguments: list[str] | None = None) -> int:
    """Entry point; 0 where the receiver said ACK."""
    chosen = _parser().parse_args(arguments)
    host, _, port = chosen.to.rpartition(":")
    key = dc09.key_from(Path(chosen.key_file).read_text(), "--key-file") if chosen.key_file else None
    panel = SimulatedPanel(
        host.strip("[]"), int(port), chosen.account, key, udp=chosen.udp, contact_id=chosen.contact_id
    )
    panel.sequence = time.time_ns() // 10**9 % 9_999  # each start says new things
    if chosen.what == "run":
        return _run(panel, chosen.every)
    answer = panel.null() if chosen.what == "null" else panel.press(chosen.what, chosen.point, chosen.partition)
    print(answer or text("no answer", "没有应答"))
    return 0 if answer == "ACK" else 1


def _run(panel: SimulatedPanel, every_s: float) -> int:
    due = time.monotonic()
    listening = True
    while True:
        wait_s = due - time.monotonic()
        if wait_s <= 0:
            panel.null()
            due = time.monotonic() + every_s
            continue
        if not listening:
            time.sleep(wait_s)
        elif select.select([sys.stdin], [], [], wait_s)[0]:
            words = sys.stdin.readline().split()
            listening = bool(words)
            if words:
                try:
                    print(panel.press(words[0], *words[1:3]), flush=True)
                except InvalidInput as error:
                    print(error, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="panel", description=text("a simulated alarm panel", "模拟报警主机"))
    parser.add_argument("--to", required=True, metavar="HOST:PORT", help=text("the receiver", "接收端地址"))
    parser.add_argument("--account", required=True, help=text("3 to 16 of 0-9 A-F", "3 至 16 位 0-9 A-F"))
    parser.add_argument("--key-file", default="", help=text("AES key in hexadecimal", "十六进制 AES 密钥文件"))
    parser.add_argument("--udp", action="store_true", help=text("instead of TCP", "使用 UDP，而不是 TCP"))
    parser.add_argument("--contact-id", action="store_true", help=text("instead of SIA DC-03", "使用 Contact ID"))
    parser.add_argument("what", choices=[*SIA_CODES, "null", "run"], help=text("what it says", "要上报的内容"))
    parser.add_argument("--point", default="", help=text("zone or button", "防区或按钮编号"))
    parser.add_argument("--partition", default=PARTITION, help=text("partition", "分区"))
    parser.add_argument("--every", type=float, default=20.0, help=text("null messages, in s", "链路测试间隔（秒）"))
    return parser


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (InvalidInput, ConfigurationError, OSError) as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
