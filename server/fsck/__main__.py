"""``python -m server.fsck``: compares database, store and ledger, and changes nothing.

0: they agree. 1: it could not be finished. 2: wrong configuration. 3: something does not agree, and what to do is said.
The connections refuse to write; whoever wants that held by others as well gives it accounts that may only read, by the
usual settings (``database.url``, ``store.access_key_file`` and ``store.secret_key_file``).
"""

import argparse
import os
import sys
from collections import Counter
from pathlib import Path

from config.base import logs
from config.base.clock import SystemClock
from config.base.errors import ConfigurationError, NightlightError
from config.settings.server import ServerSettings, load_server
from server.runtime import EXIT_CONFIGURATION, EXIT_INTEGRITY, note_signer_from, open_database
from server.services.audit.check_everything import Checker, Problem, Progress
from server.web.audit_words import FINDING, FSCK
from server.web.languages import load_languages
from storage.objects.connection import access_from
from storage.objects.s3 import S3EvidenceStore

SHOWN_OF_A_KIND_MAX = 20
EXIT_UNFINISHED = 1


def main() -> int:
    """Runs the check."""
    parser = argparse.ArgumentParser(prog="python -m server.fsck", description="Compares database, store and ledger.")
    parser.add_argument("--settings", type=Path, help="TOML file over the defaults in config/settings/server.toml")
    parser.add_argument("--locks", action="store_true", help="ask the store for every version's checksum and lock too")
    arguments = parser.parse_args()
    teller = _Teller()
    try:
        settings = load_server(arguments.settings)
        logs.configure("fsck", "WARNING")
        checker = _checker(settings, teller, locks=arguments.locks)
        checker.database.check_migrated()
        for problem in checker.run():
            teller.tell(problem)
    except ConfigurationError as error:
        print(f"server.fsck: {error}", file=sys.stderr)
        return EXIT_CONFIGURATION
    except NightlightError as error:
        teller.finish(whole=False)
        print(teller.said("unread", why=error), file=sys.stderr)
        return EXIT_UNFINISHED
    return EXIT_INTEGRITY if teller.finish() else 0


def _checker(settings: ServerSettings, teller: "_Teller", *, locks: bool) -> Checker:
    clock = SystemClock()
    store = S3EvidenceStore(access_from(settings.store), clock, read_only=True)
    key = note_signer_from(settings.server.signing_key_file, settings.ledger.name).key
    database = open_database(settings.database, read_only=True)
    return Checker(database, store, clock, key, locks, teller.show)


class _Teller:
    """Says what is found, in the operator's language: findings to standard output, progress to standard error."""

    def __init__(self) -> None:
        named = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
        self._text = load_languages()["zh-CN" if named.lower().startswith("zh") else "en"].text
        self._found: Counter[str] = Counter()
        self._progress = Progress()

    def said(self, key: str, **values: object) -> str:
        return self._text(FSCK[key]) % values

    def show(self, progress: Progress) -> None:
        self._progress = progress
        if sys.stderr.isatty():
            print(f"\r{self._figures()}", end="", file=sys.stderr, flush=True)

    def tell(self, problem: Problem) -> None:
        self._found[problem.kind] += 1
        if self._found[problem.kind] > SHOWN_OF_A_KIND_MAX:
            return
        what, do = FINDING[problem.kind]
        if sys.stderr.isatty():
            print(file=sys.stderr)
        print(f"✕ {self._text(what)}: {problem.subject} {problem.detail}".rstrip())
        if self._found[problem.kind] == 1:
            print(f"    {self.said('do')} {self._text(do)}")

    def finish(self, *, whole: bool = True) -> int:
        """How many problems there were; ``whole``: everything was looked at, so that none of them is good news (I1)."""
        for kind, number in self._found.items():
            if number > SHOWN_OF_A_KIND_MAX:
                more = self.said("more", number=number - SHOWN_OF_A_KIND_MAX)
                print(f"✕ {self._text(FINDING[kind][0])}: {more}")
        total = sum(self._found.values())
        print(f"{self._figures()}", file=sys.stderr)
        if total or whole:
            print(self.said("found", number=total) if total else self.said("clean"))
        return total

    def _figures(self) -> str:
        found = self._progress
        return (
            f"{found.recordings}/{found.recordings_in_all} {self.said('recordings')} · "
            f"{found.entries}/{found.entries_in_all} {self.said('entries')} · {found.files} {self.said('files')}"
        )


if __name__ == "__main__":
    sys.exit(main())
