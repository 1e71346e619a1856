"""What the command says of a genuine package, to people in their language and to programs."""

from contextlib import suppress
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from config.base.clock import US_PER_S, isoformat, to_datetime
from config.evidence.causes import cause
from config.evidence.timestamp import available
from config.evidence.verified import Verified
from config.evidence.wording import said
from config.wire.envelope import key_id

GAPS_SHOWN = 20
SECOND_MAX = 253_402_300_799
"""The last of the year 9999, which is as far as calendars go here."""


def lines(found: Verified, centre: Ed25519PublicKey, language: str) -> list[str]:
    """What a genuine package proves and by which key, a line each, in ``zh`` or ``en``."""
    index, coverage = found.index, found.coverage
    expected_us = found.covered_us + sum(gap.end_us - gap.start_us for gap in coverage.gaps)
    share = f"{100 * found.covered_us / expected_us:.3f} %" if expected_us else "-"
    told = [
        ("site", index.site_id),
        ("camera", index.camera_id),
        ("period", f"{_local(found, index.start_us)} {said('to', language)} {_local(found, index.end_us)}"),
        ("recordings", said("recordings_value", language, count=found.segments, size=_size(found.size_bytes))),
        ("covered", f"{_duration(found.covered_us)} / {_duration(expected_us)} ({share})"),
        ("gaps", str(len(coverage.gaps)) if coverage.gaps else said("none", language)),
    ]
    told += [
        ("", f"{_local(found, gap.start_us)} – {_local(found, gap.end_us)} {cause(gap.cause, language)}")
        for gap in coverage.gaps[:GAPS_SHOWN]
    ]
    if len(coverage.gaps) > GAPS_SHOWN:
        told.append(("", said("more_gaps", language, count=len(coverage.gaps) - GAPS_SHOWN)))
    exported = {"at": _local(found, index.made_us), "who": index.made_by, "reason": index.reason}
    told += [
        ("exported", said("exported_value", language, **exported)),
        ("ledger", said("ledger_value", language, origin=index.origin, size=found.ledger_size)),
        *_standing(found, language),
        ("checked_with", key_id(centre)),
    ]
    colon = said("colon", language)
    return [printable(f"{said(name, language)}{colon}{value}" if name else f"  {value}") for name, value in told]


def printable(text: str) -> str:
    """A text from a package as one harmless line: nothing in it moves a cursor, begins a line or turns the text round."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _standing(found: Verified, language: str) -> list[tuple[str, str]]:
    """What stands behind the centre's own word."""
    cosigned = [f"{name} ({_second(at_s)})" for name, at_s in found.cosigned.items()]
    for each in found.vouched:
        if each.size < found.holds_all:
            until = said("witnessed_until", language, size=each.size)
            cosigned += [f"{name} ({_second(at_s)}, {until})" for name, at_s in each.cosigned.items()]
    days, keys = [day.day for day in found.attested], {agent.public_key for agent in found.index.agents}
    enrolled = {"keys": len(keys), "enrolled": len(found.enrolled), "authority": found.authority[:24] or "-"}
    attested = {"days": len(days), "first": min(days, default=""), "last": max(days, default="")}
    return [
        ("cosigned", ", ".join(cosigned) or said("not_cosigned", language)),
        ("stamped", _stamped(found, language)),
        ("attested", said("attested_value", language, **attested) if days else said("none", language)),
        *_afterwards(found, language),
        ("keys", said("keys_value", language, **enrolled)),
    ]


def _afterwards(found: Verified, language: str) -> list[tuple[str, str]]:
    """What went on its day, and what the deep audits say; nothing where the package tells of neither."""
    told = []
    if found.certified:
        days = sorted(each.entry.day for each in found.certified)
        gone = {"count": found.deleted, "certificates": len(days), "first": days[0], "last": days[-1]}
        told.append(("deleted", said("deleted_value", language, **gone)))
    results = [audit for audit in found.audits.values() if audit is not None]
    if results:
        last = max(results, key=lambda audit: audit.at_us)
        figures = {"samples": last.samples, "faults": last.faults, "population": last.population}
        figures |= {"bound": last.faulty_at_most, "confidence": last.confidence_permille // 10}
        told.append(("deep_audits", said("deep_audits_value", language, count=len(results), **figures)))
    elif found.audits:
        told.append(("deep_audits", said("deep_audits_running", language, count=len(found.audits))))
    return told


def _stamped(found: Verified, language: str) -> str:
    if found.stamped is None:
        unread = found.unread_stamps and not available()
        return said("stamped_unreadable" if unread else "not_stamped", language)
    at = isoformat(found.stamped.at_us)[:19]
    return said("stamped_value" if found.stamped.checked else "stamped_unchecked", language, at=at)


def facts(found: Verified) -> dict[str, object]:
    """The same for programs: instants in microseconds UTC, lengths in microseconds."""
    index = found.index
    return {
        "genuine": True,
        "site": index.site_id,
        "camera": index.camera_id,
        "start_us": index.start_us,
        "end_us": index.end_us,
        "segments": found.segments,
        "size_bytes": found.size_bytes,
        "covered_us": found.covered_us,
        "gaps": [[gap.start_us, gap.end_us, gap.cause, gap.certainty] for gap in found.coverage.gaps],
        "ledger": {"origin": index.origin, "size": found.ledger_size},
        "cosigned": found.cosigned,
        "timestamp": None if found.stamped is None else found.stamped._asdict(),
        "attested": [day.day for day in found.attested],
        "deleted": found.deleted,
        "deletion_certificates": [[each.entry.day, each.entry.at_us, each.entry.versions] for each in found.certified],
        "deep_audits": {
            audit_id: None if audit is None else [audit.samples, audit.faults, audit.unknown, audit.faulty_at_most]
            for audit_id, audit in found.audits.items()
        },
        "enrolled": found.enrolled,
        "authority": found.authority,
    }


def _local(found: Verified, instant_us: int) -> str:
    moment: datetime = to_datetime(instant_us)
    with suppress(ZoneInfoNotFoundError, ValueError):  # a machine without time zones: UTC, and the offset says so
        moment = moment.astimezone(ZoneInfo(found.index.timezone))
    return moment.isoformat(sep=" ", timespec="seconds")


def _second(at_s: int) -> str:
    """A witness may claim any second that fits into eight bytes."""
    return f"{isoformat(at_s * US_PER_S)[:19]}Z" if at_s <= SECOND_MAX else str(at_s)


def _duration(span_us: int) -> str:
    seconds = span_us // US_PER_S
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.2f} GB" if size_bytes >= 10**9 else f"{size_bytes / 1e6:.2f} MB"
