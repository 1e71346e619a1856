"""The faults that ``drill mutants`` plants in the rules beside coverage: places by time, and who may see, ask, allow and close."""

from benchmarks.drills._mutants import Mutant

PLACES = "server/domain/places.py"
ZONES = "server/domain/zone_coverage.py"
REQUESTS = "server/domain/requests.py"
SUPPORT = "server/domain/support.py"
ORDERS = "server/domain/rectification.py"
ROLES = "server/domain/authorisation.py"
LEASES = "server/domain/lease.py"

TESTS = {
    PLACES: "tests/property/test_zone_coverage.py",
    ZONES: "tests/property/test_zone_coverage.py",
    REQUESTS: "tests/unit/domain/test_requests.py",
    SUPPORT: "tests/unit/domain/test_support.py",
    ORDERS: "tests/unit/domain/test_rectification.py",
    ROLES: "tests/unit/domain/test_authorisation.py",
    LEASES: "tests/unit/domain/test_lease.py",
}
"""Whose faults these must notice."""

_IN_PLACES = (
    ("held before it was said", "start_us = min(max(self.from_us, window.start_us), window.end_us)", "start_us = window.start_us"),
    ("held for ever", "window.end_us if self.until_us is None else min(self.until_us, window.end_us)", "window.end_us"),
    ("without a word nothing is unknown", "default=window.end_us)", "default=window.start_us)"),
    ("unknown up to the last word", "first_us = min((each", "first_us = max((each"),
    ("in service where it saw something else", "in_service=view.in_service & may", "in_service=view.in_service"),
    ("covered before anybody said what it sees", "covered=view.covered & sees", "covered=view.covered & may"),
    ("unsaid footage is missing", "unknown=(view.unknown & may) | (view.covered & unsaid)", "unknown=view.unknown & may"),
    ("what it saw elsewhere is waited for", "in_flight=view.in_flight & may", "in_flight=view.in_flight"),
    ("before the first word there was no place", "    if unsaid or not told:", "    if not told:"),
    ("the register's word on hours is lost", "found[word.kind, word.required].append", "found[word.kind, None].append"),
    ("one that was taken away never was", "found[told[-1].kind, told[-1].required] = []", "pass"),
)  # fmt: skip
_IN_ZONES = (
    ("covered beyond what is expected", "seen = expected & covered", "seen = covered"),
    ("waits for what another has covered", "due = expected - (in_flight - seen)", "due = expected - in_flight"),
    ("covered is unknown as well", "(due & unknown) - seen", "due & unknown"),
    ("all that is missing was unwatched", "missing, missing - in_service)", "missing, missing)"),
    ("the unknown is no gap", "in self.missing | self.unknown)", "in self.missing)"),
    ("what may turn out well is left out", "100 * (good.total_us + unknown.total_us)", "100 * good.total_us"),
)  # fmt: skip
_IN_REQUESTS = (
    ("blanks are a reason", "<= len(why.strip()) <=", "<= len(why) <="),
    ("blanks are an answer", "<= len(reason.strip()) <=", "<= len(reason) <="),
    ("no time at all", "if not 0 < span.duration_us <=", "if not 0 <= span.duration_us <="),
    ("an instant less than is allowed", "span.duration_us <= LENGTH_US_MAX", "span.duration_us < LENGTH_US_MAX"),
    ("time that has begun, but not ended", "if span.end_us > now_us:", "if span.start_us > now_us:"),
    ("partly gone already", "if span.start_us < now_us - retain_days", "if span.end_us < now_us - retain_days"),
    ("old ones count for ever", "sum(at_us > now_us - MONTH_US for at_us in asked_us)", "len(asked_us)"),
    ("one more that waits", "waiting >= OPEN_MAX", "waiting > OPEN_MAX"),
    ("one more a month", "recent >= IN_A_MONTH_MAX", "recent > IN_A_MONTH_MAX"),
    ("shown without having been masked", "State.DECLINED, State.IN_PERSON, State.MASKING)", "State.DECLINED, State.IN_PERSON, State.MASKING, State.SHOWN)"),
    ("answered while it is masked", "if state not in ANSWERABLE:", "if state not in WAITING:"),
    ("all of it may stay clear", "len(fields) > COLUMNS * LINES // 2", "len(fields) > COLUMNS * LINES"),
    ("fields that are not there", "if not fields <= set(range(COLUMNS * LINES)):", "if False:"),
    ("clear and masked the other way round", '"1" if number in fields else "0"', '"0" if number in fields else "1"'),
    ("shown an instant too long", "now_us >= until_us", "now_us > until_us"),
    ("whatever has a last day is over after it", "state == State.SHOWN and until_us", "until_us"),
)  # fmt: skip
_IN_SUPPORT = (
    ("an instant too long", "now_us < until_us", "now_us <= until_us"),
    ("goes on after it was ended", "ended_us is None and now_us < until_us", "now_us < until_us"),
    ("what was refused may still be approved", "    if ended_us is not None:", "    if False:"),
    ("lapses an instant too late", "now_us >= lapses_us", "now_us > lapses_us"),
    ("never lapses", "if now_us >= lapses_us:", "if False:"),
    ("confirmed by nobody", "State.ASKED if confirmed_us is None else State.CONFIRMED", "State.CONFIRMED"),
    ("lapses while it runs", "if until_us is not None:", "if until_us is not None and now_us < lapses_us:"),
)  # fmt: skip
_IN_ORDERS = (
    ("closed and open again", "            return frozenset()", "            return frozenset({Kind.REPAIRED})"),
    ("a repair always passes", "frozenset({Kind.PASSED, Kind.FAILED})", "frozenset({Kind.PASSED})"),
    ("suspended twice", "if not self.suspended and self.proposed_by is not None:", "if self.proposed_by is not None:"),
    ("a failed repair has no consequence", "(self.overdue or self.failed)", "self.overdue"),
    ("suspension before the day is over", "elif not self.suspended and (self.overdue or self.failed):", "elif not self.suspended:"),
    ("no day", "acts[0].due or today", "today"),
    ("stays suspended", '"closed", False, None', '"closed", suspended, None'),
    ("a failed repair keeps the old day", "act.due or due, None, failed + 1", "due, None, failed + 1"),
    ("overdue on its day", "today > due, suspended", "today >= due, suspended"),
    ("overdue while its repair waits", 'status == "open" and today > due', "today > due"),
    ("any act at any time", "if act.kind not in now.allowed:", "if False:"),
    ("who repaired it passes it", "act.by == now.repaired_by", "False"),
    ("who proposed it confirms it", "act.by == now.proposed_by", "False"),
    ("a new day in the past", "act.due is None or act.due < today", "act.due is None"),
)  # fmt: skip
_IN_ROLES = (
    ("what is not known is allowed", "        return False\n", "        return True\n"),
    ("in any relation", "ALLOWED[known].get(stands, frozenset())", "frozenset().union(*ALLOWED[known].values())"),
    ("the health authority takes footage away", "{Relation.REGION: _AUTHORITY | _LOOKS}", "{Relation.REGION: _AUTHORITY | _OFFICER}"),
    ("support looks back", "_SUPPORT = frozenset({", "_SUPPORT = frozenset({_A.PLAYBACK, "),
    ("the platform sets up", "frozenset({_A.SUPPORT_ASK})", "frozenset({_A.SUPPORT_ASK, _A.SETUP})"),
    ("a facility supervises itself", "(_AUTHORITY - {_A.SUPERVISE})", "_AUTHORITY"),
    ("staff are managers", "Role.FACILITY_STAFF: {Relation.SITE: _STAFF}", "Role.FACILITY_STAFF: {Relation.SITE: _MANAGER}"),
    ("installers look", "frozenset({_A.HOME, _A.SETUP, ", "frozenset({_A.HOME, _A.LIVE, _A.SETUP, "),
    ("guardians look back", "frozenset({_A.LIVE, _A.LOOKS_OWN", "frozenset({_A.LIVE, _A.PLAYBACK, _A.LOOKS_OWN"),
    ("everybody reads coverage", "Relation.ANY: frozenset({_A.HOME})", "Relation.ANY: frozenset({_A.HOME, _A.COVERAGE_READ})"),
    ("others' accounts", "Relation.SELF: frozenset({_A.ACCOUNT_OWN})", "Relation.SITE: frozenset({_A.ACCOUNT_OWN})"),
)  # fmt: skip
_IN_LEASES = (
    ("a session's last instant", "at_us >= holder.session_until_us", "at_us > holder.session_until_us"),
    ("the locked look on", "    if holder.locked:", "    if False:"),
    ("a room that others share", "lens.zone_ids and lens.zone_ids <= lease.zone_ids", "lens.zone_ids & lease.zone_ids"),
    ("a camera that sees nothing known", "if lens.zone_ids and lens.zone_ids <=", "if lens.zone_ids <="),
    ("longer than the session", "min(span.end_us, holder.session_until_us)", "span.end_us"),
    ("longer than the lease", "min(window.end_us, lease.until_us))", "window.end_us)"),
    ("a place of no known kind", "not lens.zone_kinds or lens.zone_kinds & FORBIDDEN_KINDS", "lens.zone_kinds & FORBIDDEN_KINDS"),
    ("a forbidden place", "not lens.zone_kinds or lens.zone_kinds & FORBIDDEN_KINDS", "not lens.zone_kinds"),
    ("a dark room", "Refusal(Reason.BLANKED) if lens.blanked else None", "None"),
    ("authorities see dark rooms", "return _common(lens) or Permit(", "return Permit("),
    ("fetched, by a clock that was set back", "lease.pick_up_day >= day_of(", "lease.pick_up_day == day_of("),
    ("unknown consents suffice", "lease.lacking is None or lease.lacking > 0", "bool(lease.lacking)"),
    ("a mode of tomorrow", 'mode not in ("consented", "required")', 'mode == "off"'),
    ("an instant after the lease", "at_us >= lease.until_us", "at_us > lease.until_us"),
    ("before the lease", "(Reason.NOT_YET, at_us < lease.start_us)", "(Reason.NOT_YET, False)"),
    ("a facility may refuse what is required", 'if mode in ("forbidden", "required"):', 'if mode == "forbidden":'),
    ("the facility raises what a law says is off", '(mode == "off" and rule.binding == "internal")', 'mode == "off"'),
    ("of two children the one that goes first", "return max(permits", "return min(permits"),
)  # fmt: skip

RULE_MUTANTS = tuple(
    Mutant(f"{said}: {name}", file, old, new)
    for said, file, faults in (
        ("places", PLACES, _IN_PLACES),
        ("zone", ZONES, _IN_ZONES),
        ("request", REQUESTS, _IN_REQUESTS),
        ("support", SUPPORT, _IN_SUPPORT),
        ("order", ORDERS, _IN_ORDERS),
        ("role", ROLES, _IN_ROLES),
        ("lease", LEASES, _IN_LEASES),
    )
    for name, old, new in faults
)
