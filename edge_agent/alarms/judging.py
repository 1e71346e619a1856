"""What is answered to a frame, and what is taken in of it. The decisions of a DC-09 receiver, apart from its sockets.

Invariants: the answer ACK exists only after the desk has stored what the frame says. A panel with a key is believed
only in cipher. Whatever the bytes are, there is an answer or silence, never an exception of theirs.

| a frame | answer |
|---|---|
| whose CRC or length does not fit, or that is none | silence: the panel sends it again |
| of an account that is not configured, of an unknown token, plain where a key is set | DUH |
| enciphered with another key; whose time stamp is out of the band, or missing in cipher | NAK with the time: the panel sets its clock |
| that was taken already | ACK, and no second event |
| that cannot be stored now, or is one of a flood | silence: the panel sends it again |

Source: ANSI/SIA DC-09-2013, 5.5.1.8 time stamp, 5.5.2.1 null message, 5.5.3 acknowledgements.
"""

from collections import Counter
from dataclasses import dataclass, field

from config.base.clock import US_PER_S
from config.base.errors import InvalidInput, NightlightError
from config.base.logs import get_logger
from config.settings.edge import AlarmSettings
from edge_agent.alarms import dc09
from edge_agent.alarms.dc09 import ADM_CID, NULL, SIA_DCS, Content, Frame
from edge_agent.alarms.desk import AlarmDesk, Said
from edge_agent.alarms.flood import FloodGuard
from edge_agent.alarms.messages import Report, reports_of
from edge_agent.alarms.panels import Panel
from edge_agent.timekeeping import AgentClock

TOKENS = (NULL, SIA_DCS, ADM_CID)

log = get_logger("alarms")


@dataclass
class Judge:
    """One for all connections; frames come from one thread."""

    settings: AlarmSettings
    desk: AlarmDesk
    clock: AgentClock
    counts: Counter[str] = field(default_factory=Counter)
    """What became of frames since the start."""
    _flood: FloodGuard = field(default_factory=FloodGuard)

    def flooded(self, panel_id: str) -> bool:
        """Whether the panel, or who pretends to be it, reports more than is taken; from any thread."""
        return self._flood.flooded(panel_id, self.clock.monotonic_us())

    def answer(self, raw: bytes) -> bytes:
        """The bytes to answer a frame with; empty for silence."""
        try:
            frame = dc09.parse(raw)
        except InvalidInput as error:
            return self._noted(error.code, b"", None)
        panel = self.desk.book.of_account(frame.account) if frame.account else None
        if panel is None or frame.token not in TOKENS:
            return self._noted("unknown_account" if panel is None else "unknown_token", dc09.unable(frame), frame)
        if panel.key is not None and not frame.encrypted:
            return self._noted("plain_refused", dc09.unable(frame), frame)
        now_us = self.clock.utc_us()
        try:
            content = dc09.read(frame, panel.key)
        except InvalidInput as error:
            answer = dc09.negative(now_us) if error.code == "bad_key" else dc09.unable(frame)
            return self._noted(error.code, answer, frame)
        # In plain words anybody can write any time: a wrong one is no reason to lose a panic.
        if frame.encrypted and not self._in_band(content.stamp_us, now_us):
            return self._noted("out_of_band", dc09.negative(now_us), frame)
        return self._take(frame, content, panel, now_us)

    def _take(self, frame: Frame, content: Content, panel: Panel, now_us: int) -> bytes:
        self.desk.book.heard(panel)
        if frame.token != NULL and not self._flood.takes(panel.panel_id, self.clock.monotonic_us()):
            if self._flood.first(panel.panel_id):
                log.error(
                    "alarm_flooded",
                    panel=panel.panel_id,
                    advice="more reports than a panel can mean: look at the panel and who else is on its network;"
                    " set a key (alarms.panels.key_file)",
                )
            return self._noted("flooded", b"", frame)
        if frame.token != NULL:
            try:
                fresh = self.desk.take(_said(frame, content, panel))
            except NightlightError as error:
                log.exception("alarm_not_stored", panel=panel.panel_id, why=str(error))
                return self._noted("not_stored", b"", frame)
            self.counts["taken" if fresh else "repeated"] += 1
        else:
            self.counts["null"] += 1
        return dc09.acknowledgement(frame, panel.key, now_us)

    def _in_band(self, stamp_us: int | None, now_us: int) -> bool:
        if stamp_us is None:
            return False
        # A stamp has whole seconds: what it cuts off is not held against the panel.
        ahead_us = stamp_us - now_us
        early_us, late_us = self.settings.band_early_s * US_PER_S, self.settings.band_late_s * US_PER_S
        return -late_us - US_PER_S < ahead_us <= early_us

    def _noted(self, why: str, answer: bytes, frame: Frame | None) -> bytes:
        self.counts[why] += 1
        said = answer[10:13].decode("ascii", "replace") if answer else "nothing"
        # Whoever floods the port with nonsense must not flood the log: each kind of fault is told in growing steps.
        if self.counts[why] & (self.counts[why] - 1) == 0:
            token = frame.token if frame else ""
            log.warning("frame_refused", why=why, answered=said, token=token, times=self.counts[why])
        return answer


def _said(frame: Frame, content: Content, panel: Panel) -> Said:
    reports = tuple(
        Report(one.code, panel.meaning(one.meaning, one.point), one.partition, one.point, one.text)
        for one in reports_of(frame, content)
    )
    occurred = dc09.instant_of(content.extended.get("H", "").lstrip("_").encode("ascii", "replace"))
    return Said(
        source="dc09",
        panel_id=panel.panel_id,
        reports=reports,
        raw=frame.raw,
        plaintext=content.plain if frame.encrypted else None,
        account=frame.account,
        panel_at_us=occurred if occurred is not None else content.stamp_us,
        encrypted=frame.encrypted,
        # Padding and time stamp differ from one sending to the next; the sequence number is what names a report.
        stamp_us=content.stamp_us,
        identity=b"\0".join((frame.account.encode(), frame.token.encode(), frame.sequence.encode(), content.data)),
    )
