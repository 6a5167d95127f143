"""RE2's escapes and ``[...]`` classes as sets of bytes."""

import re
from typing import Final

from colorfast.policy._regex_limits import TOKEN, DfaError, Steps
from colorfast.policy._regex_sets import ALL, PERL, POSIX, ByteSet, fold, span

_CODE = re.compile(r"\\(?:([1-7][0-7]{1,2}|0[0-7]{0,2})|x([0-9A-Fa-f]{2})|x\{([0-9A-Fa-f]+)\})")
_POSIX = re.compile(r"\[:(\^?)([a-z]+):\]")
_CONTROLS: Final = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}


def read_escape(text: str, at: int) -> tuple[ByteSet, int]:
    """The set that the escape at *at* stands for, and where the escape ends."""
    name = text[at + 1 : at + 2]
    if name.lower() in PERL:
        return _perl(name), at + 2
    byte, end = _byte(text, at)
    return frozenset([byte]), end


def read_class(text: str, at: int, *, folded: bool, steps: Steps) -> tuple[ByteSet, int]:
    """The set that the class at *at* stands for, and where the class ends.

    Case is folded before the set is negated: ``[^k]`` then takes neither k nor K.
    """
    negated = text.startswith("^", at + 1)
    at += 2 if negated else 1
    found: set[int] = set()
    first = at
    while at == first or not text.startswith("]", at):
        steps.spend(TOKEN)
        named = _named(text, at, folded=folded)
        some, at = named or _span(text, at)
        found |= some
    members = fold(frozenset(found)) if folded else frozenset(found)
    return (ALL - members if negated else members), at + 1


def _named(text: str, at: int, *, folded: bool) -> tuple[ByteSet, int] | None:
    if text.startswith("\\", at):
        name = text[at + 1 : at + 2]
        return (_perl(name), at + 2) if name.lower() in PERL else None
    found = _POSIX.match(text, at)
    if found is None:
        return None
    if found[2] not in POSIX:
        raise DfaError(f"has a class that RE2 does not have, {found[0]}")
    some = fold(POSIX[found[2]]) if folded else POSIX[found[2]]
    return (ALL - some if found[1] else some), found.end()


def _perl(name: str) -> ByteSet:
    return PERL[name] if name in PERL else ALL - PERL[name.lower()]


def _span(text: str, at: int) -> tuple[ByteSet, int]:
    low, at = _member(text, at)
    high = low
    if text.startswith("-", at) and not text.startswith("]", at + 1):
        high, at = _member(text, at + 1)
    if high < low:
        raise DfaError("has a range that goes backwards")
    return span(low, high), at


def _member(text: str, at: int) -> tuple[int, int]:
    if at >= len(text):
        raise DfaError("has a class that does not end")
    return _byte(text, at) if text[at] == "\\" else (ord(text[at]), at + 1)


def _byte(text: str, at: int) -> tuple[int, int]:
    name = text[at + 1 : at + 2]
    if name in _CONTROLS:
        return _CONTROLS[name], at + 2
    code = _CODE.match(text, at)
    if code:
        byte = int(code[1], 8) if code[1] else int(code[2] or code[3], 16)
        if byte in ALL:
            return byte, code.end()
    elif name and name.isascii() and not name.isalnum():
        return ord(name), at + 2
    raise DfaError(f"\\{name} is not supported")
