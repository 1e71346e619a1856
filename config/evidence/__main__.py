"""``nightlight-verify PACKAGE --key centre.pem``: whether an evidence package is genuine, offline.

Exit status: 0 genuine, 1 not genuine, 2 could not be checked (no such file, no usable key).
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from config.base.errors import InvalidInput
from config.evidence.archive import PACKAGE
from config.evidence.note import NoteKey
from config.evidence.refusal import NotGenuine
from config.evidence.telling import facts, lines, printable
from config.evidence.timestamp import available
from config.evidence.verified import Verified
from config.evidence.verify import verify
from config.evidence.wording import said, why

GENUINE, NOT_GENUINE, NOT_CHECKED = 0, 1, 2


class _Unusable(Exception):
    """What the person gave cannot be used; the message is in their language."""


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = _parser().parse_args(arguments)
    language = chosen.language or _language(os.environ)
    try:
        centre = _centre_key(chosen.key, language)
        found = _verified(chosen, centre, language)
    except _Unusable as error:
        print(f"nightlight-verify: {error}", file=sys.stderr)
        if chosen.json:
            print(json.dumps({"genuine": None, "error": str(error)}, ensure_ascii=False))
        return NOT_CHECKED
    except NotGenuine as error:
        _tell_refusal(error, language, as_json=chosen.json)
        return NOT_GENUINE
    if chosen.json:
        print(json.dumps(facts(found), ensure_ascii=False))
    else:
        print(said("genuine", language))
        for line in lines(found, centre, language):
            print(f"  {line}")
    return GENUINE


def _verified(chosen: argparse.Namespace, centre: Ed25519PublicKey, language: str) -> Verified:
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
        raise _cannot_open(chosen.package, error, language) from error


def _centre_key(path: Path | None, language: str) -> Ed25519PublicKey:
    if path is None:
        raise _Unusable(said("no_key", language))
    try:
        key = serialization.load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise _cannot_open(path, error, language) from error
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
        raise _cannot_open(path, error, language) from error
    except ValueError as error:
        raise _Unusable(said("bad_tsa", language, path=path)) from error


def _cannot_open(path: Path, error: OSError, language: str) -> _Unusable:
    kinds = {FileNotFoundError: "absent", IsADirectoryError: "is_folder", PermissionError: "not_allowed"}
    known = kinds.get(type(error))
    return _Unusable(said("no_file", language, path=path, why=said(known, language) if known else error.strerror))


def _tell_refusal(error: NotGenuine, language: str, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"genuine": False, "item": error.item, "why": error.why, "detail": error.detail}))
        return
    # Nothing of this was vouched for by anybody.
    detail = f" ({printable(error.detail)})" if error.detail else ""
    item = said("whole_package", language) if error.item == PACKAGE else printable(error.item)
    print(said("refused", language, item=item, why=why(error.why, language)) + detail)
    print(said("stop", language))


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
        metavar="FILE",
        help="必需：监管部门公布的中心公钥 / required: the centre's public key, as the authority publishes it",
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
    parser.add_argument("--json", action="store_true", help="供程序使用 / one JSON object, for programs")
    return parser


if __name__ == "__main__":
    sys.exit(main())
