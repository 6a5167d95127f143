"""RE2's syntax, read as RE2 reads it. Patterns have passed RE2 before: they are known to be right.

RE2 here is RE2 on bytes (its Latin-1 mode), as Envoy has it: each byte of the pattern in UTF-8 is a
character. Source: RE2's syntax page and, where that is silent, what RE2 does.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from colorfast.policy._regex_ast import At, Look, Node, OneOf, Repeat, concat, either
from colorfast.policy._regex_class import read_class, read_escape
from colorfast.policy._regex_limits import TOKEN, DfaError, Steps
from colorfast.policy._regex_sets import ALL, NEWLINE, ByteSet, fold

MAX_DEPTH: Final = 50
_MAX_STACKED: Final = 2

_GROUP = re.compile(r"\(\?(?:P?<[^>(]*>|([imsU]*)(?:-([imsU]+))?([:)]))")
_TIMES = re.compile(r"\{(0|[1-9][0-9]{0,8})(,(0|[1-9][0-9]{0,8})?)?\}")
_PLACES = {"A": Look.TEXT_START, "z": Look.TEXT_END, "b": Look.WORD_EDGE, "B": Look.NO_WORD_EDGE}
_REPEATS: Final[dict[str, tuple[int, int | None]]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flags:
    folded: bool
    lines: bool = False
    dot_all: bool = False

    def changed(self, on: str, off: str) -> "_Flags":
        """After ``(?on-off)``; U says which of several matches wins, so nothing here."""
        return _Flags(
            folded="i" not in off and ("i" in on or self.folded),
            lines="m" not in off and ("m" in on or self.lines),
            dot_all="s" not in off and ("s" in on or self.dot_all),
        )


@dataclass(slots=True)
class _Group:
    """A group that is still open."""

    flags: _Flags  # to go back to when it closes
    options: list[Node] = field(default_factory=list)
    items: list[Node] = field(default_factory=list)

    def closed(self) -> Node:
        return either([*self.options, concat(self.items)])


def parse(pattern: str, *, ignore_case: bool, steps: Steps) -> Node:
    """*pattern* as a tree. *ignore_case* is as if it began with ``(?i)``.

    Raises DfaError for what is not supported, and when *steps* run out.
    """
    try:
        text = pattern.encode().decode("latin-1")
    except UnicodeEncodeError:
        raise DfaError("is not text") from None
    parser = _Parser(text, _Flags(folded=ignore_case), steps)
    parser.read()
    return parser.result()


class _Parser:
    def __init__(self, text: str, flags: _Flags, steps: Steps) -> None:
        self.text = text
        self.at = 0
        self.flags = flags
        self.steps = steps
        self.groups = [_Group(flags)]
        self.stacked = 0

    def result(self) -> Node:
        if len(self.groups) != 1:
            raise DfaError("has a group that does not end")
        return self.groups[0].closed()

    def read(self) -> None:
        while self.at < len(self.text):
            self.steps.spend(TOKEN)
            match self.text[self.at]:
                case "(":
                    self._open()
                case ")":
                    self._close()
                case "|":
                    self._alternative()
                case "*" | "+" | "?" as sign:
                    self.at += 1
                    self._repeat(*_REPEATS[sign])
                case "{":
                    self._times()
                case "\\":
                    self._escape()
                case _:
                    self._plain()

    def _push(self, node: Node, length: int) -> None:
        self.groups[-1].items.append(node)
        self.stacked = 0
        self.at += length

    def _push_bytes(self, some: ByteSet, length: int) -> None:
        self._push(OneOf(fold(some) if self.flags.folded else some), length)

    def _push_literal(self, char: str) -> None:
        self._push_bytes(frozenset([ord(char)]), 1)

    def _plain(self) -> None:
        match self.text[self.at]:
            case "[":
                folded = self.flags.folded
                some, end = read_class(self.text, self.at, folded=folded, steps=self.steps)
                self._push(OneOf(some), end - self.at)
            case ".":
                self._push(OneOf(ALL if self.flags.dot_all else ALL - NEWLINE), 1)
            case "^":
                self._push(At(Look.LINE_START if self.flags.lines else Look.TEXT_START), 1)
            case "$":
                self._push(At(Look.LINE_END if self.flags.lines else Look.TEXT_END), 1)
            case char:
                self._push_literal(char)

    def _open(self) -> None:
        head = _GROUP.match(self.text, self.at)
        if head is None and self.text.startswith("(?", self.at):
            raise DfaError("has a kind of group that RE2 does not have")
        self.at += len(head[0]) if head else 1
        inside = self.flags.changed(head[1] or "", head[2] or "") if head else self.flags
        if head is None or head[3] != ")":
            self.groups.append(_Group(self.flags))
            if len(self.groups) > MAX_DEPTH + 1:
                raise DfaError(f"is nested deeper than {MAX_DEPTH} groups")
        self.flags = inside

    def _close(self) -> None:
        if len(self.groups) == 1:
            raise DfaError("has a ) without a (")
        group = self.groups.pop()
        self.flags = group.flags
        self._push(group.closed(), 1)

    def _alternative(self) -> None:
        group = self.groups[-1]
        group.options.append(concat(group.items))
        group.items = []
        self.at += 1

    def _times(self) -> None:
        found = _TIMES.match(self.text, self.at)
        if found is None:  # a{ and a{,5} are plain text
            self._push_literal("{")
            return
        self.at = found.end()
        least = int(found[1])
        most = least if found[2] is None else int(found[3]) if found[3] else None
        self._repeat(least, most)

    def _repeat(self, least: int, most: int | None) -> None:
        items = self.groups[-1].items
        if not items or (most is not None and most < least):
            raise DfaError("has a repetition of nothing")
        # An empty (?i) or \Q\E may stand between two repetitions, so that they stack up.
        self.stacked += 1
        if self.stacked > _MAX_STACKED:
            raise DfaError(f"repeats a repetition more than {_MAX_STACKED} times in a row")
        items[-1] = Repeat(items[-1], least, most)
        if self.text.startswith("?", self.at):
            self.at += 1  # lazy: the same texts

    def _escape(self) -> None:
        match self.text[self.at + 1 : self.at + 2]:
            case "A" | "z" | "b" | "B" as place:
                self._push(At(_PLACES[place]), 2)
            case "C":
                self._push(OneOf(ALL), 2)
            case "Q":
                self._quoted()
            case _:
                some, end = read_escape(self.text, self.at)
                self._push_bytes(some, end - self.at)

    def _quoted(self) -> None:
        start, self.at = self.at + 2, self.at + 2
        end = self.text.find(r"\E", start)
        for char in self.text[start:] if end < 0 else self.text[start:end]:
            self.steps.spend(TOKEN)
            self._push_literal(char)
        self.at += 0 if end < 0 else 2
