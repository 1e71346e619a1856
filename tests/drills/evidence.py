"""Drill ``evidence``: an evidence package spoiled 100,000 times, forged by people who hold the keys, and checked by newcomers.

``python3 dev.py drill evidence --json``. About five minutes on one core; ``--mutations``, ``--page`` and ``--forgeries`` say
how many, ``--seed`` which. Goals, all of them invariants:

- the command refuses every mutation, of every class, and never falls over;
- the page, in a real browser, says of the sampled ones and of the forgeries what the command says: the same verdict, the
  same first item, the same reason;
- the command installs without the server and is understood: both languages, JSON, exit statuses.

``--package FILE --key FILE`` spoils a package that was exported, in place of the drill's own: one of the demo, say, with the
centre's public key beside it. ``--donor FILE`` is another one, from which pieces are grafted. Nobody here holds those keys,
so there are no forgeries of it.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from playwright.sync_api import Page, sync_playwright

from benchmarks._forgeries import forge
from benchmarks._mutations import CLASSES, mutate
from benchmarks.report import Report
from tests.drills._newcomer import Newcomer
from tests.support.browser import CHROMIUM_NAMES, FLAGS
from tests.support.packages import AGENT, CENTRE, DAY_US, Evidence
from tests.support.verifiers import PEM, Verdict, everything, of_the_command, of_the_page, open_page

BATCH = 200
TELL_EVERY_S = 20.0


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--mutations", type=int, default=100_000)
    parser.add_argument("--page", type=int, default=5_000, help="how many of them the page judges as well")
    parser.add_argument("--forgeries", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--package", type=Path, help="spoil this one")
    parser.add_argument("--key", type=Path, help="the public key (PEM) by which it is genuine")
    parser.add_argument("--donor", type=Path, action="append", default=[], help="graft from this one, too")
    options = parser.parse_args()
    if (options.package is None) != (options.key is None):
        parser.error("--package and --key go together")
    report = Report("evidence", figures={"seed": options.seed})
    if options.package is not None:
        with _page(report) as page:
            drill = _Drill(report, random.Random(options.seed), page, _Exported.read(options))
            drill.mutations(options.mutations, options.page)
        return report.finish_drill(as_json=options.json)
    with _page(report) as page, tempfile.TemporaryDirectory(prefix="evidence-") as scratch:
        drill = _Drill(report, random.Random(options.seed), page)
        drill.mutations(options.mutations, options.page)
        drill.forgeries(options.forgeries)
        newcomer = Newcomer(Path(scratch), report)
        newcomer.run(drill.rich)
    return report.finish_drill(as_json=options.json)


@dataclass(frozen=True)
class _Exported:
    """A package from elsewhere, and by which key it is genuine."""

    data: bytes
    pem: str
    donors: list[bytes]

    @classmethod
    def read(cls, options: argparse.Namespace) -> "_Exported":
        donors = [path.read_bytes() for path in options.donor]
        return cls(options.package.read_bytes(), options.key.read_text(), donors)


class _Drill:
    def __init__(
        self, report: Report, chance: random.Random, page: Page | None, exported: _Exported | None = None
    ) -> None:
        self._report, self._chance, self._page = report, chance, page
        self.rich, self.plain = everything().build(), Evidence(count=3, lost=(1,)).build()
        self._donors = [
            Evidence(camera_id="hall", count=3).build(),
            Evidence(start_us=DAY_US + 86_400_000_000, count=3).build(),
        ]
        self._pem = PEM
        if exported is not None:
            self._donors = [*exported.donors, self.rich]
            self.rich = self.plain = exported.data
            self._pem = exported.pem
        key = serialization.load_pem_public_key(self._pem.encode())
        self._key = key if isinstance(key, Ed25519PublicKey) else None
        report.figures |= {"package_bytes": len(self.plain), "full_package_bytes": len(self.rich)}
        report.expect_true(
            "the packages are genuine",
            value=all(of_the_command(p, self._key).genuine for p in (self.rich, self.plain)),
        )

    def mutations(self, count: int, judged: int) -> None:
        """Spoils a package ``count`` times; the page judges about ``judged`` of them, spread over all."""
        done, accepted, fallen, named = Counter[str](), [], [], Counter[str]()
        sample: list[tuple[bytes, Verdict]] = []
        every = max(1, count // max(1, judged))
        began = told = time.monotonic()
        for number in range(count):
            whole = self._chance.choice([self.rich, self.plain])
            name, spoiled = mutate(whole, self._chance.choice(self._donors), self._chance)
            verdict = of_the_command(spoiled, self._key)
            done[name] += 1
            named[verdict.why] += 1
            accepted += [name] if verdict.genuine else []
            fallen += [f"{name}: {verdict.why}"] if verdict.genuine is None else []
            if number % every == 0:
                sample.append((spoiled, verdict))
            if time.monotonic() - told > TELL_EVERY_S:
                told = time.monotonic()
                print(f"  {number + 1} of {count} mutations", file=sys.stderr, flush=True)
        self._report.figures |= {
            "mutations": count,
            "mutations_s": round(time.monotonic() - began, 1),
            "reasons_given": len(named),
            **{f"mutations: {name}": done[name] for name in CLASSES},
        }
        for line in (accepted + fallen)[:10]:
            print(f"  ! {line}", file=sys.stderr)
        self._report.expect("mutations accepted", len(accepted), at_most=0)
        self._report.expect("mutations at which the command fell over", len(fallen), at_most=0)
        self._report.expect("classes of mutation tried", len(done), at_least=min(len(CLASSES), count))
        self._agree("mutations", sample)

    def forgeries(self, count: int) -> None:
        """Packages that are signed throughout and odd in one place: the verifiers agree, whatever they say."""
        made = [forge(self.rich, CENTRE, AGENT, self._chance) for _ in range(count)]
        verdicts = [of_the_command(data) for data in made]
        fallen = [verdict for verdict in verdicts if verdict.genuine is None]
        self._report.figures |= {
            "forgeries": count,
            "forgeries_sound_all_the_same": sum(verdict.genuine is True for verdict in verdicts),
        }
        for verdict in fallen[:10]:
            print(f"  ! {verdict}", file=sys.stderr)
        self._report.expect("forgeries at which the command fell over", len(fallen), at_most=0)
        self._agree("forgeries", list(zip(made, verdicts, strict=True)))

    def _agree(self, what: str, judged: list[tuple[bytes, Verdict]]) -> None:
        if self._page is None:
            return
        began, differ = time.monotonic(), []
        for start in range(0, len(judged), BATCH):
            part = judged[start : start + BATCH]
            found = of_the_page(self._page, [data for data, _ in part], self._pem)
            differ += [(mine, theirs) for (_, mine), theirs in zip(part, found, strict=True) if not mine.agrees(theirs)]
        for mine, theirs in differ[:10]:
            print(f"  ! command: {mine}; page: {theirs}", file=sys.stderr)
        self._report.figures |= {
            f"{what}_judged_by_the_page": len(judged),
            f"{what}_page_s": round(time.monotonic() - began, 1),
        }
        self._report.expect(f"{what} of which the page says something else", len(differ), at_most=0)


@contextmanager
def _page(report: Report) -> Iterator[Page | None]:
    """The page in a browser of this machine; without one the drill says so and fails that goal."""
    executable = next((found for name in CHROMIUM_NAMES if (found := shutil.which(name))), None)
    report.expect_true("a browser is there", value=executable is not None)
    if executable is None:
        yield None
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        try:
            yield open_page(browser.new_context(offline=True).new_page())
        finally:
            browser.close()


if __name__ == "__main__":
    sys.exit(main())
