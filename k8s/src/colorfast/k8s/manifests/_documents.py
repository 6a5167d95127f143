"""YAML or JSON text to nodes: every document of a file, each with its place.

Built from parser events, without PyYAML's composer: that recurses in C and holds every node with
two marks. Here depth and size are counted before anything is built, an alias is a reference, and
what it refers to counts as often as it is used; so no file is deep, endless or large in memory.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import yaml

from colorfast.k8s.manifests._node import Literal, Node, Value, pack
from colorfast.k8s.manifests._scalars import resolve
from colorfast.policy import Diagnostic

MAX_NODES: Final = 250_000
"""Values in one document, aliases counted as often as they are used."""
MAX_DEPTH: Final = 200
MAX_DOCUMENTS: Final = 50_000
"""Documents in one file."""
MAX_PROBLEMS: Final = 50
"""Findings about one file's YAML; more say nothing new."""

NO_KEY: Final = "a key must be plain text"
_ITEM_DEPTH: Final = 2
"""Containers around an item of a List: the list, and the object that has it."""
_LARGE: Final = f"the document has more than {MAX_NODES:,} values, repeated ones counted"
_DEEP: Final = f"the document nests deeper than {MAX_DEPTH} levels"

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NEXT = re.compile(r"^---(?=\s|$)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document: its values, their number, and where it and the items of its lists stand."""

    root: Node
    size: int
    start: int
    end: int
    line: int
    items: dict[tuple[int, int], tuple[int, int]]
    """From where to where the items of a list in the root are, by their places."""

    def piece(self, whole: str, node: Node) -> "Piece":
        """The text of *node*, which is the root or one of *items*."""
        if node.at not in self.items:
            return Piece(line=self.line, column=0, text=whole[self.start : self.end])
        start, end = self.items[node.at]
        return Piece(line=node.at[0] - 1, column=node.at[1] - 1, text=whole[start:end])


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of a file. *line* and *column* count from 0."""

    line: int
    column: int
    text: str

    @property
    def in_place(self) -> str:
        """The part with nothing before it but lines and spaces: its places are the file's."""
        return "\n" * self.line + " " * self.column + self.text


Read: TypeAlias = Document | Diagnostic


def read_documents(text: str, file: str) -> Iterator[Read]:
    """The documents of *text*, and what is wrong with its YAML. Never raises.

    Behind a document that cannot be read, the next ``---`` is where reading goes on.
    """
    start, line, problems, documents = 0, 0, 0, 0
    while True:
        builder = _Builder(file, start, line)
        broken_at: int | None = None
        try:
            for read in builder.read(text[start:] if start else text):
                problems += isinstance(read, Diagnostic)
                documents += isinstance(read, Document)
                yield read
                if problems >= MAX_PROBLEMS:
                    return
                if documents >= MAX_DOCUMENTS:
                    what = f"what follows is not read: these are {MAX_DOCUMENTS:,} documents"
                    yield builder.finding("CF109", (builder.start[1], 0), what)
                    return
        except yaml.MarkedYAMLError as error:
            broken_at, *at = _at(error.problem_mark or error.context_mark)
            yield builder.finding("CF101", (at[0], at[1]), error.problem or str(error))
        except _TooMuchError as error:
            broken_at = error.index
            yield builder.finding("CF109", (builder.start[1], 0), error.what)
        except yaml.YAMLError as error:
            yield builder.finding("CF101", (-1, -1), str(error).partition("\n")[0])
            return
        problems += 1
        if broken_at is None or problems >= MAX_PROBLEMS:
            return
        following = _NEXT.search(text, max(start + broken_at, start + 1))
        if following is None:
            return
        line += text.count("\n", start, following.start())
        start = following.start()


def _at(mark: Any) -> tuple[int, int, int]:
    """Character, line and column of a mark, which PyYAML's types let be None."""
    return (mark.index, mark.line, mark.column) if mark else (0, 0, 0)


@dataclass(slots=True)
class _Frame:
    """A container that is being read. *height* and *size* are what its aliases will cost."""

    value: list[Node] | dict[str, Node]
    at: int
    key_at: int
    anchor: str | None
    start: int
    size: int = 1
    height: int = 1
    key: tuple[str, int] | None = None
    in_key: bool = False
    """Whether a key that is a container is being read."""
    merged: list[Node] = field(default_factory=list)


class _TooMuchError(Exception):
    """The document nests or repeats itself too much; that was found at character *index*."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what
        self.index = 0


class _Builder:
    """Makes documents of events; positions are counted from where the text was cut."""

    def __init__(self, file: str, offset: int, line: int) -> None:
        self._file = file
        self._offset = offset
        self._line = line
        self._problems: list[Diagnostic] = []
        self.start = (0, 0)
        """Where the document that is being read started: character and line, from 0."""
        self._begin()

    def _begin(self) -> None:
        self._frames: list[_Frame] = []
        self._anchors: dict[str, tuple[Value, int, int]] = {}
        self._root: Node | None = None
        self._size = 0
        self._items: dict[tuple[int, int], tuple[int, int]] = {}

    def finding(self, code: str, at: tuple[int, int], what: str) -> Diagnostic:
        """A finding about the file's YAML; *at* counts from 0, -1 is the file."""
        line, column = at[0] + 1 + (self._line if at[0] >= 0 else 0), at[1] + 1
        return Diagnostic(
            code=code, level="error", file=self._file, line=line, column=column, what=what
        )

    def read(self, text: str) -> Iterator[Read]:
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.DocumentStartEvent):
                self._begin()
                self.start = _at(event.start_mark)[:2]
            elif isinstance(event, yaml.DocumentEndEvent):
                yield from self._problems
                self._problems = []
                if self._root is not None:
                    yield Document(
                        root=self._root,
                        size=self._size,
                        start=self._offset + self.start[0],
                        end=self._offset + _at(event.end_mark)[0],
                        line=self._line + self.start[1],
                        items=self._items,
                    )
                self._begin()
            else:
                try:
                    self._take(event)
                except _TooMuchError as error:
                    self._begin()
                    error.index = _at(event.end_mark)[0]
                    raise

    def _take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.NodeEvent):
            _, line, column = _at(event.start_mark)
            at = pack(line + 1 + self._line, column + 1)
            if self._takes_key(event, at):
                return
            if isinstance(event, yaml.ScalarEvent):
                value = resolve(event.value, plain=not event.style and event.tag is None)
                value = Literal(value) if event.style == "|" and isinstance(value, str) else value
                self._put(value, at, 1, 1, event.anchor)
            elif isinstance(event, yaml.AliasEvent):
                self._put_alias(event.anchor or "", at)
            else:
                self._open(event, at)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._close(self._offset + _at(event.end_mark)[0])

    def _put_alias(self, name: str, at: int) -> None:
        if name not in self._anchors:  # nowhere, or around the alias itself
            self._problem("CF101", at, f"the alias *{name} refers to nothing before it")
        value, size, height = self._anchors.get(name, (None, 1, 1))
        self._put(value, at, size, height, None)

    def _takes_key(self, event: yaml.NodeEvent, at: int) -> bool:
        frame = self._frames[-1] if self._frames else None
        if frame is None or isinstance(frame.value, list) or frame.key is not None:
            return False
        if isinstance(event, yaml.ScalarEvent):
            frame.key = (event.value, at)
            return True
        if isinstance(event, yaml.AliasEvent):
            frame.key = ("", at)
            return True
        self._problem("CF109", at, NO_KEY)
        frame.key, frame.in_key = ("", at), True
        return False

    def _open(self, event: yaml.NodeEvent, at: int) -> None:
        mapping = isinstance(event, yaml.MappingStartEvent)
        key_at = self._frames[-1].key[1] if self._frames and self._frames[-1].key else at
        start = self._offset + _at(event.start_mark)[0]
        self._frames.append(_Frame({} if mapping else [], at, key_at, event.anchor, start))
        if len(self._frames) > MAX_DEPTH:
            raise _TooMuchError(_DEEP)

    def _close(self, end: int) -> None:
        frame = self._frames.pop()
        if len(self._frames) == _ITEM_DEPTH and isinstance(frame.value, dict):
            self._items[Node(None, frame.at).at] = (frame.start, end)
        if isinstance(frame.value, dict):
            for other in frame.merged:
                for one in other.items or [other]:
                    for key, node in one.members.items():
                        frame.value.setdefault(key, node)
        self._put(frame.value, frame.at, frame.size, frame.height, frame.anchor)

    def _put(self, value: Value, at: int, size: int, height: int, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = (value, size, height)
        frame = self._frames[-1] if self._frames else None
        if frame is None:
            self._root = Node(value, at)
            self._size = size
            return
        frame.size += size
        frame.height = max(frame.height, height + 1)
        if frame.size > MAX_NODES:
            raise _TooMuchError(_LARGE)
        if len(self._frames) + height > MAX_DEPTH:
            raise _TooMuchError(_DEEP)
        if isinstance(frame.value, list):
            frame.value.append(Node(value, at))
            return
        if frame.in_key:
            frame.in_key = False
            return
        key, key_at = frame.key or ("", at)
        frame.key = None
        if key == "<<":
            frame.merged.append(Node(value, at))
            return
        if key in frame.value:
            self._problem("CF102", key_at, f"{key} is here a second time")
        frame.value[key] = Node(value, at, key_at=key_at)

    def _problem(self, code: str, at: int, what: str) -> None:
        if len(self._problems) < MAX_PROBLEMS:
            line, column = Node(None, at).at
            self._problems.append(
                Diagnostic(
                    code=code, level="error", file=self._file, line=line, column=column, what=what
                )
            )
