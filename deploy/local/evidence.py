"""Takes an evidence package out of the running server as an auditor does, and has ``nightlight-verify`` look at it.

Invariant: the verifier gets the package and the centre's public key, and nothing else of the server.
"""

import base64
import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from config.base.errors import IntegrityViolation, Unavailable
from config.base.timespan import Span
from deploy.local.accounts import Account
from deploy.local.commands import REPOSITORY, environment

EXPORT_WITHIN_S = 60
VERIFY_WITHIN_S = 60
READ_BYTES = 1 << 20
GENUINE, NOT_GENUINE = 0, 1


def export(address: str, account: Account, site_id: str, camera_id: str, span: Span, target: Path) -> None:
    """Downloads a package over the JSON API. Raises Unavailable."""
    secret = base64.b64encode(f"{account.name}:{account.password}".encode()).decode()
    order = {"start_us": span.start_us, "end_us": span.end_us, "reason": "demo --smoke"}
    request = urllib.request.Request(
        f"{address}/api/v1/sites/{site_id}/cameras/{camera_id}/exports",
        json.dumps(order).encode(),
        {"Authorization": f"Basic {secret}", "Origin": address, "Content-Type": "application/json"},
    )
    target.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        with urllib.request.urlopen(request, timeout=EXPORT_WITHIN_S) as answer, target.open("wb") as opened:
            while piece := answer.read(READ_BYTES):
                opened.write(piece)
    except urllib.error.HTTPError as error:
        raise Unavailable(f"the export was refused: {error.read(500).decode(errors='replace')}") from error
    except (OSError, ValueError) as error:
        raise Unavailable(f"the export failed: {error}") from error


def verified(package: Path, key: Path) -> tuple[int, dict[str, Any]]:
    """What ``nightlight-verify`` says: its exit status, and its facts. Raises Unavailable."""
    command = [sys.executable, "-m", "config.evidence", str(package), "--key", str(key), "--json"]
    try:
        done = subprocess.run(
            command,
            cwd=REPOSITORY,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=VERIFY_WITHIN_S,
            check=False,
        )
        facts: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise Unavailable(f"nightlight-verify said nothing that can be read: {error}") from error
    return done.returncode, facts


def mutant_of(package: Path) -> Path:
    """The same package with one bit of its middle flipped."""
    data = bytearray(package.read_bytes())
    data[len(data) // 2] ^= 1
    target = package.with_name(f"mutant-{package.name}")
    target.write_bytes(data)
    return target


def judged(package: Path, key: Path) -> dict[str, Any]:
    """The facts of a genuine package of which a mutant is refused. Raises IntegrityViolation where either is not so."""
    status, facts = verified(package, key)
    if status != GENUINE or not facts.get("segments") or not facts.get("covered_us"):
        raise IntegrityViolation(f"nightlight-verify does not take our own package for genuine: {facts}")
    mutant_status, refused = verified(mutant_of(package), key)
    if mutant_status != NOT_GENUINE:
        raise IntegrityViolation(f"nightlight-verify takes a package with a flipped bit for genuine: {refused}")
    return facts | {"mutant_refused": refused.get("item", "")}
