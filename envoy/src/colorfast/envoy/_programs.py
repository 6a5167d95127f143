"""How large the RE2 programs of a configuration are, and which of them Envoy measures.

Envoy refuses a program of more instructions than runtime ``re2.max_program_size.error_level`` says,
but not that of a match tree's regex: those name their engine (``google_re2: {}``), and what names
it is not measured. So measured in Envoy 1.38 to 1.40; a test repeats it.
"""

from collections.abc import Callable, Iterator
from typing import Final

import re2

LARGEST: Final = 32_768
"""Instructions of the largest program that a match tree may have.

RE2 has 8 MiB for a program and its automaton, and is slow where they do not suffice.
"""

_NEVER: Final = 1 << 31
"""The size of what RE2 does not compile."""

_Encoding = re2.Options.Encoding


def compile_bytes(pattern: str) -> "re2._Regexp":
    """*pattern* as Envoy compiles it: on bytes. Raises re2.error."""
    return _compiled(pattern, _Encoding.LATIN1)


def measured_size(config: object) -> int:
    """Instructions of the largest program that Envoy measures in *config*; 0 without any.

    The larger one of RE2's two ways to read a text: Envoys before 1.39 have the other.
    """
    return _largest(config, lambda matcher: "google_re2" not in matcher)


def tree_size(config: object) -> int:
    """Instructions of the largest program of a match tree in *config*; 0 without any."""
    return _largest(config, lambda matcher: "google_re2" in matcher)


def _largest(config: object, chosen: "Callable[[dict[str, object]], bool]") -> int:
    return max(map(_size, {regex for one, regex in _matchers(config) if chosen(one)}), default=0)


def _size(pattern: str) -> int:
    try:
        encodings = (_Encoding.LATIN1, _Encoding.UTF8)
        return max(int(_compiled(pattern, one).programsize) for one in encodings)
    except re2.error:
        return _NEVER


def _compiled(pattern: str, encoding: object) -> "re2._Regexp":
    options = re2.Options()
    options.encoding = encoding
    options.log_errors = False
    return re2.compile(pattern.encode(), options)


def _matchers(config: object) -> Iterator[tuple[dict[str, object], str]]:
    """Every ``RegexMatcher`` in *config*, and its pattern."""
    if isinstance(config, dict):
        if isinstance(regex := config.get("regex"), str):
            yield config, regex
        for value in config.values():
            yield from _matchers(value)
    elif isinstance(config, list | tuple):
        for value in config:
            yield from _matchers(value)
