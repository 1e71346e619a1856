"""Builds ``config/evidence/web/verifier.html``: the evidence verifier as one file for a browser.

    python3 dev.py page            builds it anew
    python3 dev.py page --check    says whether it is what its sources build

The built page is kept in the tree, so that whoever has no Node has it too. It carries the digest of everything it was made
from: a test without Node sees that it is stale, one with Node that it is byte for byte what its sources build.
"""

import argparse
import hashlib
import re
import shutil
import sys
from pathlib import Path

import msgspec

from config.evidence import package
from config.evidence.causes import CAUSES
from config.evidence.entries import Entry
from config.evidence.wording import TEXTS, WHY
from config.wire import envelope
from config.wire.segments import SegmentRecorded
from deploy.local.commands import CACHE, REPOSITORY, run_logged
from deploy.local.say import Told, line, step, text

SOURCES = REPOSITORY / "config" / "evidence" / "web"
PAGE = SOURCES / "verifier.html"
FACTS = "src/facts.json"
LOCK = "package-lock.json"
UNDERSTOOD = frozenset(
    {"$ref", "anyOf", "discriminator", "enum", "type", "default"}
    | {"properties", "required", "items", "prefixItems", "minItems", "maxItems"}
    | {"minimum", "maximum", "minLength", "maxLength", "pattern"}
)
"""Of JSON Schema, what the page's decoder (src/json.mjs) knows; another keyword would be a check left out."""
_TYPES = {
    "Index": package.Index,
    "CoverageStatement": package.CoverageStatement,
    "LedgerProof": package.LedgerProof,
    "list[Anchor]": list[package.Anchor],
    "list[Attestation]": list[package.Attestation],
    "Certificates": package.Certificates,
    "list[Noted]": list[package.Noted],
    "list[Deletion]": list[package.Deletion],
    "Deleted": package.Deleted,
    "SegmentRecorded": SegmentRecorded,
    "Entry": Entry,
    "_Envelope": envelope._Envelope,  # noqa: SLF001 - the page decodes what Python decodes
}


def facts() -> bytes:
    """What the page takes from the Python verifier: the types it decodes into, and its words."""
    roots, components = msgspec.json.schema_components(tuple(_TYPES.values()), ref_template="{name}")
    schemas = dict(zip(_TYPES, roots, strict=True)) | components
    schemas["_Suited"] = {
        "type": "object",
        "properties": {"suite": schemas["Index"]["properties"]["suite"]},
        "required": [],
    }
    told = {"schemas": {name: _pruned(schema) for name, schema in schemas.items()}}
    told |= {"why": dict(WHY), "texts": dict(TEXTS), "causes": dict(CAUSES)}
    return msgspec.json.format(msgspec.json.encode(told, order="deterministic"), indent=1) + b"\n"


def _pruned(schema: object) -> object:
    """Without titles and descriptions. Raises Told at a keyword that the page would not heed."""
    if isinstance(schema, list):
        return [_pruned(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: value for name, value in schema.items() if name not in ("title", "description")}
    unknown = set(kept) - UNDERSTOOD
    if unknown:
        raise Told(f"{SOURCES / 'src/json.mjs'} does not know the keywords {sorted(unknown)}")
    return {
        name: {field: _pruned(each) for field, each in value.items()}
        if name == "properties"
        else value
        if name in ("discriminator", "enum", "default", "required")
        else _pruned(value)
        for name, value in kept.items()
    }


def sources_digest() -> str:
    """SHA-256 over everything that the page is made from."""
    found = hashlib.sha256()
    for name, data in [*_sources(), (FACTS, facts())]:
        found.update(f"{name}\n{len(data)}\n".encode() + data)
    return found.hexdigest()


def stated_digest(page: str) -> str:
    """The digest that a built page carries."""
    found = re.search(r'<meta name="nightlight-sources" content="([0-9a-f]{64})">', page)
    return found[1] if found else ""


def _sources() -> list[tuple[str, bytes]]:
    files = sorted(file for file in SOURCES.rglob("*") if file.is_file() and file != PAGE)
    return [(str(file.relative_to(SOURCES)), file.read_bytes()) for file in files]


def build(cache: Path = CACHE) -> bytes:
    """The page, built in a folder of its own; packages are installed only where the lock has changed. Raises Told."""
    folder = cache / "evidence-page"
    if not shutil.which("npm"):
        raise Told(
            text(
                "npm is not installed: install Node 20 or newer, or leave the page as it is",
                "未安装 npm：请安装 Node 20 以上，或不改动此页面",
            )
        )
    installed = folder / "installed-lock.json"
    lock = (SOURCES / LOCK).read_bytes()
    if not installed.exists() or installed.read_bytes() != lock:
        shutil.rmtree(folder, ignore_errors=True)
    for name, data in [*_sources(), (FACTS, facts())]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    if not installed.exists():
        with step("Installing what the page is built with", "正在安装构建页面所需的软件包") as note:
            run_logged(["npm", "ci"], "evidence-page", note=note, cwd=folder)
        installed.write_bytes(lock)
    run_logged(["node", "build.mjs", "verifier.html", sources_digest()], "evidence-page", cwd=folder)
    return (folder / "verifier.html").read_bytes()


def main(arguments: list[str]) -> int:
    """Exit status 0: built, or equal; 1: not equal, or it could not be built."""
    parser = argparse.ArgumentParser(prog="dev.py page")
    parser.add_argument("--check", action="store_true", help=text("build and compare only", "只构建并比较"))
    only_check = parser.parse_args(arguments).check
    try:
        built = build()
    except Told as told:
        print(f"\n{told}", file=sys.stderr)
        return 1
    if not only_check:
        PAGE.write_bytes(built)
    if not PAGE.exists() or PAGE.read_bytes() != built:
        line(
            "The page is not what its sources build: python3 dev.py page",
            "页面与其源文件不符：请运行 python3 dev.py page",
        )
        return 1
    line(
        f"{PAGE.name}: sha256 {hashlib.sha256(built).hexdigest()}",
        f"{PAGE.name}：sha256 {hashlib.sha256(built).hexdigest()}",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
