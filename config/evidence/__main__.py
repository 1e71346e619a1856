"""``nightlight-verify PACKAGE --key centre.pem``: whether an evidence package is genuine, offline.

Exit status: 0 genuine, 1 not genuine, 2 could not be checked (no such file, no usable key).
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from config.base.clock import US_PER_S, isoformat, to_datetime
from config.base.errors import InvalidInput
from config.evidence.note import NoteKey
from config.evidence.refusal import NotGenuine
from config.evidence.timestamp import available
from config.evidence.verify import Verified, verify
from config.evidence.wording import said, why

GENUINE, NOT_GENUINE, NOT_CHECKED = 0, 1, 2


class _Unusable(Exception):
    """What the person gave cannot be used; the message is in their language."""


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = _parser().parse_args(arguments)
    language = chosen.language or _language(os.environ)
    try:
        found = _verified(chosen, language)
    except _Unusable as error:
        print(f"nightlight-verify: {error}", file=sys.stderr)
        return NOT_CHECKED
    except NotGenuine as error:
        _tell_refusal(error, language, as_json=chosen.json)
        return NOT_GENUINE
    if chosen.json:
        print(json.dumps(_facts(found), ensure_ascii=False))
    else:
        print(said("genuine", language))
        for name, value in _lines(found, language):
            print(f"  {name}{'：' if language == 'zh' else ': '}{value}")
    return GENUINE


def _verified(chosen: argparse.Namespace, language: str) -> Verified:
    centre = _centre_key(chosen.key, language)
    witnesses = [_witness(key, language) for key in chosen.witness]
    roots = [root for path in chosen.tsa for root in _roots(path, language)]
    show = sys.stderr.isatty() and not chosen.json

    def progress(done: int, of: int) -> None:
        if show and (done % 16 == 0 or done == of):
            end = "\n" if done == of else ""
            print(f"\r{said('checking', language, done=done, of=of)}", end=end, file=sys.stderr, flush=True)

    try:
        with chosen.package.open("rb") as file:
            return verify(file, centre, witnesses, progress, roots)
    except OSError as error:
        raise _Unusable(said("no_file", language, path=chosen.package, why=error.strerror)) from error


def _centre_key(path: Path, language: str) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise _Unusable(said("no_file", language, path=path, why=error.strerror)) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _Unusable(said("bad_key", language, path=path)) from error
    if not isinstance(key, Ed25519PublicKey):
        raise _Unusable(said("bad_key", language, path=path))
    return key


def _witness(key: str, language: str) -> NoteKey:
    try:
        return NoteKey.parse(key)
    except InvalidInput as error:
        raise _Unusable(said("bad_witness", language, key=key)) from error


def _roots(path: Path, language: str) -> list[x509.Certificate]:
    if not available():
        raise _Unusable(said("no_tsa_library", language))
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except OSError as error:
        raise _Unusable(said("no_file", language, path=path, why=error.strerror)) from error
    except ValueError as error:
        raise _Unusable(said("bad_tsa", language, path=path)) from error


def _tell_refusal(error: NotGenuine, language: str, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"genuine": False, "item": error.item, "why": error.why, "detail": error.detail}))
        return
    detail = f" ({error.detail})" if error.detail else ""
    print(said("refused", language, item=error.item, why=why(error.why, language)) + detail)
    print(said("stop", language))


def _lines(found: Verified, language: str) -> list[tuple[str, str]]:
    index, coverage = found.index, found.coverage
    expected_us = found.covered_us + sum(gap.end_us - gap.start_us for gap in coverage.gaps)
    share = f"{100 * found.covered_us / expected_us:.3f} %" if expected_us else "-"
    lines = [
        ("site", index.site_id),
        ("camera", index.camera_id),
        ("period", f"{_local(found, index.start_us)} {said('to', language)} {_local(found, index.end_us)}"),
        ("recordings", said("recordings_value", language, count=found.segments, size=_size(found.size_bytes))),
        ("covered", f"{_duration(found.covered_us)} / {_duration(expected_us)} ({share})"),
        ("gaps", str(len(coverage.gaps)) if coverage.gaps else said("none", language)),
    ]
    lines += [
        ("", f"{_local(found, gap.start_us)} – {_local(found, gap.end_us)} {gap.cause}") for gap in coverage.gaps[:20]
    ]
    exported = {"at": _local(found, index.made_us), "who": index.made_by, "reason": index.reason}
    lines += [
        ("exported", said("exported_value", language, **exported)),
        ("ledger", said("ledger_value", language, origin=index.origin, size=found.ledger_size)),
        *_standing(found, language),
    ]
    return [(said(name, language) if name else "", value) for name, value in lines]


def _standing(found: Verified, language: str) -> list[tuple[str, str]]:
    """What stands behind the centre's own word."""
    cosigned = [f"{name} ({isoformat(at_s * US_PER_S)[:19]}Z)" for name, at_s in found.cosigned.items()]
    for each in found.vouched:
        if each.size < found.holds_all:
            until = said("witnessed_until", language, size=each.size)
            cosigned += [
                f"{name} ({isoformat(at_s * US_PER_S)[:19]}Z, {until})" for name, at_s in each.cosigned.items()
            ]
    days, keys = [day.day for day in found.attested], {agent.public_key for agent in found.index.agents}
    enrolled = {"keys": len(keys), "enrolled": len(found.enrolled), "authority": found.authority[:24] or "-"}
    attested = {"days": len(days), "first": min(days, default=""), "last": max(days, default="")}
    return [
        ("cosigned", ", ".join(cosigned) or said("not_cosigned", language)),
        ("stamped", _stamped(found, language)),
        ("attested", said("attested_value", language, **attested) if days else said("none", language)),
        ("keys", said("keys_value", language, **enrolled)),
    ]


