"""YAML text as plain data that remembers where each key and value stood.

Read with the YAML 1.2 core schema in mind, so that what an author sees is what they get: only
``true``/``false`` are booleans, only plain decimals are numbers, and a word that YAML 1.1 would
turn into a boolean is refused rather than guessed at.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from colorfast.policy._errors import CODES, Codes, Diagnostic, finding

Path: TypeAlias = tuple[str | int, ...]

MAX_BYTES = 1 << 20
"""As much as a Kubernetes ConfigMap holds."""
MAX_NODES = 200_000
MAX_DEPTH = 64

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?")
_YAML_1_1_BOOLEAN = re.compile(r"(?i)yes|no|on|off")
_WORDS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}"
    for name in ("null", "bool", "int", "float", "str", "timestamp", "merge", "value", "map", "seq")
)


@dataclass(slots=True)
class Document:
    """Plain data, and the (line, column) of every value and of every key by its path."""

    file: str
    by_path: bool = False
    """Whether findings name the key, because nobody has seen the text's lines."""
    data: Any = None
    values: dict[Path, tuple[int, int]] = field(default_factory=dict)
    keys: dict[Path, tuple[int, int]] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    codes: Codes = field(default_factory=lambda: CODES)
    """What can be reported: a room that has files of its own adds its codes."""

    @property
    def readable(self) -> bool:
        """Whether there is data to look at; a file may say ``null`` and be that."""
        return () in self.values

    def get(self, path: Path) -> Any:
        """The data at *path*, which must exist."""
        data = self.data
        for part in path:
            data = data[part]
        return data

    def nearest(self, path: Path) -> Path:
        """The longest existing path that *path* leads to; parts that are not there are skipped."""
        found: Path = ()
        for part in path:
            if (*found, part) in self.values:
                found = (*found, part)
        return found

    def found(self, code: str, path: Path) -> bool:
        """Whether *code* was reported at the value of *path*."""
        at = self.values.get(path)
        return any(d.code == code and (d.line, d.column) == at for d in self.diagnostics)

    def report(  # noqa: PLR0913 (a finding is a place and three sentences)
        self,
        code: str,
        path: Path,
        what: str,
        *,
        why: str = "",
        fix: str = "",
        at_key: bool = False,
    ) -> Diagnostic:
        """Note a finding at *path*, or at its key."""
        path = self.nearest(path)
        places = self.keys if at_key and path in self.keys else self.values
        at = places.get(path, (0, 0))
        found = finding(self.codes, code, self.file, at, what=what, why=why, fix=fix)
        self.diagnostics.append(found)
        return found


def read_yaml(text: str, file: str, *, by_path: bool = False) -> Document:
    """Parse one YAML document. Never raises: what is wrong is in ``Document.diagnostics``."""
    document = Document(file, by_path)
    if len(text) > MAX_BYTES:
        document.report("CF109", (), f"the file is larger than {MAX_BYTES} bytes")
        return document
    try:
        if _too_deep(text):
            document.report("CF109", (), f"the file nests deeper than {MAX_DEPTH} levels")
            return document
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        _syntax(document, mark, error.problem or str(error))
        return document
    except yaml.YAMLError as error:
        document.report("CF101", (), str(error).partition("\n")[0])
        return document
    if root is None:
        _syntax(document, None, "the file is empty")
        return document
    try:
        document.data = _Converter(document).convert(root, (), 0)
    except _TooMuchError:
        document.report("CF109", (), "the file nests or repeats itself too much")
    return document


def _too_deep(text: str) -> bool:
    # Composing recurses in C, without a bound: looked at before, or a hostile file is a crash.
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return False


def _syntax(document: Document, mark: Any, problem: str) -> None:
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    found = finding(CODES, "CF101", document.file, (line, column), what=problem)
    document.diagnostics.append(found)


class _TooMuchError(Exception):
    """Aliases can make a small file endless."""


class _Converter:
    """Walks the composed nodes once; a broken part becomes None and a diagnostic."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._nodes = 0

    def convert(self, node: yaml.Node, path: Path, depth: int) -> Any:
        self._document.values[path] = _position(node)
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            raise _TooMuchError
        if node.tag not in _TAGS:
            self._unused(path, f"the tag {node.tag!r} means nothing here")
            return None
        if isinstance(node, yaml.MappingNode):
            return dict(self._items(node, path, depth))
        if isinstance(node, yaml.SequenceNode):
            return [
                self.convert(child, (*path, index), depth + 1)
                for index, child in enumerate(node.value)
            ]
        return self._scalar(node, path)

    def _items(
        self, mapping: yaml.MappingNode, path: Path, depth: int
    ) -> Iterator[tuple[str, Any]]:
        seen: dict[str, tuple[int, int]] = {}
        for key_node, value_node in mapping.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._unused(path, "a key must be plain text")
                continue
            key = key_node.value
            inner = (*path, key)
            position = _position(key_node)
            if key in seen:
                self._duplicate(key, position, seen[key])
                continue
            seen[key] = self._document.keys[inner] = position
            yield key, self.convert(value_node, inner, depth + 1)

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        text = node.value
        if getattr(node, "style", None):
            return text
        if text in _WORDS:
            return _WORDS[text]
        if _YAML_1_1_BOOLEAN.fullmatch(text):
            self._document.report(
                "CF103",
                path,
                f"{text} is a boolean in YAML 1.1 and text in YAML 1.2",
                why="tools disagree about it, so it is not guessed at",
                fix=f'write "{text}" for text, or true or false',
            )
            return text
        if _INT.fullmatch(text) and len(text) < 20:
            return int(text)
        return float(text) if _FLOAT.fullmatch(text) else text

    def _unused(self, path: Path, what: str) -> None:
        self._document.report("CF109", path, what, fix="write plain mappings, lists and scalars")

    def _duplicate(self, key: str, position: tuple[int, int], first: tuple[int, int]) -> None:
        self._document.diagnostics.append(
            finding(
                CODES,
                "CF102",
                self._document.file,
                position,
                what=f"{key} is here a second time; the first is in line {first[0]}",
                why="YAML readers silently keep one of the two",
                fix="keep the one that is meant",
            )
        )


def _position(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
