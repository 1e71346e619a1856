"""What goes wrong around footage that must be kept. Each fault ends with everything whole again, and a look at the truth."""

import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from typing import get_args

from sqlalchemy import func, select

from benchmarks.drills._attacks import bucket_attacks, faketime_library
from benchmarks.drills._keeping import FIRST_PAST_DAYS, RETAIN_DAYS, SITE, Keeping, Said
from benchmarks.drills._keeping_alarm import alarm
from benchmarks.drills._keeping_truth import Found, Outcome, look
from benchmarks.drills._liar import UNSOUND, YEAR_S, Lies, Taken, Told
from config.base.clock import US_PER_S
from config.base.errors import NightlightError, Unavailable
from config.base.timespan import Span
from deploy.local.commands import REPOSITORY, environment
from server.services.audit.audit_store import StoreAuditor
from server.services.custody.expire_footage import FootageExpirer
from server.services.intake.verify_upload import UploadVerifier
from storage.database.models import AuditFinding, AuditRound, LegalHold, PendingVerification, Segment
from storage.objects.canary import attack_version
from tests.support.clock import SimulatedClock

LIVES_S = (0.0, 1.6)
SETTLE_WITHIN_S = 120
CHECK_EVERY, SAY_EVERY = 100, 20
TRIES_MAX = 40
CLOCK_OFF_US = 5 * US_PER_S
PAST_LOCK_S = 1.0
KINDS = (("ingest",), ("jobs",), ("jobs",), ("ingest", "jobs"))


