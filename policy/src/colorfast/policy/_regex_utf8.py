"""Sets of code points as sequences of byte ranges, cut exactly where RE2 cuts them.

RE2 takes one liberty, and so does this: a range from U+0080 (or below) to the last code point takes
any lead byte with the right number of continuation bytes, which lets some invalid UTF-8 through:
over-long forms and code points past the last. Every other range takes exactly its characters.
Surrogates are code points like any other.
"""

from collections.abc import Iterator
from typing import Final, TypeAlias

from colorfast.policy._regex_chars import LAST, Ranges

ByteRanges: TypeAlias = tuple[tuple[int, int], ...]
"""First and last value of each byte."""

_MORE = (0x80, 0xBF)
_NOT_ASCII: Final[tuple[ByteRanges, ...]] = (
    ((0xC2, 0xDF), _MORE),
    ((0xE0, 0xEF), _MORE, _MORE),
    ((0xF0, 0xF4), _MORE, _MORE, _MORE),
)


def sequences(ranges: Ranges) -> Iterator[ByteRanges]:
    """What the bytes of one character of *ranges* may be, as disjoint sequences."""
    for low, high in ranges:
        yield from _cut(low, high)


def is_loose(ranges: Ranges) -> bool:
    """Whether RE2 takes some invalid UTF-8 for this set."""
    return bool(ranges) and ranges[-1][0] <= 0x80 and ranges[-1][1] == LAST


def _cut(low: int, high: int) -> Iterator[ByteRanges]:
    if (low, high) == (0x80, LAST):
        yield from _NOT_ASCII
        return
    cut = _border(low, high)
    if cut is None:
        yield tuple(zip(_encode(low), _encode(high), strict=True))
    else:
        yield from _cut(low, cut)
        yield from _cut(cut + 1, high)


def _border(low: int, high: int) -> int | None:
    """Where to cut so that both parts are simpler; None when the bytes vary on their own."""
    for last in (0x7F, 0x7FF, 0xFFFF):  # of one, two, three bytes
        if low <= last < high:
            return last
    if high <= 0x7F:
        return None
    for tail in ((1 << 6) - 1, (1 << 12) - 1, (1 << 18) - 1):  # what the last bytes hold
        if low | tail != high | tail:
            if low & tail:
                return low | tail
            if high & tail != tail:
                return (high & ~tail) - 1
    return None


def _encode(point: int) -> bytes:
    return chr(point).encode("utf-8", "surrogatepass")
