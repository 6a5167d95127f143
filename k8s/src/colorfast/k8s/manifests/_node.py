"""A value of a manifest that knows where it stood."""

from collections.abc import Iterator
from typing import Final, TypeAlias, Union

Value: TypeAlias = Union[bool, int, float, str, list["Node"], dict[str, "Node"], None]  # noqa: UP007

_COLUMN_BITS: Final = 24
"""A line has at most 2**24 characters: files are smaller than that."""


class Literal(str):
    """The text of a literal block (``|``): its lines are the file's, from the one below on."""

    __slots__ = ()


def pack(line: int, column: int) -> int:
    """A place as one number: a manifest has more places than anything else."""
    return line << _COLUMN_BITS | column


class Node:
    """A value and its place; *present* is false for what a manifest leaves out.

    Reading never raises, whatever shape a manifest has: what is not there, or of another type, is
    an absent node at the place of what should hold it, an empty text, or an empty list.
    """

    __slots__ = ("_at", "_key_at", "present", "value")

    def __init__(self, value: Value, at: int, *, key_at: int = 0, present: bool = True) -> None:
        self.value: Final = value
        self.present: Final = present
        self._at: Final = at
        self._key_at: Final = key_at or at

    @property
    def at(self) -> tuple[int, int]:
        """Line and column, counted from 1."""
        return _unpack(self._at)

    @property
    def key_at(self) -> tuple[int, int]:
        """Line and column of the key that holds it; of itself when none does."""
        return _unpack(self._key_at)

    def __getitem__(self, key: str | int) -> "Node":
        if isinstance(key, str) and isinstance(self.value, dict) and key in self.value:
            return self.value[key]
        if isinstance(key, int) and isinstance(self.value, list) and key < len(self.value):
            return self.value[key]
        return Node(None, self._at, key_at=self._key_at, present=False)

    def holding(self, value: Value) -> "Node":
        """Another value at its place."""
        return Node(value, self._at, key_at=self._key_at)

    def either(self, snake: str) -> "Node":
        """The member *snake*, or the same in camelCase: protobuf's JSON takes both."""
        first, *rest = snake.split("_")
        camel = self[first + "".join(part.capitalize() for part in rest)]
        return camel if camel.present and not self[snake].present else self[snake]

    @property
    def items(self) -> list["Node"]:
        """The items of a list; none of anything else."""
        return self.value if isinstance(self.value, list) else []

    @property
    def members(self) -> dict[str, "Node"]:
        """The members of a mapping; none of anything else."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def text(self) -> str:
        """The text; a number as text; empty for anything else."""
        if isinstance(self.value, str):
            return self.value
        number = isinstance(self.value, int | float) and not isinstance(self.value, bool)
        return str(self.value) if number else ""

    @property
    def number(self) -> int | None:
        """The whole number, or None."""
        return self.value if isinstance(self.value, int) and self.value is not True else None

    @property
    def labels(self) -> frozenset[tuple[str, str]]:
        """A mapping of texts as pairs."""
        return frozenset((key, node.text) for key, node in self.members.items())

    def walk(self) -> Iterator["Node"]:
        """Itself and everything in it, outer first, in the order of the file."""
        ahead = [self]
        while ahead:
            node = ahead.pop()
            yield node
            ahead.extend(reversed(node.items or list(node.members.values())))

    def plain(self) -> object:
        """The data without places."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


def _unpack(at: int) -> tuple[int, int]:
    return at >> _COLUMN_BITS, at & ((1 << _COLUMN_BITS) - 1)
