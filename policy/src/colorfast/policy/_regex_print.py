"""Regex trees as RE2 patterns again: how a pattern is made to ignore the case of ASCII only."""

from typing import Final

from colorfast.policy._regex_ast import AnyByte, At, Chars, Concat, Either, Node, Repeat
from colorfast.policy._regex_chars import EVERY, LAST, NOT_NEWLINE, PERL, Ranges, complement
from colorfast.policy._regex_exact import check_exact
from colorfast.policy._regex_fold import Fold
from colorfast.policy._regex_limits import Steps
from colorfast.policy._regex_syntax import parse

STEPS: Final = 1_000_000
_SPECIAL: Final = frozenset(r"\.+*?()|[]{}^$")
_SPECIAL_IN_CLASS: Final = frozenset(r"\[]^-")
_SHORT: Final[dict[Ranges, str]] = {
    NOT_NEWLINE: ".",
    EVERY: "(?s:.)",
    (): rf"[^\x00-\x{{{LAST:x}}}]",
    **{ranges: f"\\{name}" for name, ranges in PERL.items()},
    **{complement(ranges): f"\\{name.upper()}" for name, ranges in PERL.items()},
}


def fold_ascii(pattern: str) -> str:
    r"""An RE2 pattern for what *pattern* takes when the case of ASCII letters makes no difference.

    RE2's own way to ignore case goes beyond ASCII: its k also is the kelvin sign. Raises DfaError
    for a pattern that is not understood well enough, such as one with ``\p``.
    """
    steps = Steps(STEPS)
    tree = parse(pattern, ignore_case=Fold.ASCII, steps=steps)
    check_exact(tree, steps)
    return _text(tree)


def _text(node: Node) -> str:
    match node:
        case Chars():
            return _chars(node.ranges)
        case AnyByte():
            return r"\C"
        case At():
            return str(node.look)
        case Concat():
            return "".join(_text(x) if not isinstance(x, Either) else _group(x) for x in node.items)
        case Either():
            return "|".join(map(_text, node.options))
        case Repeat():
            item = node.item
            atom = _text(item) if isinstance(item, Chars | AnyByte) else _group(item)
            return atom + _times(node.least, node.most)


def _group(node: Node) -> str:
    return f"(?:{_text(node)})"


def _times(least: int, most: int | None) -> str:
    match least, most:
        case 0, None:
            return "*"
        case 1, None:
            return "+"
        case 0, 1:
            return "?"
        case _, None:
            return f"{{{least},}}"
        case _ if least == most:
            return f"{{{least}}}"
        case _:
            return f"{{{least},{most}}}"


def _chars(ranges: Ranges) -> str:
    if ranges in _SHORT:
        return _SHORT[ranges]
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return _char(ranges[0][0], _SPECIAL)
    if ranges[-1][1] == LAST:
        return f"[^{_members(complement(ranges))}]"
    return f"[{_members(ranges)}]"


def _members(ranges: Ranges) -> str:
    return "".join(_span(low, high) for low, high in ranges)


def _span(low: int, high: int) -> str:
    between = "" if high - low < 2 else "-"
    first, last = _char(low, _SPECIAL_IN_CLASS), _char(high, _SPECIAL_IN_CLASS)
    return first if low == high else first + between + last


def _char(point: int, special: frozenset[str]) -> str:
    char = chr(point)
    if char in special:
        return f"\\{char}"
    return char if " " <= char <= "~" else f"\\x{{{point:x}}}"
