"""YAML without its surprises, and with the line of every value.

Duplicate keys, anchors, aliases and tags are refused; only ``true`` and ``false`` are booleans (``no`` and ``on`` are
words); a day is a date. Source: YAML 1.1 as PyYAML reads it, https://yaml.org/spec/1.1/.
"""

from datetime import date

import yaml

from config.base.errors import InvalidInput

BYTES_MAX = 262_144
DEPTH_MAX = 8
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The same reader in C where PyYAML was built with it."""
Path = tuple[str | int, ...]
Value = dict[str, "Value"] | list["Value"] | str | int | float | bool | date | None


class Document:
    """The data of one file, and where each value stands in it."""

    def __init__(self, text: str) -> None:
        """Raises InvalidInput with ``line N:`` before the reason."""
        self._lines: dict[Path, int] = {}
        if len(text.encode()) > BYTES_MAX:
            raise InvalidInput(f"line 1: larger than {BYTES_MAX} bytes")
        try:
            _check_shape(text)
            node = yaml.compose(text, LOADER)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise InvalidInput(f"line {mark.line + 1 if mark else 1}: {error.problem or error.context}") from error
        except yaml.YAMLError as error:
            raise InvalidInput(f"line 1: not YAML: {error}") from error
        if node is None:
            raise InvalidInput("line 1: the file is empty")
        self.data: Value = self._value(node, ())

    def line(self, path: Path) -> int:
        """The line of the value at ``path``, or of the nearest value around it."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def _value(self, node: yaml.Node, path: Path) -> Value:
        self._lines[path] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, (*path, index)) for index, item in enumerate(node.value)]
        return _scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> Value:
        found: dict[str, Value] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _refused(key, "a key must be a word")
            if key.value in found:
                raise _refused(key, f"'{key.value}' is given twice")
            found[key.value] = self._value(value, (*path, key.value))
            self._lines[*path, key.value] = key.start_mark.line + 1
        return found


def _check_shape(text: str) -> None:
    """Before anything is built of it: no anchors, and not so deep that reading it would take the stack."""
    depth = 0
    for event in yaml.parse(text, LOADER):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _refused(event, "anchors and aliases (& and *) are not allowed: write the value out")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH_MAX:
            raise _refused(event, f"nested more than {DEPTH_MAX} deep")


def _scalar(node: yaml.Node) -> Value:
    kind, text = node.tag.rpartition(":")[2], str(node.value)
    try:
        if kind == "int":
            return int(text)
        if kind == "float":
            return float(text)
        if kind == "timestamp":
            return date.fromisoformat(text)
    except ValueError as error:
        raise _refused(node, f"'{text}' is neither a plain number nor a day like 2026-01-31") from error
    if kind == "bool" and text in ("true", "false"):
        return text == "true"
    if kind == "null":
        return None
    if kind in ("str", "bool"):
        return text
    raise _refused(node, f"the tag {node.tag} is not allowed")


def _refused(where: yaml.Node | yaml.Event, reason: str) -> InvalidInput:
    mark = where.start_mark
    return InvalidInput(f"line {mark.line + 1 if mark else 1}: {reason}")
