"""RE2's escapes and ``[...]`` classes as sets of code points."""

import re
from typing import Final

from colorfast.policy._regex_chars import LAST, PERL, POSIX, Ranges, complement, merge
from colorfast.policy._regex_fold import Fold, fold
from colorfast.policy._regex_limits import DfaError, Steps

_CODE = re.compile(r"\\(?:([1-7][0-7]{1,2}|0[0-7]{0,2})|x([0-9A-Fa-f]{2})|x\{([0-9A-Fa-f]+)\})")
_POSIX = re.compile(r"\[:(\^?)([a-z]+):\]")
_CONTROLS: Final = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}


def read_escape(text: str, at: int, kind: Fold, steps: Steps) -> tuple[Ranges, int]:
    """The set that the escape at *at* stands for, case folded, and where the escape ends."""
    name = text[at + 1 : at + 2]
    if name.lower() in PERL:
        return _perl(name, kind, steps), at + 2
    point, end = _point(text, at)
    return fold(((point, point),), kind, steps), end


def read_class(text: str, at: int, kind: Fold, steps: Steps) -> tuple[Ranges, int]:
    """The set that the class at *at* stands for, case folded, and where the class ends."""
    negated = text.startswith("^", at + 1)
    at += 2 if negated else 1
    plain: list[tuple[int, int]] = []
    folded: list[tuple[int, int]] = []
    first = at
    while at == first or not text.startswith("]", at):
        steps.spend()
        named, at = _named(text, at, kind, steps)
        folded += named
        if not named:
            span, at = _span(text, at)
            plain.append(span)
    ranges = merge([*folded, *fold(merge(plain), kind, steps)])
    return (complement(ranges) if negated else ranges), at + 1


def _named(text: str, at: int, kind: Fold, steps: Steps) -> tuple[Ranges, int]:
    if text.startswith("\\", at):
        name = text[at + 1 : at + 2]
        return (_perl(name, kind, steps), at + 2) if name.lower() in PERL else ((), at)
    found = _POSIX.match(text, at)
    if found is None:
        return (), at
    if found[2] not in POSIX:
        raise DfaError(f"names a class that RE2 does not have, {found[0]}")
    ranges = fold(POSIX[found[2]], kind, steps)
    return (complement(ranges) if found[1] else ranges), found.end()


def _perl(name: str, kind: Fold, steps: Steps) -> Ranges:
    ranges = fold(PERL[name.lower()], kind, steps)
    return complement(ranges) if name.isupper() else ranges


def _span(text: str, at: int) -> tuple[tuple[int, int], int]:
    low, at = _member(text, at)
    high = low
    if text.startswith("-", at) and not text.startswith("]", at + 1):
        high, at = _member(text, at + 1)
    if high < low:
        raise DfaError("has a range that goes backwards")
    return (low, high), at


def _member(text: str, at: int) -> tuple[int, int]:
    if at >= len(text):
        raise DfaError("has a class that does not end")
    return _point(text, at) if text[at] == "\\" else (ord(text[at]), at + 1)


def _point(text: str, at: int) -> tuple[int, int]:
    name = text[at + 1 : at + 2]
    if name in _CONTROLS:
        return _CONTROLS[name], at + 2
    code = _CODE.match(text, at)
    if code:
        point = int(code[1], 8) if code[1] else int(code[2] or code[3], 16)
        if point <= LAST:
            return point, code.end()
    elif name.isascii() and not name.isalnum() and name:
        return ord(name), at + 2
    raise DfaError(f"\\{name} is not supported")
