"""Upper and lower case as one: over ASCII as a policy's ``ignoreCase``, or as RE2's ``(?i)``.

RE2 folds by Unicode's simple case folding. Python has no table of that, but what ``str.lower`` and
``str.upper`` do to single characters draws the same orbits. The few letters that Unicode versions
disagree on are refused: this Python and the RE2 of some Envoy need not have the same version.
"""

from bisect import bisect_left, bisect_right
from enum import Enum
from functools import cache
from itertools import chain
from typing import Final

from colorfast.policy._regex_chars import LAST, Range, Ranges, merge
from colorfast.policy._regex_limits import DfaError, Steps


class Fold(Enum):
    """Which characters are the same but for their case."""

    NONE = "none"
    ASCII = "ascii"
    UNICODE = "unicode"


_CASED_END = 0x1E944  # no letter from here on has a case
_NOT_SIMPLE = "\u0130\u0131"  # I with a dot and i without one, which fold in Turkish only
_BEYOND_ASCII: Final = ((0x6B, 0x212A), (0x73, 0x17F))  # k and the kelvin sign, s and the long s

UNSETTLED: Final[tuple[Range, ...]] = (
    (0x390, 0x1FD3),  # made equal in Unicode 15.1, as are the next two
    (0x3B0, 0x1FE3),
    (0xFB05, 0xFB06),
    (0x19B, 0xA7DC),  # Unicode 16
    (0x264, 0xA7CB),
    (0x1C89, 0x1C8A),
    (0xA7CC, 0xA7CD),
    (0xA7DA, 0xA7DB),
    *((0x10D50 + i, 0x10D70 + i) for i in range(22)),
    (0xA7CE, 0xA7CF),  # Unicode 17
    (0xA7D2, 0xA7D3),
    (0xA7D4, 0xA7D5),
    *((0x16EA0 + i, 0x16EBB + i) for i in range(25)),
)
"""Pairs that are one letter in a recent Unicode only."""


def fold(ranges: Ranges, kind: Fold, steps: Steps) -> Ranges:
    """*ranges* with every character that is, but for its case, one of them.

    Raises DfaError when that depends on the Unicode version, or when *steps* run out.
    """
    if kind is Fold.NONE:
        return ranges
    ascii_only = merge(chain(ranges, _swapped(ranges)))
    if kind is Fold.ASCII:
        return ascii_only
    if ascii_only and ascii_only[-1][1] < 0x80:
        partners = ((to, to) for letter, to in _BEYOND_ASCII if _has(ascii_only, letter))
        return merge(chain(ascii_only, partners))
    _check_settled(ranges)
    return merge(chain(ranges, _folded(ranges, steps)))


def _swapped(ranges: Ranges) -> list[Range]:
    swapped = []
    for low, high in ranges:
        for first, last, other in ((0x41, 0x5A, 32), (0x61, 0x7A, -32)):
            if low <= last and first <= high:
                swapped.append((max(low, first) + other, min(high, last) + other))
    return swapped


def _has(ranges: Ranges, point: int) -> bool:
    at = bisect_right(ranges, (point, LAST)) - 1
    return at >= 0 and point <= ranges[at][1]


def _check_settled(ranges: Ranges) -> None:
    for pair in UNSETTLED:
        if _has(ranges, pair[0]) != _has(ranges, pair[1]):
            letter = pair[0] if _has(ranges, pair[0]) else pair[1]
            raise DfaError(f"(?i) on U+{letter:04X} depends on the version of Unicode")


def _folded(ranges: Ranges, steps: Steps) -> list[Range]:
    letters, orbits = _orbits()
    found: list[Range] = []
    for low, high in ranges:
        first, last = bisect_left(letters, low), bisect_right(letters, high)
        steps.spend(last - first)
        for orbit in orbits[first:last]:
            found += [(point, point) for point in orbit]
    return found


@cache
def _orbits() -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]:
    orbit: dict[str, set[str]] = {}
    chars = [chr(c) for c in range(_CASED_END) if chr(c) not in _NOT_SIMPLE]
    for case in (str.lower, str.upper):
        for char, other in zip(chars, map(case, chars), strict=True):
            if char != other and len(other) == 1:
                joined = orbit.get(char, {char}) | orbit.get(other, {other})
                orbit |= dict.fromkeys(joined, joined)
    letters = sorted(orbit)
    return tuple(map(ord, letters)), tuple(tuple(sorted(map(ord, orbit[x]))) for x in letters)
