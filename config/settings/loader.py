"""Loads one typed settings struct; an unknown key, a wrong type or a missing secret stops the process at start.

Order, later wins: the annotated default file beside this module, the file the operator names, the environment. The
key ``[store] endpoint`` of the server is ``NIGHTLIGHT_SERVER__STORE__ENDPOINT``. Secrets are never values here: a
key ending in ``_file`` names the file that holds one.
"""

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from config.base.decoding import convert
from config.base.errors import ConfigurationError

Settings = TypeVar("Settings", bound=msgspec.Struct)
SECRET_BYTES_MAX = 65_536


class Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table in which an unknown key is an error."""


def load(
    kind: type[Settings],
    defaults: Path,
    prefix: str,
    file: Path | None = None,
    env: Mapping[str, str] = os.environ,
    *,
    beneath: Path | None = None,
) -> Settings:
    """The settings of one side; ``beneath``: a file that ``file`` comes after. Raises ConfigurationError."""
    merged = _read(defaults)
    known = _leaves(merged)
    origin = {key: str(defaults.name) for key in known}
    for given in filter(None, (beneath, file)):
        overlay = _read(given)
        for key in _leaves(overlay):
            if key not in known and not _inside_list(key, merged):
                raise ConfigurationError(f"{given}: unknown key '{key}'. {_nearest(key, known)}")
            origin[key] = str(given)
        _merge(merged, overlay)
    _apply_environment(merged, prefix, env, known, origin)
    try:
        return convert(merged, kind)
    except msgspec.ValidationError as error:
        key = str(error).rpartition("`$.")[2].rstrip("`") if "`$." in str(error) else ""
        raise ConfigurationError(f"{origin.get(key, file or defaults.name)}: {error}") from error


def read_secret(path: str, key: str) -> str:
    """The text of a secret file without its last line end. Raises ConfigurationError naming key and file."""
    if not path:
        raise ConfigurationError(f"'{key}' is not set: name the file that holds the secret")
    try:
        with Path(path).open("rb") as opened:
            data = opened.read(SECRET_BYTES_MAX + 1)
    except OSError as error:
        raise ConfigurationError(f"'{key}': cannot read {path}: {error.strerror}") from error
    if not data.strip() or len(data) > SECRET_BYTES_MAX:
        raise ConfigurationError(f"'{key}': {path} is empty or too large for a secret")
    try:
        return data.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"'{key}': {path} is not UTF-8 text") from error


def _nearest(key: str, known: set[str]) -> str:
    near = difflib.get_close_matches(key, sorted(known), n=3, cutoff=0.5)
    return f"Did you mean {' or '.join(near)}?" if near else "The annotated example names every key"


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as opened:
            return tomllib.load(opened)
    except OSError as error:
        raise ConfigurationError(f"cannot read settings file {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}") from error


def _leaves(table: dict[str, Any], prefix: str = "") -> set[str]:
    found: set[str] = set()
    for key, value in table.items():
        name = f"{prefix}{key}"
        found |= _leaves(value, f"{name}.") if isinstance(value, dict) else {name}
    return found


def _inside_list(key: str, merged: dict[str, Any]) -> bool:
    return isinstance(merged.get(key.partition(".")[0]), list)


def _merge(base: dict[str, Any], overlay: dict[str, Any]) -> None:
    for key, value in overlay.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = value


def _apply_environment(
    merged: dict[str, Any], prefix: str, env: Mapping[str, str], known: set[str], origin: dict[str, str]
) -> None:
    by_variable = {f"{prefix}__{key.upper().replace('.', '__')}": key for key in known}
    for variable, text in env.items():
        if not variable.startswith(f"{prefix}_"):
            continue
        key = by_variable.get(variable)
        if key is None:
            example = min(by_variable)
            raise ConfigurationError(f"environment variable {variable} names no setting: they look like {example}")
        *path, last = key.split(".")
        table = merged
        for part in path:
            table = table[part]
        table[last] = _typed(text, table[last], variable)
        origin[key] = f"environment variable {variable}"


def _typed(text: str, example: Any, variable: str) -> Any:
    if isinstance(example, str):
        return text
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"environment variable {variable}: not a TOML value: {error}") from error
    return float(value) if isinstance(example, float) and isinstance(value, int) else value
