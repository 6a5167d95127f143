"""What a regex says, once its syntax is out of the way.

Case, flags, escapes, greediness and capturing are gone: a full match has no use for them.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from colorfast.policy._regex_sets import ByteSet


class Look(StrEnum):
    """Where in the text a position must be; the value is the regex that says so."""

    TEXT_START = "^"
    TEXT_END = "$"
    LINE_START = "(?m:^)"
    LINE_END = "(?m:$)"
    WORD_EDGE = r"\b"
    NO_WORD_EDGE = r"\B"


@dataclass(frozen=True, slots=True)
class OneOf:
    """One byte of a set."""

    bytes: ByteSet


@dataclass(frozen=True, slots=True)
class At:
    """No byte, but a place."""

    look: Look


@dataclass(frozen=True, slots=True)
class Concat:
    """One after the other; none at all is the empty text."""

    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Either:
    """One of them."""

    options: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """*item*, *least* to *most* times; no *most* is no end."""

    item: "Node"
    least: int
    most: int | None


Node: TypeAlias = OneOf | At | Concat | Either | Repeat


def concat(items: list[Node]) -> Node:
    """The items in one node."""
    return items[0] if len(items) == 1 else Concat(tuple(items))


def either(options: list[Node]) -> Node:
    """The options in one node."""
    return options[0] if len(options) == 1 else Either(tuple(options))
