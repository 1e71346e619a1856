"""The faults themselves. Each begins with an agent that records and ends with one that does."""

import random
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

from benchmarks.drills._truth import Finding, Truth, wait_for_database
from benchmarks.drills._world import World, can_set_clock

SETTLE_WITHIN_S = 150
DOWN_S = 15.0
CUT_S = 25.0
LIVES_S = (0.2, 6.0)
"""How long an agent lives between two kills, from its start or from its first fragment on."""
EARLY, WRITES_WITHIN_S = 0.3, 30.0
KINDS = ("main", "main", "shard", "all")
CHECK_EVERY = 50
RESTART = {"agent_offline", "recording_stopped", "stream_stalled"}
"""What a gap may be called when a process of the agent ended: the last is that of one shard."""
HOUR_S, YEAR_S = 3_600, 365 * 86_400
CLOCK_S = 8.0
FILLER_LEAVES_BYTES = 2 * 2**20
QUOTA_BYTES = 2_500_000


@dataclass
class Scenario:
    """What one fault did."""

    name: str
    finding: Finding
    figures: dict[str, int | float | str] = field(default_factory=dict)


class Faults:
    """All of them, over one world."""

    def __init__(self, world: World, chance: random.Random, rounds: int, lives_s: float = LIVES_S[1]) -> None:
        """``lives_s``: the longest that an agent lives between two kills."""
        self.world = world
        self._lives_s = lives_s
        self.truth = Truth(world)
        self._chance = chance
        self._rounds = rounds
        self._shard_back_s = 0.0
        self.all: dict[str, Callable[[], Scenario]] = {
            "kills": self.kills,
            "broker": self.broker_down,
            "store": self.store_down,
            "both": self.both_down,
            "cut": self.network_cut,
            "clock": self.clock_jumps,
            "cameras": self.cameras_misbehave,
            "full-keep-old": self.disk_full,
            "full-keep-new": self.disk_full_keeping_the_newest,
        }

    def begin(self) -> None:
        """An agent that records, of which the first segment is with the server."""
        world = self.world
        world.start_agent()
        wait_for_database(world)
        recording = "SELECT COUNT(*) AS n FROM cameras WHERE condition = 'recording'"
        wanted = [{"n": len(world.cameras)}]
        world.wait("every camera to be recorded", lambda: world.box.query(recording) == wanted, 30)
        self.truth.settle(SETTLE_WITHIN_S)

    def kills(self) -> Scenario:
        """Kill -9 at random instants: the main process, one shard, or everything at once."""
        since_us, struck, back_s = self._now_us(), dict.fromkeys(KINDS, 0), 0.0
        outlived = 0
        for number in range(1, self._rounds + 1):
            self._live()
            kind = self._chance.choice(KINDS)
            struck[kind] += 1
            outlived += self._strike(kind)
            back_s = max(back_s, self._shard_back_s)
            if number % CHECK_EVERY == 0 and number < self._rounds:
                self._say(f"{number} kills")
                early = self._judged(since_us, RESTART)
                if early.broken:
                    return Scenario("kills", early, {"kills": number})
        finding = self._judged(since_us, RESTART)
        finding.must(outlived == 0, f"{outlived} processes outlived their main process by 5 s")
        return Scenario(
            "kills", finding, {**{f"kills_{k}": n for k, n in struck.items()}, "shard_back_s_max": round(back_s, 2)}
        )

    def broker_down(self) -> Scenario:
        """Kill -9 of the broker; it comes back with what it had on its disk."""
        since_us = self._now_us()
        self._stop_broker()
        self._pass(DOWN_S)
        self.world.broker.start()
        return Scenario("broker", self._judged(since_us, set()))

    def store_down(self) -> Scenario:
        """The store is stopped and started."""
        since_us = self._now_us()
        self.world.store.stop()
        self._pass(DOWN_S)
        self.world.restart_store()
        return Scenario("store", self._judged(since_us, set()))

    def both_down(self) -> Scenario:
        """Broker and store."""
        since_us = self._now_us()
        self._stop_broker()
        self.world.store.stop()
        self._pass(DOWN_S)
        self.world.restart_store()
        self.world.broker.start()
        return Scenario("both", self._judged(since_us, set()))

    def network_cut(self) -> Scenario:
        """Nothing passes and nobody is told: every connection stands half open, and stays so for ever."""
        since_us, relays = self._now_us(), (self.world.to_broker, self.world.to_store, self.world.to_api)
        for relay in relays:
            relay.freeze()
        self._pass(CUT_S)
        for relay in relays:
            relay.thaw()
        begun = time.monotonic()
        finding = self._judged(since_us, set())
        return Scenario("cut", finding, {"settled_after_s": round(time.monotonic() - begun, 1)})

    def clock_jumps(self) -> Scenario:
        """The machine's clock is set an hour and a year ahead and back, under a running agent."""
        if not can_set_clock():
            return Scenario("clock", Finding(), {"skipped": "libfaketime is not installed"})
        self.world.clock_can_be_set = True
        self._restart()
        since_us = self._now_us()
        for offset_s in (HOUR_S, -HOUR_S, YEAR_S, -YEAR_S):
            self.world.set_clock(offset_s)
            self._pass(CLOCK_S)
            self.world.set_clock(0)
            self._pass(CLOCK_S / 2)
        finding = self._judged(since_us, set())
        told = self.world.notices("clock_stepped")
        finding.must(told >= 8, f"clock_stepped was told {told} times, not raised and cleared four times")
        self.world.clock_can_be_set = False
        self._restart()
        return Scenario("clock", finding, {"clock_notices": told})

    def cameras_misbehave(self) -> Scenario:
        """One after another, while the last camera of the agent stays well: it may have no gap at all."""
        world, since_us = self.world, self._now_us()
        camera, stream = world.cameras[0], world.simulator.cameras[0]
        for mode, lasts_s in (("garbage", 8), ("stall", 8), ("off", 8), ("half", 8), ("restamp", 6), ("no_video", 6)):
            began_us = self._now_us()
            world.simulator.switch(stream, mode)  # type: ignore[arg-type]
            self._pass(lasts_s)
            world.simulator.switch(stream, "on")
            if mode == "garbage":
                world.garbage.append((camera, began_us, self._now_us()))
            self._pass(5)
        causes = {"stream_stalled", "camera_unreachable", "camera_no_video"}
        finding = self._judged(since_us, causes, only={camera})
        return Scenario("cameras", finding)

    def disk_full(self) -> Scenario:
        """A small disk fills while the server is away: recording stops, and nothing is lost that had been durable."""
        world, since_us = self.world, self._now_us()
        filler = world.fill_disk(FILLER_LEAVES_BYTES)
        if filler is None:
            return Scenario("full-keep-old", Finding(), {"skipped": "a small disk cannot be mounted here"})
        self._cut_off()
        full = world.wait("the disk to fill", lambda: "disk_full" in world.log_since_full(), 120)
        self._pass(5)
        self._connect()
        self._pass(10)
        filler.unlink()
        finding = self._judged(since_us, {"disk_full"})
        finding.must(full, "the disk never filled")
        finding.must(finding.causes["disk_full"] > 1, "no gap says disk_full")
        return Scenario("full-keep-old", finding, {"disk_full_s": round(finding.causes["disk_full"], 1)})

    def disk_full_keeping_the_newest(self) -> Scenario:
        """The same by quota, with ``keep_new``: the oldest goes, and each segment with a word."""
        world = self.world
        self._restart(spool={"when_full": "keep_new", "bytes_max": QUOTA_BYTES})
        since_us = self._now_us()
        self._cut_off()
        many = world.wait("evictions", lambda: self._evictions() >= 6, 180)
        self._pass(3)
        self._connect()
        finding = self._judged(since_us, {"disk_full"})
        finding.must(many, "nothing was evicted")
        finding.must(finding.causes["disk_full"] > 1, "no gap says disk_full")
        finding.must("disk_full" not in world.conditions_since(since_us), "recording stopped all the same")
        self._restart()
        return Scenario("full-keep-new", finding, {"evicted_frames": finding.evicted_frames})

    def _live(self) -> None:
        """Until the next kill: at any instant of a start, or of a recording that has begun."""
        if self._chance.random() < EARLY:
            time.sleep(self._chance.uniform(LIVES_S[0], self._lives_s))
            return
        self.world.wait("something to be written", self.world.is_writing, WRITES_WITHIN_S)
        time.sleep(self._chance.uniform(0, self._lives_s))

    def _strike(self, kind: str) -> int:
        """Stops everything, looks, kills; how many processes outlived it."""
        world = self.world
        processes, shards = world.agent_processes(), world.shards()
        for process in processes:
            with suppress(psutil.Error):
                process.suspend()
        world.note_durable()
        victims = {"main": processes[:1], "shard": self._chance.sample(shards, min(1, len(shards)))}.get(
            kind, processes
        )
        for process in victims:
            with suppress(psutil.Error):
                process.kill()
        for process in processes:
            with suppress(psutil.Error):
                process.resume()
        if kind == "shard":
            self._shard_back_s = self._until_back({process.pid for process in processes}) if victims else 0.0
            return 0
        _, alive = psutil.wait_procs(processes[1:], timeout=5)
        world.kill_agent()
        world.start_agent()
        return len(alive)

    def _until_back(self, before: set[int]) -> float:
        """How long it takes until another process reads the cameras of a shard that was killed just now."""
        begun_s = time.monotonic()
        self.world.wait("a new shard", lambda: any(shard.pid not in before for shard in self.world.shards()), 10)
        return time.monotonic() - begun_s

    def _judged(self, since_us: int, causes: set[str], only: set[str] | None = None) -> Finding:
        settled_us = self.truth.settle(SETTLE_WITHIN_S)
        finding = self.truth.judge((since_us, settled_us or self._now_us()), causes, only)
        finding.must(settled_us is not None, f"not settled within {SETTLE_WITHIN_S} s")
        finding.must(
            self.world.box.process is not None and self.world.box.process.poll() is None, "the agent has ended"
        )
        return finding

    def _pass(self, seconds: float) -> None:
        """Lets time pass, and looks at the disk at two random instants of it."""
        first, second = sorted(self._chance.uniform(0, seconds) for _ in range(2))
        time.sleep(first)
        self.world.look_at_disk()
        time.sleep(second - first)
        self.world.look_at_disk()
        time.sleep(seconds - second)

    def _stop_broker(self) -> None:
        if self.world.broker.process is not None:
            self.world.broker.process.kill()
            self.world.broker.process.wait()

    def _cut_off(self) -> None:
        for relay in (self.world.to_broker, self.world.to_store, self.world.to_api):
            relay.refuse()

    def _connect(self) -> None:
        for relay in (self.world.to_broker, self.world.to_store, self.world.to_api):
            relay.listen()

    def _restart(self, **tables: dict[str, object]) -> None:
        self.world.look_at_disk()
        self.world.box.stop()
        self.world.configure(**tables)
        self.begin()

    def _evictions(self) -> int:
        self.world.look_at_disk()
        rows = self.world.box.query("SELECT COUNT(*) AS n FROM outbox WHERE name = 'segment-evicted'")
        return rows[0]["n"] if rows else 0

    def _now_us(self) -> int:
        return self.world.clock.utc_us()

    def _say(self, text: str) -> None:
        print(f"  {text}", file=sys.stderr, flush=True)
