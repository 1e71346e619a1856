"""``live mark`` and ``live identify``: whether a site marks its live view, and whose view a clip shows.

Who gives these commands is a person with an account that may do so at the site (``server/admin/custody.py``).
"""

import argparse
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from config.base.clock import SystemClock, from_datetime, to_datetime
from config.base.errors import InvalidInput
from config.settings.server import ServerSettings
from config.wire.marking import GROUP_US
from server.admin.custody import by_a_person, machine, person
from server.admin.enrolment import Commands
from server.domain.marking import P_FALSE_MAX
from server.runtime import open_database
from server.services.live.identify import Identified, Question, identify
from server.services.live.marking import MarkingDesk, marker_of
from storage.database import scope as scoping
from storage.database.scope import Scope
from storage.database.unit_of_work import Database


def add_commands(verbs: Callable[[str, str], Commands]) -> None:
    """Puts ``live`` among the others."""
    live = verbs("live", "实时观看的水印 · marking of the live view")
    mark = by_a_person(live.add_parser("mark", help="为园所开启或关闭水印 · begin or end marking at a site"))
    mark.set_defaults(run=_mark)
    mark.add_argument("site")
    mark.add_argument("choice", choices=("on", "off"))
    word = by_a_person(
        live.add_parser("publish-word", help="MediaMTX 推流密码 · the password to publish a camera to MediaMTX with")
    )
    word.set_defaults(run=_publish_word)
    word.add_argument("site")
    word.add_argument("camera")
    told = "片段来自谁的观看 · whose view a clip was taken of; the question goes on the site's record"
    find = by_a_person(live.add_parser("identify", help=told))
    find.set_defaults(run=_identify)
    find.add_argument("clip", type=Path)
    find.add_argument("--site", required=True)
    find.add_argument("--camera", required=True)
    when = "YYYY-MM-DDTHH:MM，园所当地时间，片段最早、最晚的录制时刻 · the site's own time, when it can have been taken"
    find.add_argument("--from", dest="start", required=True, metavar="TIME", help=when)
    find.add_argument("--to", dest="end", required=True, metavar="TIME")
    find.add_argument("--reason", required=True, help="事由 · why, 120 characters at most")
    find.add_argument("--aspect", default="16:9", help="画面宽高比 · of the camera's picture (default: %(default)s)")


def _mark(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    scope, wanted = person(arguments, settings), arguments.choice == "on"
    _desk(settings).choose(scope, arguments.site, wanted=wanted, source=machine())
    said = "已开启水印 · its live view is marked" if wanted else "已关闭水印 · its live view is not marked"
    print(f"{arguments.site}: {said}")


def _publish_word(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    print(_desk(settings).publish_word(person(arguments, settings), arguments.site, arguments.camera))


def _desk(settings: ServerSettings) -> MarkingDesk:
    return MarkingDesk(open_database(settings.database), SystemClock(), marker_of(settings))


def _identify(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    scope, database = person(arguments, settings), open_database(settings.database)
    zone = _zone(database, scope, arguments.site)
    question = Question(
        site_id=arguments.site,
        camera_id=arguments.camera,
        begin_us=_instant(arguments.start, zone, 0),
        end_us=_instant(arguments.end, zone, 1),
        reason=arguments.reason,
        person=scope,
        aspect=_aspect(arguments.aspect),
        source=machine(),
    )
    try:
        clip = arguments.clip.open("rb")
    except OSError as error:
        raise InvalidInput(f"the clip cannot be read: {error.strerror}") from error
    with clip:
        found = identify(database, SystemClock(), marker_of(settings), clip, question)
    print("\n".join(said(found, zone)))


def said(found: Identified, zone: ZoneInfo) -> list[str]:
    """The answer in lines of both languages."""
    answer = found.answer
    lines = [
        f"片段 · clip: {answer.seconds:.0f} s；候选观看 · views of then: {found.views}",
        f"比对次数 · hypotheses tried: {answer.tried}",
    ]
    for one in found.named:
        seen = to_datetime(one.fit.begin_us).astimezone(zone).isoformat(sep=" ", timespec="seconds")
        lines += [
            f"观看编号 · view {one.code}: {one.account} ({one.role})，租约 · lease {one.lease_id or '—'}",
            f"  画面时间 · pictures of {seen}；一致度 · agreement {one.fit.agreement:.2f}，{one.fit.groups} 组 · groups",
            f"  误指任何人的概率 · probability that anybody at all is named wrongly: ≤ {one.fit.p_false:.1e}",
        ]
    if found.named:
        return lines
    lines.append(f"不指认任何人 · nobody is named: no view is below {P_FALSE_MAX:.0e}")
    if answer.seconds < answer.needed_s + GROUP_US / 1e6:
        lines.append(
            f"片段太短：即使毫无损失也至少需要 {answer.needed_s:.0f} 秒 · too short: {answer.needed_s:.0f} s are needed even"
            " where nothing was lost"
        )
    else:
        lines.append(
            "可能不是这台摄像头、不是这段时间，或画质损失太大 · it is not of this camera or of this time, or too much of it was"
            " lost: try a longer clip, a wider time, the other --aspect"
        )
    return lines


def _zone(database: Database, scope: Scope, site_id: str) -> ZoneInfo:
    with database.reading() as session:
        return ZoneInfo(scoping.site_in_reach(session, scope, site_id).timezone)


def _instant(text: str, zone: ZoneInfo, fold: int) -> int:
    try:
        return from_datetime(datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold))
    except (ValueError, OverflowError) as error:
        raise InvalidInput(f"{text!r}: a time is written YYYY-MM-DDTHH:MM") from error


def _aspect(text: str) -> float:
    across, _, down = text.partition(":")
    try:
        found = float(across) / float(down or 1)
    except (ValueError, ZeroDivisionError) as error:
        raise InvalidInput(f"{text!r}: an aspect is written 16:9") from error
    if not 0.2 <= found <= 5:
        raise InvalidInput(f"{text!r}: an aspect is between 1:5 and 5:1")
    return found
