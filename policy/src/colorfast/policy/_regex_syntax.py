"""RE2's syntax, read as RE2 reads it. Patterns have passed RE2 before: they are known to be right.

Source: RE2's syntax page and, where that is silent, RE2's behaviour, which the tests compare with.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from colorfast.policy import _regex_chars as chars
from colorfast.policy._regex_ast import AnyByte, At, Chars, Look, Node, Repeat, concat, either
from colorfast.policy._regex_class import read_class, read_escape
from colorfast.policy._regex_fold import Fold, fold
from colorfast.policy._regex_limits import DfaError, Steps

MAX_DEPTH: Final = 50
_MAX_STACKED: Final = 2

_GROUP = re.compile(r"\(\?(?:P?<[^>(]*>|([imsU]*)(?:-([imsU]+))?([:)]))")
_TIMES = re.compile(r"\{(0|[1-9][0-9]{0,8})(,(0|[1-9][0-9]{0,8})?)?\}")
_PLACES = {"A": Look.TEXT_START, "z": Look.TEXT_END, "b": Look.WORD_EDGE, "B": Look.NO_WORD_EDGE}
_REPEATS: Final[dict[str, tuple[int, int | None]]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flags:
    fold: Fold
    lines: bool = False
    dot_all: bool = False

    def changed(self, on: str, off: str) -> "_Flags":
        """After ``(?on-off)``; U says which of several matches wins, so nothing here."""
        return _Flags(
            fold=Fold.NONE if "i" in off else Fold.UNICODE if "i" in on else self.fold,
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


def parse(pattern: str, *, ignore_case: Fold, steps: Steps) -> Node:
    """*pattern* as a tree. *ignore_case* holds until an inline ``(?i)`` or ``(?-i)``.

    Raises DfaError for what is not supported, and when *steps* run out.
    """
    parser = _Parser(pattern, _Flags(fold=ignore_case), steps)
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
            self.steps.spend()
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

    def _push_chars(self, ranges: chars.Ranges, length: int) -> None:
        self._push(Chars(fold(ranges, self.flags.fold, self.steps)), length)

    def _plain(self) -> None:
        match self.text[self.at]:
            case "[":
                ranges, end = read_class(self.text, self.at, self.flags.fold, self.steps)
                self._push(Chars(ranges), end - self.at)
            case ".":
                every = chars.EVERY if self.flags.dot_all else chars.NOT_NEWLINE
                self._push(Chars(every), 1)
            case "^":
                self._push(At(Look.LINE_START if self.flags.lines else Look.TEXT_START), 1)
            case "$":
                self._push(At(Look.LINE_END if self.flags.lines else Look.TEXT_END), 1)
            case char:
                self._push_chars(chars.single(char), 1)

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
            self._push_chars(chars.single("{"), 1)
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
                self._push(AnyByte(), 2)
            case "Q":
                self._quoted()
            case _:
                ranges, end = read_escape(self.text, self.at, self.flags.fold, self.steps)
                self._push(Chars(ranges), end - self.at)

    def _quoted(self) -> None:
        start, self.at = self.at + 2, self.at + 2
        end = self.text.find(r"\E", start)
        for char in self.text[start:] if end < 0 else self.text[start:end]:
            self.steps.spend()
            self._push_chars(chars.single(char), 1)
        self.at += 0 if end < 0 else 2