class Faults:
    """All of them, over one world."""

    def __init__(self, world: Keeping, chance: random.Random, kills: int, *, in_full: bool = True) -> None:
        """``in_full``: also what takes seconds and adds little: the whole process under another clock."""
        self._in_full = in_full
        self.world = world
        self._chance = chance
        self._kills = kills
        self._past_days = FIRST_PAST_DAYS
        self.all: dict[str, Callable[[], Outcome]] = {
            "kills": self.kills,
            "uploads": self.lied_to_at_upload,
            "audits": self.lied_to_at_audit,
            "down": self.store_down,
            "slow": self.store_slow,
            "clock": self.a_year_ahead,
            "admin": self.administrator,
            "alarm": lambda: alarm(world, self._upload_in_process),
        }

    # --- kill -9 ---

    def kills(self) -> Outcome:
        """Kill -9 of the server's processes while footage comes in, is locked, audited, held and deleted."""
        world, during, struck = self.world, Counter[str](), Counter[str]()
        for number in range(1, self._kills + 1):
            self._give_work(number)
            world.start()
            world.tell()
            time.sleep(self._chance.uniform(*LIVES_S))
            kind = self._chance.choice(KINDS)
            world.kill(*kind)
            struck["+".join(kind)] += 1
            during.update(self._under_way())
            if number % SAY_EVERY == 0:
                print(f"  {number} of {self._kills} kills", file=sys.stderr, flush=True)
            if number % CHECK_EVERY == 0 and number < self._kills:
                found = self._settle()
                print(f"  {number} kills, {len(found.broken)} broken", file=sys.stderr, flush=True)
                if found.broken:
                    return Outcome(found)
        found = self._settle()
        figures: dict[str, int | float | str] = {f"kills_{kind}": times for kind, times in sorted(struck.items())}
        figures |= {f"during_{what}": times for what, times in sorted(during.items())}
        return Outcome(found, figures | {"starts": world.starts})

    def _give_work(self, number: int) -> None:
        """Recordings to read back and lock, old ones to delete, holds to place and to lift, an audit that is due."""
        world = self.world
        world.liar.lies.slow_s = self._chance.choice((0.0, 0.0, 0.01, 0.03))
        world.record(3, tell=False)
        past = world.record_past(self._past_days, 2, PAST_LOCK_S)
        self._past_days += 1
        if number % 3 == 1:
            first = past[0].manifest
            review_us = world.clock.utc_us() + 86_400 * US_PER_S
            world.holds.place(SITE, None, Span(first.start_us, first.end_us), "drill", "owner", review_us)
        if number % 4 == 0:
            with world.database.reading() as session:
                standing = session.scalars(select(LegalHold.id).where(LegalHold.lifted_us.is_(None))).all()
            self._lift(self._chance.choice(standing))
        world.audit_again()

    def _lift(self, hold_id: str) -> None:
        self.world.holds.request_lift(hold_id, "first")
        self.world.holds.confirm_lift(hold_id, "second")

    def _under_way(self) -> list[str]:
        """What had been begun and not ended at that instant."""
        with self.world.database.reading() as session:

            def some(*where: object) -> bool:
                return bool(session.scalar(select(func.count()).where(*where)))  # type: ignore[arg-type]

            claimed = some(Segment.deleted_us.is_not(None), Segment.certified_us.is_(None))
            lifted = some(LegalHold.lifted_us.is_not(None), LegalHold.on_store)
            under_way = {
                "upload": some(PendingVerification.segment_id.is_not(None)),
                "audit": some(AuditRound.id.is_not(None), AuditRound.finished_us.is_(None)),
                "deletion": claimed,
                "hold": lifted or some(LegalHold.lifted_us.is_(None), LegalHold.on_store.is_(False)),
            }
        return [what for what, so in under_way.items() if so]

    def _settle(self) -> Found:
        """Nobody is killed any more until nothing is left to do; then the truth."""
        world = self.world
        world.liar.lies.slow_s = 0.0
        world.kill(*world.running)
        time.sleep(PAST_LOCK_S)
        began_us = world.clock.utc_us()
        world.read_back_again()
        world.start()
        said = world.wait("every recording to be secured", self._all_secured, SETTLE_WITHIN_S)
        done = self._run_to_its_end(began_us) and self._run_to_its_end(world.clock.utc_us())
        world.kill(*world.running)
        found = look(world)
        found.must(said, "recordings that were told of are not secured")
        found.must(done, f"this is still under way: {self._under_way()}")
        return found

    def _run_to_its_end(self, since_us: int) -> bool:
        """An audit is spread over the day: it is ended as if that had passed."""
        self.world.audit_again()
        self.world.kill("jobs")
        self.world.start("jobs")
        what = "deletions, holds and the audit"
        return self.world.wait(what, lambda: self._is_settled(since_us), SETTLE_WITHIN_S)

    def _is_settled(self, since_us: int) -> bool:
        self.world.audit_again()
        with self.world.database.reading() as session:
            audited_us = session.scalar(select(func.max(AuditRound.finished_us))) or 0
        return audited_us > since_us and not set(self._under_way()) - {"audit"}

    def _all_secured(self) -> bool:
        waiting = self.world.tell()
        time.sleep(1.0 if waiting else 0.0)
        return not waiting

    # --- lies ---

    def lied_to_at_upload(self) -> Outcome:
        """What was never stored as it should be is never secured; what can be mended is."""
        world, refused = self.world, {}
        broken: list[str] = []
        for lie in get_args(Taken):
            for keeps_short in (False, True) if lie == "short_lock" else (False,):
                world.liar.lies = Lies(uploads=lie, keeps_locks_short=keeps_short)
                made = self._upload_in_process()
                with world.database.reading() as session:
                    rows = [session.get(Segment, said.manifest.segment_id) for said in made]
                wanted = lie in ("", "no_word") or (lie == "short_lock" and not keeps_short)
                secured = [row is not None and row.secured_us is not None for row in rows]
                if not rows or any(one is not wanted for one in secured):
                    broken.append(f"upload {lie or 'truly'} (short: {keeps_short}): secured {secured}, not {wanted}")
                refused[lie] = sum(not one for one in secured)
        world.liar.lies = Lies()
        found = look(world)
        found.broken += broken
        return Outcome(found, {"lies": len(refused), "refused": sum(refused.values())})

    def _upload_in_process(self) -> list[Said]:
        made = self.world.record(2, short_every=10**9, tell=False)
        for said in made:
            for topic, payload in said.messages:
                self.world.agent.inbox.accept(topic, payload)
        self._verify()
        return made

    def _verify(self) -> None:
        world = self.world
        verifier = UploadVerifier(world.database, world.evidence, world.clock, RETAIN_DAYS, 300 * US_PER_S)
        for _ in range(3):
            for job in verifier.take(100):
                verifier.verify(job)

    def lied_to_at_audit(self) -> Outcome:
        """One recording for every lie, and strangers put there by an administrator: all found in one audit."""
        world, told = self.world, get_args(Told)
        made = self._upload_in_process() + [one for _ in told for one in self._upload_in_process()]
        liars = dict(zip((said.key for said in made[2::2]), told, strict=True))
        self._plant(made[3], made[5], made[7])
        world.liar.lies = Lies(about=dict(liars))
        found = Found()
        failures = self._audit()
        drifts = self._open_findings()
        covered_before = look(world).covered_s
        for key, lie in liars.items():
            found.must(UNSOUND[lie] in drifts.get(key, ()), f"{lie} was found as {drifts.get(key)}, not {UNSOUND[lie]}")
        for said, drift in ((made[3], "delete_marker"), (made[5], "foreign_version"), (made[7], "foreign_object")):
            near = [name for key, names in drifts.items() if key.startswith(said.key[:-4]) for name in names]
            found.must(drift in near, f"{drift} was found as {near}")
        false = set(drifts) - set(liars) - {made[3].key, made[5].key, f"{made[7].key[:-4]}x.mp4"}
        found.must(not false, f"{len(false)} objects were accused without a reason")
        with world.database.reading() as session:
            for said in made:
                row = session.get_one(Segment, said.manifest.segment_id)
                found.must(
                    (row.secured_us is None) == (said.key in liars), f"{liars.get(said.key)}: secured {row.secured_us}"
                )
        world.liar.lies = Lies()
        self._audit()
        after = look(world)
        found.must(not [key for key in self._open_findings() if key in liars], "what is whole again is still accused")
        after.broken += found.broken
        figures: dict[str, int | float | str] = {
            "lies": len(liars) + 3,
            "found": len(liars) + 3 - len(found.broken),
            "rounds": 1,
            "postponed": failures,
        }
        return Outcome(after, figures | {"covered_during_s": covered_before, "covered_after_s": after.covered_s})

    def _plant(self, marked: Said, doubled: Said, beside: Said) -> None:
        admin, forged = self.world.admin, b"another picture"
        until_us = self.world.clock.utc_us() + 120 * US_PER_S
        digest = sha256(forged).hexdigest()
        admin.raw.send("DELETE", marked.key)
        admin.put_locked(doubled.key, forged, digest, until_us)
        admin.put_locked(f"{beside.key[:-4]}x.mp4", forged, digest, until_us)

    def _audit(self) -> int:
        """One whole round, two hours from now so that nothing is too young; how often a step had to be repeated."""
        world, failures = self.world, 0
        clock = SimulatedClock(world.clock.utc_us() + 2 * 3_600 * US_PER_S)
        # So few by lot that listings are believed where they are to be had.
        auditor = StoreAuditor(world.database, world.evidence, clock, RETAIN_DAYS, asked_min=2)
        auditor.begin(at_once=True)
        for _ in range(TRIES_MAX):
            try:
                if not auditor.step():
                    return failures
            except NightlightError as error:
                failures += 1
                print(f"  the audit: {error}", file=sys.stderr, flush=True)
        return failures

    def _open_findings(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        with self.world.database.reading() as session:
            for row in session.scalars(select(AuditFinding).where(AuditFinding.settled_us.is_(None))):
                found.setdefault(row.object_key, set()).add(row.drift)
        return found

    # --- down, slow ---

    def store_down(self) -> Outcome:
        """Nothing is proved by silence: nothing new counts, nothing old is accused, and all of it goes on afterwards."""
        return self._silent(Lies(down=True))

    def store_slow(self) -> Outcome:
        """Slower than anybody waits: the same."""
        return self._silent(Lies(slow_s=self.world.access.timeout_s + 0.5))

    def _silent(self, lies: Lies) -> Outcome:
        world = self.world
        before = self._open_findings()
        made = world.record(2, short_every=10**9, tell=False)
        for said in made:
            for topic, payload in said.messages:
                world.agent.inbox.accept(topic, payload)
        world.liar.lies = lies
        began = time.monotonic()
        verifier = UploadVerifier(world.database, world.evidence, world.clock, RETAIN_DAYS, 300 * US_PER_S)
        for job in verifier.take(1):
            verifier.verify(job)
        refused_audit = self._fails_to_audit()
        took_s = time.monotonic() - began
        found = Found()
        found.must(refused_audit, "a store that does not answer was audited")
        found.must(self._open_findings() == before, "a store that does not answer was accused of something")
        with world.database.reading() as session:
            rows = [session.get_one(Segment, said.manifest.segment_id) for said in made]
        found.must(
            all(row.secured_us is None and row.refusal is None for row in rows), "an upload was judged in silence"
        )
        world.liar.lies = Lies()
        world.read_back_again()
        self._verify()
        self._audit()
        after = look(world, settled=False)
        with world.database.reading() as session:
            rows = [session.get_one(Segment, said.manifest.segment_id) for said in made]
        found.must(any(row.secured_us is not None for row in rows), "no upload was secured after the store was back")
        after.broken += found.broken
        return Outcome(after, {"gave_up_after_s": round(took_s, 1)})

    def _fails_to_audit(self) -> bool:
        world = self.world
        clock = SimulatedClock(world.clock.utc_us() + 2 * 3_600 * US_PER_S)
        auditor = StoreAuditor(world.database, world.evidence, clock, RETAIN_DAYS, workers=2)
        try:
            auditor.begin(at_once=True)
            auditor.step()
        except Unavailable:
            return True
        return False

    # --- clocks ---

    def a_year_ahead(self) -> Outcome:
        """The server's clock a year ahead: in its decisions alone, and in the whole process; then the store's Date."""
        world = self.world
        made = self._upload_in_process()
        ahead = SimulatedClock(world.clock.utc_us() + YEAR_S * US_PER_S)
        gone = 0
        try:
            gone = FootageExpirer(world.database, world.evidence, ahead, RETAIN_DAYS).run()
        except NightlightError as error:
            print(f"  the deletion: {error}", file=sys.stderr, flush=True)
        process_s = self._jobs_in_the_future() if self._in_full else 0.0
        self._audit()
        auditor = StoreAuditor(world.database, world.evidence, SimulatedClock(world.clock.utc_us()), RETAIN_DAYS)
        world.liar.lies = Lies(ahead_s=YEAR_S)
        begun = auditor.begin(at_once=True)
        world.liar.lies = Lies()
        self._audit()
        found = look(world)
        off_us = begun.store_clock_us if begun is not None else None
        found.must(off_us is not None and off_us > CLOCK_OFF_US, f"the store's clock was taken for {off_us}")
        with world.database.reading() as session:
            for said in made:
                row = session.get_one(Segment, said.manifest.segment_id)
                found.must(row.deleted_us is None, "a recording in its first day counts as deleted")
        return Outcome(found, {"deleted": gone, "process_under_faketime_s": process_s, "store_clock": "its Date only"})

    def _jobs_in_the_future(self) -> float:
        """``server.jobs`` itself, a year ahead; 0 where no clock can be faked here."""
        library = faketime_library()
        if library is None:
            return 0.0
        faked = {"LD_PRELOAD": library, "FAKETIME": "+365d", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}
        with (self.world.root / "future.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "server.jobs", "--settings", str(self.world.settings_file)],
                cwd=REPOSITORY,
                env=environment() | faked,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        began = time.monotonic()
        said = self.world.wait("the server in the future", lambda: b"assessing" in self._future_log(), 30)
        time.sleep(4 if said else 0)
        process.kill()
        process.wait()
        return round(time.monotonic() - began, 1)

    def _future_log(self) -> bytes:
        return (self.world.root / "future.log").read_bytes()

    # --- an administrator ---

    def administrator(self) -> Outcome:
        """Everything that S3 knows, with the most powerful credentials there are, on real recordings."""
        world = self.world
        made = self._upload_in_process()
        figures: dict[str, int | float | str] = {}
        found = Found()
        for who, store in (("administrator", world.admin), ("server", world.evidence)):
            for said in made:
                try:
                    refusals = attack_version(store, store.stat_version(said.key, said.version_id))
                    figures[f"{who}_attacks_on_versions"] = len(refusals)
                except NightlightError as error:
                    found.must(holds=False, what=f"{who}: {error}")
            agreed = [name for name, attack in bucket_attacks(store, made[0]).items() if attack()]
            figures[f"{who}_agreed_to"] = ", ".join(agreed) or "nothing"
        self._audit()
        for drift in ("delete_marker", "foreign_version"):
            found.must(drift in self._open_findings().get(made[0].key, ()), f"the audit did not find the {drift}")
        after = look(world)
        after.broken += found.broken
        return Outcome(after, figures)
