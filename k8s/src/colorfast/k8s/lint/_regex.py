"""What a regex of a route takes besides what its author had in mind.

Envoy asks whether the whole value matches (RE2). The shape of a pattern says where to look, and RE2
itself says whether the other value really matches.
"""

import re
from typing import Final

import re2

_PLAIN: Final = re.compile(r"[\w=.;, -]+")
_OPEN_START: Final = re.compile(r"\^?\.[*+]\??\(?[A-Za-z0-9]")
_OPEN_END: Final = re.compile(r"[A-Za-z0-9]\)?\.[*+]\$?$")
_VALUE: Final = re.compile(r"[\w-]=[\w-]")


def misses_rest(pattern: str) -> bool:
    """Whether a pattern for a list of pairs is one pair as it is, with no room for others."""
    return bool(_PLAIN.fullmatch(pattern.removeprefix("^").removesuffix("$")))


def open_before(pattern: str) -> str:
    """A value that matches although it only ends in what is meant; empty when there is none."""
    word = _word(pattern)
    return _if_taken(pattern, f"x{word}") if word and _OPEN_START.match(pattern) else ""


def open_behind(pattern: str) -> str:
    """A value that matches although it only starts with what is meant; empty when there is none."""
    word = _word(pattern)
    if not word or not _OPEN_END.search(pattern) or ("=" in pattern and not _VALUE.search(pattern)):
        return ""
    return _if_taken(pattern, f"{word}x")


def _if_taken(pattern: str, value: str) -> str:
    options = re2.Options()
    options.log_errors = False
    try:
        taken = re2.compile(pattern, options).fullmatch(value)
    except re2.error:
        return ""
    return value if taken else ""


def _word(pattern: str) -> str:
    """The longest plain text in a pattern."""
    words = re.findall(r"[\w=-]+", re.sub(r"\\.|\[[^]]*\]", " ", pattern))
    return max(words, key=len, default="")
