"""The commands about audits: ``audit deep``, ``audit draw``, ``audit show``.

``audit draw`` needs neither database nor store: it draws the minutes of an audit again from what its page hands out.
"""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

from config.base.clock import SystemClock, isoformat
from config.base.errors import IntegrityViolation, InvalidInput, Unavailable
from config.settings.server import ServerSettings
from server.admin.enrolment import Commands
from server.domain.sampling import Population, draw
from server.runtime import open_database
from server.services.audit.audit_deep import DeepAuditor, Request, ask, rules_of
from server.services.audit.read_audit import AuditReader, DeepResult
from server.web.audit_words import COMMAND
from server.web.audits import AuditWords
from server.web.languages import Language, load_languages
from storage.database.scope import AUDITOR, EVERY_REGION, Scope
from storage.objects.connection import access_from
from storage.objects.s3 import S3EvidenceStore

ACCOUNT = "server-admin"
SAMPLES = 60
POPULATION_BYTES_MAX = 64 * 2**20
_EVERYTHING = Scope(ACCOUNT, AUDITOR, EVERY_REGION)


def add_commands(verbs: Callable[[str, str], Commands]) -> None:
    """Puts the commands of this module among the others."""
    audits = verbs("audit", "审计 · look at what is kept, and at what audits found")
    deep = audits.add_parser(
        "deep", help="按种子抽查机位分钟 · read camera-minutes back, drawn from a seed, and watch it run"
    )
    deep.set_defaults(run=_deep)
    deep.add_argument("site")
    deep.add_argument(
        "--seed",
        default="",
        help="种子，须别人事先不知道 · what the camera-minutes follow from; take one nobody could know before",
    )
    deep.add_argument("--samples", type=int, default=SAMPLES, help="机位分钟数 · camera-minutes (default: %(default)s)")
    deep.add_argument(
        "--repeats", metavar="ID", help="沿用以前审计的总体 · draw from the population of an earlier audit"
    )
    deep.add_argument("--resume", metavar="ID", help="继续已发起的审计 · go on with one that was asked for")

    again = audits.add_parser(
        "draw",
        help="由名单复算抽到的分钟，不需要数据库 · print what an audit had to draw, from its list; needs no database",
    )
    again.set_defaults(run=_draw)
    again.add_argument(
        "--population",
        type=Path,
        required=True,
        metavar="FILE",
        help="页面提供的名单 · the list that its page hands out",
    )
    again.add_argument("--seed", required=True)
    again.add_argument("--samples", type=int, required=True)

    show = audits.add_parser(
        "show",
        help="审计结果与存储预计用满日期 · print what audits say of a site and of the store, and when the store is full",
    )
    show.set_defaults(run=_show)
    show.add_argument("site")


def _deep(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    clock, database = SystemClock(), open_database(settings.database)
    store = S3EvidenceStore(access_from(settings.store), clock)
    reader = AuditReader(database, clock)
    request = Request(arguments.site, arguments.seed, arguments.samples, ACCOUNT, arguments.repeats)
    audit_id = arguments.resume or ask(database, clock, request)
    found = reader.deep(_EVERYTHING, arguments.site, audit_id)
    _say("asked", id=audit_id, site=arguments.site, seed=found.audit.seed)
    auditor = DeepAuditor(database, store, clock, rules_of(settings))
    told: set[int] = set()
    try:
        while auditor.step(audit_id):
            before, found = found, reader.deep(_EVERYTHING, arguments.site, audit_id)
            _watch(before, found, told)
    except Unavailable as error:
        raise Unavailable(f"{error}; {_said('resume', site=arguments.site, id=audit_id)}") from error
    if found.audit.finished_us is None:
        raise Unavailable(_said("busy", site=arguments.site, id=audit_id), code="busy")
    print(file=sys.stderr)
    words = AuditWords(_language(), found.timezone)
    print(words.head(found.audit).bound)
    _say("kept", site=arguments.site, id=audit_id)
    if found.audit.faults:
        raise IntegrityViolation(_said("faults", faults=found.audit.faults), code="footage_at_fault")


def _watch(before: DeepResult, now: DeepResult, told: set[int]) -> None:
    """Where it stands, in one line that is written over; each fault in a line of its own."""
    audit = now.audit
    if before.audit.drawn_us is None and audit.drawn_us is not None:
        _say("drawn", population=audit.population, sha256=audit.population_sha256)
    page = AuditWords(_language(), now.timezone).deep(now)
    for row in page.samples:
        if row.chip in {"non_compliant", "unverified"} and row.number not in told:
            told.add(row.number)
            print(file=sys.stderr)
            _say("line", number=row.number, camera=row.camera, minute=row.minute, outcome=row.outcome, detail=row.text)
    line = _said("progress", checked=audit.checked, samples=audit.samples, faults=audit.faults, unknown=audit.unknown)
    print(f"\r{line}", end="" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)


def _draw(arguments: argparse.Namespace, _settings: ServerSettings) -> None:
    try:
        with arguments.population.open("rb") as opened:
            text = opened.read(POPULATION_BYTES_MAX + 1).decode("ascii")
    except (OSError, UnicodeError) as error:
        raise InvalidInput(f"--population: {arguments.population} cannot be read: {error}") from error
    population = Population.parse(text)
    print(f"# {population.sha256} {population.size}")
    for number, minute in enumerate(draw(population, arguments.seed, arguments.samples), 1):
        print(f"{number} {minute.camera_id} {isoformat(minute.span.start_us)}")


def _show(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    reader = AuditReader(open_database(settings.database), SystemClock())
    found = reader.of_site(_EVERYTHING, arguments.site)
    page = AuditWords(_language(), found.timezone).page(found)
    print(page.sentence)
    for line in [*page.conditions, *page.forecast, *page.rounds]:
        print(f"{'✓' if line.good else '✕' if line.known else '?'} {line.text}\n    {line.when}")
    for drift in page.drifts:
        print(f"✕ {drift.what}: {drift.camera} {drift.recording} {drift.detail} ({drift.found})")
    for deep in page.deep:
        print(f"{deep.id}  {deep.seed}  {deep.state}  {deep.progress}\n    {deep.bound}")


def _language() -> Language:
    named = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return load_languages()["zh-CN" if named.lower().startswith("zh") else "en"]


def _said(key: str, **values: object) -> str:
    return _language().text(COMMAND[key]) % values


def _say(key: str, **values: object) -> None:
    print(_said(key, **values), file=sys.stderr)
