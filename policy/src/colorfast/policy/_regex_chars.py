"""Sets of code points as ranges, and the sets that RE2 has names for."""

from collections.abc import Iterable
from typing import Final, TypeAlias

Range: TypeAlias = tuple[int, int]
"""First and last code point."""
Ranges: TypeAlias = tuple[Range, ...]
"""In order, with a gap between each and the next: one set has one form."""

LAST: Final = 0x10FFFF
EVERY: Final[Ranges] = ((0, LAST),)


def merge(ranges: Iterable[Range]) -> Ranges:
    """The set of all code points in *ranges*, which may overlap in any order."""
    merged: list[Range] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def complement(ranges: Ranges) -> Ranges:
    """Every code point, surrogates included, that is not in *ranges*."""
    starts = [0, *(high + 1 for _, high in ranges)]
    ends = [*(low - 1 for low, _ in ranges), LAST]
    return tuple((low, high) for low, high in zip(starts, ends, strict=True) if low <= high)


def single(char: str) -> Ranges:
    """The set of one character."""
    return ((ord(char), ord(char)),)


def _named(*pairs: str) -> Ranges:
    return merge((ord(pair[0]), ord(pair[-1])) for pair in pairs)


NOT_NEWLINE: Final = complement(single("\n"))

PERL: Final[dict[str, Ranges]] = {
    "d": _named("09"),
    "s": _named("\t\n", "\f\r", " "),  # RE2 follows old Perl: no \v
    "w": _named("09", "AZ", "_", "az"),
}
"""What \\d, \\s and \\w stand for; the upper-case letter is the complement."""

POSIX: Final[dict[str, Ranges]] = {
    "alnum": _named("09", "AZ", "az"),
    "alpha": _named("AZ", "az"),
    "ascii": _named("\x00\x7f"),
    "blank": _named("\t", " "),
    "cntrl": _named("\x00\x1f", "\x7f"),
    "digit": _named("09"),
    "graph": _named("!~"),
    "lower": _named("az"),
    "print": _named(" ~"),
    "punct": _named("!/", ":@", "[`", "{~"),
    "space": _named("\t\r", " "),
    "upper": _named("AZ"),
    "word": _named("09", "AZ", "_", "az"),
    "xdigit": _named("09", "AF", "af"),
}
"""What ``[[:name:]]`` stands for."""
