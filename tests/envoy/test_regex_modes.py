"""Regexes that every Envoy reads alike, and those that it depends on the Envoy for."""

from collections.abc import Callable, Iterator

import pytest
import re2
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from colorfast.envoy._regex_modes import same_in_utf8
from colorfast.policy import compile_dfa
from helpers.patterns import PATTERNS, Drawn, near, probes

SAME = ["v[0-9]+", "", "a|bc?", r"\d+-\w+", "[!-~]*", "(?i)pc", "pc(?i:x)", r"\x41", "[[:alpha:]]+"]
OTHERWISE: dict[str, str | bytes] = {
    "caf.": "café",
    "caf..": "café",
    ".*": b"\xff",
    "/api/.*": b"/api/\xff",
    "[^x]": "é",
    r"\D": "é",
    r"\S": "é",
    r"\W": "é",
    "é?": b"\xc3",
    "[é]": b"\xc3",
    r"\xe9": b"\xe9",
    r"[^\x80-\xff]": "\u212a",
    r"[^\200-\377]": "\u212a",
    "(?i)k": "\u212a",
    "(?i:shop)": "\u017fhop",
    "(?i)[a-z]": "\u212a",
    "[[:^alpha:]]": "é",
}
"""Patterns, each with a text that one way takes and the other does not."""


def matcher(pattern: str, encoding: object, *, ignore_case: bool) -> Callable[[bytes], bool]:
    options = re2.Options()
    options.encoding = encoding
    options.case_sensitive = not ignore_case
    options.log_errors = False
    compiled = re2.compile(pattern.encode(), options)
    return lambda text: compiled.fullmatch(text) is not None


def both(
    pattern: str, *, ignore_case: bool = False
) -> tuple[Callable[[bytes], bool], Callable[[bytes], bool]]:
    """On bytes, and as UTF-8."""
    kinds = re2.Options.Encoding
    return (
        matcher(pattern, kinds.LATIN1, ignore_case=ignore_case),
        matcher(pattern, kinds.UTF8, ignore_case=ignore_case),
    )


def beyond(text: bytes) -> Iterator[bytes]:
    """*text* with something above ASCII in it."""
    yield from near(text)
    yield text.replace(b"k", "\u212a".encode()).replace(b"s", "\u017f".encode())
    for at in range(len(text) + 1):
        for other in (b"\xff", "é".encode(), "\u212a".encode(), "\u017f".encode()):
            yield text[:at] + other + text[at:]
            yield text[:at] + other + text[at + 1 :]


@pytest.mark.parametrize("pattern", SAME)
def test_what_takes_ascii_only_is_the_same(pattern: str) -> None:
    assert same_in_utf8(pattern, ignore_case=False)


@pytest.mark.parametrize("pattern", OTHERWISE)
def test_what_may_take_more_is_not_the_same_and_a_text_shows_it(pattern: str) -> None:
    assert not same_in_utf8(pattern, ignore_case=False)
    text = OTHERWISE[pattern]
    on_bytes, as_utf8 = both(pattern)
    data = text.encode() if isinstance(text, str) else text
    assert on_bytes(data) != as_utf8(data)


def test_what_has_no_table_is_not_known_to_be_the_same() -> None:
    assert not same_in_utf8(r"\bx", ignore_case=False)


def test_a_folded_letter_may_be_another_sign() -> None:
    assert same_in_utf8("pc", ignore_case=True)
    assert not same_in_utf8("task", ignore_case=True)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(PATTERNS, st.booleans())
def test_what_is_said_to_be_the_same_is_the_same(drawn: Drawn, ignore_case: bool) -> None:
    pattern, text = drawn
    assume(pattern.isascii())
    try:
        on_bytes, as_utf8 = both(pattern, ignore_case=ignore_case)
    except re2.error:
        assume(False)
        raise
    assume(same_in_utf8(pattern, ignore_case=ignore_case))
    texts = [text, *probes(compile_dfa(pattern, ignore_case=ignore_case), most=30)]
    for one in texts:
        for other in beyond(one[:12]):
            assert on_bytes(other) == as_utf8(other), (pattern, other)
