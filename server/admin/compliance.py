"""``compliance``: by which policy pack a site is judged, and how it stands."""

import argparse
from collections.abc import Callable

from config.base.clock import SystemClock
from config.settings.server import ServerSettings
from server.admin.enrolment import Commands
from server.runtime import open_database
from server.services.compliance.choose_pack import choose_pack
from server.services.compliance.read_compliance import ComplianceReader
from server.services.compliance.rule_books import library
from server.services.coverage.assess_day import Assessor
from storage.database.scope import AUDITOR, EVERY_REGION, Scope


def add_commands(verbs_of: Callable[[str, str], Commands]) -> None:
    """Puts the commands of this module among the others."""
    verbs = verbs_of("compliance", "政策包与合规 · policy packs, and how a site stands")
    verbs.add_parser("packs", help="列出政策包 · the packs of this release").set_defaults(run=_packs)
    chosen = verbs.add_parser("set-pack", help="设定园所的政策包 · choose the pack a site is judged by")
    chosen.set_defaults(run=_set_pack)
    chosen.add_argument("site")
    chosen.add_argument("pack", help="见 packs；none 为不设 · see packs; none: no pack")
    show = verbs.add_parser("show", help="显示合规情况 · how a site stands, rule by rule")
    show.set_defaults(run=_show)
    show.add_argument("site")
    show.add_argument("--period", default="", help="日或月 · YYYY-MM-DD or YYYY-MM (default: today)")


def _packs(_arguments: argparse.Namespace, _settings: ServerSettings) -> None:
    for name in library().names:
        pack = library().book(name).packs[-1]
        print(f"{name:20} {pack.version:12} {pack.title.zh_cn} · {pack.title.en}")


def _set_pack(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    """Raises InvalidInput for a pack that there is not, NotFound for such a site."""
    database = open_database(settings.database)
    try:
        before, now = choose_pack(
            database, SystemClock(), arguments.site, None if arguments.pack == "none" else arguments.pack
        )
    finally:
        database.close()
    print(f"{arguments.site}: {before or '–'} → {now or '–'}")


def _show(arguments: argparse.Namespace, settings: ServerSettings) -> None:
    database = open_database(settings.database)
    reader = ComplianceReader(database, SystemClock(), Assessor(settings.policy))
    found = reader.of_site(Scope("server.admin", AUDITOR, EVERY_REGION), arguments.site, arguments.period)
    database.close()
    if found.status is None:
        print(
            f"{found.site_id}: 未设政策包，录像保存 {found.retain_days} 天 · no policy pack; kept {found.retain_days} days"
        )
        return
    finality = "最终 · final" if found.final else "暂定 · provisional"
    print(f"{found.site_id} {found.period}: {found.status} ({finality}) {found.book}")
    for outcome in found.outcomes:
        value = "–" if outcome.value is None else outcome.value
        print(
            f"  {outcome.status:14} {outcome.binding:12} {outcome.rule:28} {outcome.subject:18} "
            f"{value} ({outcome.operator} {outcome.required} {outcome.unit}) {outcome.why}"
        )