def _stamped(found: Verified, language: str) -> str:
    if found.stamped is None:
        unread = found.unread_stamps and not available()
        return said("stamped_unreadable" if unread else "not_stamped", language)
    at = isoformat(found.stamped.at_us)[:19]
    return said("stamped_value" if found.stamped.checked else "stamped_unchecked", language, at=at)


def _facts(found: Verified) -> dict[str, object]:
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
        "enrolled": found.enrolled,
        "authority": found.authority,
    }


def _local(found: Verified, instant_us: int) -> str:
    moment: datetime = to_datetime(instant_us)
    with suppress(ZoneInfoNotFoundError, ValueError):  # a machine without time zones: UTC, and the offset says so
        moment = moment.astimezone(ZoneInfo(found.index.timezone))
    return moment.isoformat(sep=" ", timespec="seconds")


def _duration(span_us: int) -> str:
    seconds = span_us // US_PER_S
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.2f} GB" if size_bytes >= 10**9 else f"{size_bytes / 1e6:.2f} MB"


def _language(environment: Mapping[str, str]) -> str:
    named = environment.get("LC_ALL") or environment.get("LC_MESSAGES") or environment.get("LANG") or ""
    return "zh" if named.lower().startswith("zh") else "en"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nightlight-verify",
        description="验证证据包是否真实（离线）。 Checks offline whether an evidence package is genuine.",
        epilog="0: 真实 genuine; 1: 不真实 not genuine; 2: 无法检查 could not be checked",
    )
    parser.add_argument("package", type=Path, metavar="PACKAGE", help="证据包 (.zip) / the package")
    parser.add_argument(
        "--key",
        type=Path,
        required=True,
        metavar="FILE",
        help="中心公布的公钥 / the centre's public key, as it publishes it",
    )
    parser.add_argument(
        "--witness",
        action="append",
        default=[],
        metavar="KEY",
        help="必须会签的见证方公钥 / a key that must have cosigned",
    )
    parser.add_argument(
        "--tsa",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="时间戳机构的根证书 / the root certificate of a timestamp authority that you trust",
    )
    parser.add_argument("--language", choices=("zh", "en"), help="默认随系统 / as the system by default")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    return parser


if __name__ == "__main__":
    sys.exit(main())
