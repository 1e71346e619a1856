"""What the board says of a site's alarms: the ones that somebody must look at first. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

from server.domain.verdict import day_of
from server.services.intake.handle_alarms import AlarmView, PartitionView, SiteAlarms
from server.web.formatting import Words
from server.web.languages import Language
from server.web.wording import ALARM_KIND, ALARM_STATUS

CLOSED_SHOWN_MAX = 5


@dataclass(frozen=True)
class AlarmLine:
    """One alarm."""

    alarm_id: int
    kind: str
    kind_text: str
    place: str
    detail: str
    """The panel's own words."""
    urgent: bool
    status: str
    status_text: str
    when: str
    often: str
    going_on: str
    handled: str


@dataclass(frozen=True)
class AlarmSection:
    """The section; empty where the site has no panel."""

    lines: list[AlarmLine]
    tone: str
    summary: str
    armed: list[str]
    unshown: int
    may_act: bool


def make_alarms(
    site: SiteAlarms, timezone: str, now_us: int, language: Language, *, may_act: bool, heard: Collection[str]
) -> AlarmSection:
    """The alarms of one site for a reader of ``language``; ``heard``: the panels of which living boxes say that they hear them.

    What another panel said last is never told as the present.
    """
    words, today = Words(language, timezone), day_of(now_us, timezone)
    open_ones = [alarm for alarm in site.alarms if alarm.status != "cleared"]
    over = [alarm for alarm in site.alarms if alarm.status == "cleared"][:CLOSED_SHOWN_MAX]
    open_ones.sort(key=lambda alarm: (alarm.status != "raised", not alarm.urgent, -alarm.last_us))
    unseen = [alarm for alarm in open_ones if alarm.status == "raised"]
    tone = "urgent" if any(alarm.urgent for alarm in unseen) else "open" if open_ones else "calm"
    return AlarmSection(
        lines=[_line(alarm, words, today, language) for alarm in (*open_ones, *over)],
        tone=tone,
        summary=_summary(site.open_count, unseen, language),
        armed=list(_armed(site.partitions, heard, words, today, language)),
        unshown=max(0, site.open_count - len(open_ones)),
        may_act=may_act,
    )


def _summary(open_count: int, unseen: list[AlarmView], language: Language) -> str:
    if unseen:
        return language.count("%(num)s alarm that nobody has seen", "%(num)s alarms that nobody has seen", len(unseen))
    if open_count:
        return language.count("%(num)s open alarm, seen", "%(num)s open alarms, all seen", open_count)
    return language.text("No open alarms")


def _line(alarm: AlarmView, words: Words, today: date, language: Language) -> AlarmLine:
    text = language.text
    going_on = ""
    if alarm.status != "cleared" and alarm.restored_us is not None:
        going_on = text("ended %(time)s") % {"time": words.moment(alarm.restored_us, today)}
    return AlarmLine(
        alarm_id=alarm.alarm_id,
        kind=alarm.kind,
        kind_text=text(ALARM_KIND[alarm.kind]) if alarm.kind in ALARM_KIND else alarm.kind,
        place=_place(alarm.panel_id, alarm.partition, alarm.point, language),
        detail=alarm.detail,
        urgent=alarm.urgent,
        status=alarm.status,
        status_text=text(ALARM_STATUS[alarm.status]),
        when=words.moment(alarm.raised_us, today),
        often=text("%(num)s times") % {"num": alarm.count} if alarm.count > 1 else "",
        going_on=going_on,
        handled=" · ".join(_handled(alarm, words, today, language)),
    )


def _handled(alarm: AlarmView, words: Words, today: date, language: Language) -> Iterable[str]:
    text = language.text
    if alarm.acknowledged_us is not None:
        at = words.moment(alarm.acknowledged_us, today)
        yield text("seen by %(name)s, %(time)s") % {"name": alarm.acknowledged_by, "time": at}
    if alarm.cleared_us is not None:
        at = words.moment(alarm.cleared_us, today)
        if alarm.cleared_by:
            yield text("cleared by %(name)s, %(time)s") % {"name": alarm.cleared_by, "time": at}
        else:
            yield text("ended %(time)s") % {"time": at}


def _place(panel_id: str, partition: str, point: str, language: Language) -> str:
    parts = [panel_id]
    if partition:
        parts.append(language.text("partition %(name)s") % {"name": partition})
    if point:
        parts.append(language.text("point %(name)s") % {"name": point})
    return " · ".join(parts)


def _armed(
    partitions: list[PartitionView], heard: Collection[str], words: Words, today: date, language: Language
) -> Iterable[str]:
    for one in partitions:
        place = _place(one.panel_id, one.partition, "", language)
        since = words.moment(one.since_us, today)
        said = language.text("armed since %(time)s") if one.armed else language.text("disarmed since %(time)s")
        state = said % {"time": since}
        if one.panel_id not in heard:
            state = language.text("not known now, for the panel is not heard; last said: %(state)s") % {"state": state}
        yield language.text("%(place)s: %(state)s") % {"place": place, "state": state}
