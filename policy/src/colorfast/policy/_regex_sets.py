"""Sets of bytes, and those that RE2 has names for."""

from typing import Final, TypeAlias

ByteSet: TypeAlias = frozenset[int]

ALL: Final[ByteSet] = frozenset(range(256))
NEWLINE: Final[ByteSet] = frozenset(b"\n")


def span(low: int, high: int) -> ByteSet:
    """The bytes from *low* to *high*, both of them in it."""
    return frozenset(range(low, high + 1))


def fold(some: ByteSet) -> ByteSet:
    """*some*, with the other case of its ASCII letters. RE2 on bytes folds no others."""
    return frozenset(bytes(some).lower() + bytes(some).upper())


def _named(*pairs: str) -> ByteSet:
    return frozenset().union(*(span(ord(pair[0]), ord(pair[-1])) for pair in pairs))


PERL: Final[dict[str, ByteSet]] = {
    "d": _named("09"),
    "s": _named("\t\n", "\f\r", " "),  # RE2 follows old Perl: no \v
    "w": _named("09", "AZ", "_", "az"),
}
"""What \\d, \\s and \\w stand for; the upper-case letter is the rest."""

POSIX: Final[dict[str, ByteSet]] = {
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
