"""Places, armed time and weekly hours against second-by-second bitmaps of the same random histories."""

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from config.base.clock import US_PER_MINUTE, from_datetime, to_datetime
from config.base.timespan import Span, SpanSet
from server.domain.arming import Word, armed_of
from server.domain.places import Held, Part, PlaceWord, parts_of, seen_through, spans_of, unsaid_of
from server.domain.required_hours import required
from server.domain.zone_coverage import View, cover_zone, share_of

LONG = 60
seeds = st.integers(0, 2**48)


def some(rng: random.Random) -> SpanSet:
    edges = [sorted(rng.sample(range(LONG + 1), 2)) for _ in range(rng.randrange(4))]
    return SpanSet((start, end) for start, end in edges)


def bits(spans: SpanSet) -> set[int]:
    return {at for start, end in spans for at in range(start, end)}


@settings(max_examples=400, deadline=None)
@given(seeds)
def test_a_place_is_read_instant_by_instant(seed: int) -> None:
    rng = random.Random(seed)
    expected = some(rng)
    views = [View(some(rng), some(rng), some(rng), some(rng)) for _ in range(rng.randrange(4))]
    found = cover_zone(expected, views)
    due, covered, unknown, missing, unwatched = set(), set(), set(), set(), set()
    for at in bits(expected):
        if any(at in bits(view.covered) for view in views):
            due.add(at)
            covered.add(at)
        elif not any(at in bits(view.in_flight) for view in views):
            due.add(at)
            if any(at in bits(view.unknown) for view in views):
                unknown.add(at)
            else:
                missing.add(at)
                if not any(at in bits(view.in_service) for view in views):
                    unwatched.add(at)
    told = [bits(getattr(found, name)) for name in ("due", "covered", "unknown", "missing", "unwatched")]
    assert told == [due, covered, unknown, missing, unwatched]
    share = share_of(found.covered, found.unknown, found.due)
    if not due:
        assert share is None
    else:
        assert (share.least == 100) == (covered == due)
        assert (share.most == 100) == (not missing)
        assert share.least <= share.most
    run = longest = 0
    for at in range(LONG + 1):
        run = run + 1 if at in missing | unknown else 0
        longest = max(longest, run)
    assert found.longest_gap_us == longest


@settings(max_examples=400, deadline=None)
@given(seeds)
def test_a_partition_is_armed_where_its_panel_last_said_so_and_was_heard(seed: int) -> None:
    rng = random.Random(seed)
    asked, heard = some(rng), some(rng)
    words = [Word(at, rng.random() < 0.5) for at in rng.sample(range(-5, LONG), rng.randrange(6))]
    found = armed_of(asked, words, heard)
    for at in range(LONG):
        last = max((word for word in words if word.at_us <= at), default=None)
        known = last is not None and at in bits(heard)
        wanted = at in bits(asked)
        assert (at in bits(found.armed)) == (wanted and known and last.armed)
        assert (at in bits(found.disarmed)) == (wanted and known and not last.armed)
        assert (at in bits(found.unknown)) == (wanted and not known)


ZONES = ("Asia/Shanghai", "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns")
CHANGES = (datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC), datetime(2028, 2, 28, tzinfo=UTC))
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@settings(max_examples=120, deadline=None)
@given(seeds)
def test_weekly_hours_hold_every_minute_that_the_wall_clock_names(seed: int) -> None:
    rng = random.Random(seed)
    timezone, begun = rng.choice(ZONES), rng.choice(CHANGES)
    first, last = rng.randrange(7), rng.randrange(7)
    start, end = rng.sample(range(0, 24 * 60, 15), 2)
    text = f"{DAYS[first]}-{DAYS[last]} {start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"
    days = {(first + step) % 7 for step in range((last - first) % 7 + 1)}
    window = Span(from_datetime(begun), from_datetime(begun + timedelta(days=2)))
    found = required(text, window, timezone)
    zone = ZoneInfo(timezone)
    for at_us in range(window.start_us, window.end_us, 15 * US_PER_MINUTE):
        local = to_datetime(at_us).astimezone(zone)
        minute = local.hour * 60 + local.minute
        if start < end:
            named = local.weekday() in days and start <= minute < end
        else:
            yesterday = (local.weekday() - 1) % 7
            named = (local.weekday() in days and minute >= start) or (yesterday in days and minute < end)
        if named:
            assert at_us in found, (text, timezone, local)
    assert found.total_us <= window.duration_us


@settings(max_examples=400, deadline=None)
@given(seeds)
def test_a_camera_counts_for_a_place_only_while_it_was_said_to_see_it(seed: int) -> None:
    rng = random.Random(seed)
    window, expected = Span(0, LONG), some(rng)
    cameras = []
    for _ in range(rng.randrange(4)):
        first, at, words = rng.randrange(-5, LONG + 5), None, []
        at = first
        while at is not None:
            until = at + rng.randrange(1, 30) if rng.random() < 0.6 else None
            words.append((rng.choice("ab"), Held(at, until)))
            at = until
        cameras.append((View(some(rng), some(rng), some(rng), some(rng)), first, words))
    views = [
        seen_through(
            view,
            spans_of((held for zone, held in words if zone == "a"), window),
            unsaid_of((h for _, h in words), window),
        )
        for view, _, words in cameras
    ]
    found = cover_zone(expected, views)

    def sees(words: list[tuple[str, Held]], at: int) -> bool:
        return any(
            zone == "a" and held.from_us <= at and (held.until_us is None or at < held.until_us) for zone, held in words
        )

    for at in bits(expected):
        known = [view for view, _, words in cameras if sees(words, at)]
        unsure = [view for view, first, _ in cameras if at < first]
        covered = any(at in bits(view.covered) for view in known)
        waiting = any(at in bits(view.in_flight) for view in (*known, *unsure))
        unknown = any(at in bits(view.unknown) for view in (*known, *unsure)) or any(
            at in bits(view.covered) for view in unsure
        )
        assert (at in bits(found.covered)) == covered, "never by a place that was said later"
        assert (at in bits(found.unknown)) == (not covered and not waiting and unknown)
        missing = not covered and not waiting and not unknown
        assert (at in bits(found.missing)) == missing
        watched = any(at in bits(view.in_service) for view in (*known, *unsure))
        assert (at in bits(found.unwatched)) == (missing and not watched)


@settings(max_examples=300, deadline=None)
@given(seeds)
def test_a_place_is_what_was_said_of_it_at_that_time(seed: int) -> None:
    rng = random.Random(seed)
    at, words = rng.randrange(-20, LONG + 20), []
    for _ in range(rng.randrange(4)):
        until = at + rng.randrange(0, 40)
        words.append(PlaceWord(rng.choice("ab"), rng.choice((True, False, None)), Held(at, until)))
        at = until
    if words:
        words[-1] = PlaceWord(words[-1].kind, words[-1].required, Held(words[-1].held.from_us))
    parts = parts_of(words, Span(0, LONG))
    for instant in range(LONG):
        (here,) = [part for part in parts if instant in bits(part.span)]
        said = [
            word
            for word in words
            if word.held.from_us <= instant and (word.held.until_us is None or instant < word.held.until_us)
        ]
        assert (here.kind, here.required) == ((said[0].kind, said[0].required) if said else (None, None))


def test_a_place_has_a_part_even_where_there_is_no_time_to_be_a_part_of() -> None:
    gone = PlaceWord("nap", True, Held(0, LONG))
    assert parts_of([gone], Span(LONG, 2 * LONG)) == [Part("nap", True, SpanSet())]
    assert parts_of([], Span(LONG, LONG)) == [Part(None, None, SpanSet())]
