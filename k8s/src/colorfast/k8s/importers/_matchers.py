"""Conditions of other systems as LanePolicy matchers."""

import re
from collections.abc import Iterable
from typing import Any, Final, TypeAlias

import re2

Matcher: TypeAlias = dict[str, Any]

PRESENT: Final[Matcher] = {"present": True}
_ANY: Final = "(?s:.*)"
_ESCAPED: Final = re.compile(r"\\([^A-Za-z0-9])")
_META: Final = re.compile(r"[\\^$.|?*+()\[\]{}]")


def exact(text: str) -> Matcher:
    """This text and no other."""
    return {"exact": text}


def one_of(texts: Iterable[str]) -> Matcher:
    """One of *texts*."""
    given = list(dict.fromkeys(texts))
    return exact(given[0]) if len(given) == 1 else {"in": given}


def other_than(texts: Iterable[str]) -> Matcher:
    """Any text but these; an absent value is none.

    ``not`` would be true for an absent value, so this is a regex: the texts as a tree of bytes,
    and at each fork every byte that leads to none of them.
    """
    return {"regex": _complement(frozenset(text.encode() for text in texts))}


def _complement(texts: frozenset[bytes]) -> str:
    firsts = sorted({text[0] for text in texts if text})
    if not firsts:
        return "(?s:.+)" if texts else _ANY
    ways = [] if b"" in texts else [""]
    ways.append(f"[^{''.join(map(_byte, firsts))}]{_ANY}")
    for first in firsts:
        rest = frozenset(text[1:] for text in texts if text and text[0] == first)
        inner = _complement(rest)
        ways.append(_byte(first) + (inner if inner.startswith("(?s:") else f"(?:{inner})"))
    return "|".join(ways)


def _byte(byte: int) -> str:
    letter = chr(byte)
    return letter if byte < 128 and letter.isalnum() else f"\\x{byte:02x}"


def found_in(pattern: str) -> Matcher | None:
    """A value in which *pattern* is found, as Go's MatchString and Java's find; None: not RE2."""
    if not _is_re2(pattern):
        return None
    open_start, open_end = not pattern.startswith("^"), not _ends(pattern)
    inner = pattern[0 if open_start else 1 : len(pattern) if open_end else -1]
    plain = _plain(inner)
    if plain is None:
        return {"regex": f"{_ANY}(?:{pattern}){_ANY}"}
    kinds = {
        (False, False): "exact",
        (False, True): "prefix",
        (True, False): "suffix",
        (True, True): "contains",
    }
    return (
        {kinds[open_start, open_end]: plain} if plain or not (open_start or open_end) else PRESENT
    )


def whole(pattern: str) -> Matcher | None:
    """A value that *pattern* matches as a whole, as Envoy does; None: not RE2."""
    if not _is_re2(pattern):
        return None
    inner = pattern.removeprefix("^")
    plain = _plain(inner[:-1] if _ends(inner) else inner)
    return exact(plain) if plain is not None else {"regex": pattern}


def _ends(pattern: str) -> bool:
    return pattern.endswith("$") and not pattern.endswith("\\$")


def _plain(pattern: str) -> str | None:
    """The text that a pattern without operators stands for."""
    if _META.search(_ESCAPED.sub("", pattern)):
        return None
    return _ESCAPED.sub(r"\1", pattern)


def _is_re2(pattern: str) -> bool:
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(pattern, options)
    except re2.error:
        return False
    return True
