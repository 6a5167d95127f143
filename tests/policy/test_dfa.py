"""The table of a regex takes exactly what RE2 takes."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from colorfast.policy._dfa import compile_dfa
from colorfast.policy._match import compile_regex
from colorfast.policy._regex_limits import DfaError
from colorfast.policy._regex_sets import POSIX
from helpers.patterns import PATTERNS, SOUPS, Drawn, accepted, near, probes

MAY_REFUSE = ("needs", "takes too much work", "repeats")
BYTES = [bytes([byte]) for byte in range(256)]
RANDOM = settings(
    deadline=None,
    max_examples=300,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


def agree(pattern: str, *texts: bytes, ignore_case: bool = False) -> None:
    full_match = accepted(pattern, ignore_case=ignore_case)
    try:
        dfa = compile_dfa(pattern, ignore_case=ignore_case)
    except DfaError as error:
        assert error.what.startswith(MAY_REFUSE)  # noqa: PT017
        return
    for text in (*texts, *probes(dfa)):
        assert dfa.fullmatch(text) == bool(full_match(text)), text


@RANDOM
@given(PATTERNS, st.binary(max_size=8), st.booleans())
def test_random_patterns_take_what_re2_takes(drawn: Drawn, noise: bytes, ignore_case: bool) -> None:
    pattern, text = drawn
    agree(pattern, noise, *near(text), ignore_case=ignore_case)


@settings(RANDOM, max_examples=150)
@given(SOUPS)
def test_whatever_re2_accepts_is_read_as_re2_reads_it(pattern: str) -> None:
    agree(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        *("", "abc", "/api/v[0-9]+/.*", "(foo|bar)+", "(|a)*", "(a*)*b", "x{0}", "x{2,}", "(?:)*"),
        *("a*(?i)*", r"a*\Q\E*", "a(?i)*", "a{", "a{,5}", "a{01}", "a{1234567890}", "{", "]}"),
        *(r"\Qa", r"\Q\\E", r"\Q\a\E", r"\Qa\E+", "[[a]", "[[:a]", "[a-b-c]", "[--a]", "[---]"),
        *("[]a]", "[^]a]", r"[\d-z]", "[a-]", "(?i:a(?-i)b)c", "((?i)a)b", "a|b(?i)c|d", r"\0a"),
        *("(?P<n>a)(?<m>b)", "(?)a", "(?i-s)a", "(?U)a+?", "^a$", "a^b", "a$b", "(^a)*", "(a$)*"),
        *("$^", "^*", "$+", r"\A{2}", "(^|a)+b", "(?m)^a$\n^b$", "(?m)$^\n^$", "(?m)(^a$\n?)*"),
        *("(?m)a$b", "(?m)$.", "(?ms)$.^", "(?m)^+", "(?m)$", "(?m)(a|$\n)*^", "(?s)^.$.", "(?m)^.*$"),
        *("é", "[é]", "[^é]", "é?", "[à-ÿ]", "[^é]|é", "(?i)É", "(?i)[É]", "(?i)\u212a", "(?i)[\u017f]"),
        *(r"[^\x00-\xff]", "a[^\x00-\x7f\x80-\xbf]|b", r"\x{0000041}", r"\12", r"\1011", r"\08"),
        *("(?i)k", "(?i)[^k]", r"(?i)\w", r"(?i)\W", r"(?i)[\W]", r"(?i)[^\W]", "(?i)[[:^lower:]]"),
    ],
)  # fmt: skip
def test_what_re2_is_known_for_is_taken_over(pattern: str) -> None:
    compile_dfa(pattern)
    agree(pattern, b"", b"a", b"aa", b"\n", b"a\n", b"\na", b"a\nb", *near(pattern.encode()))


@pytest.mark.parametrize(
    "pattern",
    [
        *(".", "(?s).", r"\C", r"\d", r"\D", r"\s", r"\S", r"\w", r"\W", r"[^\D]", r"[\s\S]", r"\."),
        *(r"\a", r"\f", r"\n", r"\r", r"\t", r"\v", r"\x{ff}", r"\Q.\E", "[^a]", r"[^\n]", r"[\x80-\xbf]"),
        *(f"[[:{name}:]]" for name in POSIX),
        *(f"[[:^{name}:]x]" for name in POSIX),
        *(f"(?i)[^[:{name}:]]" for name in POSIX),
    ],
)  # fmt: skip
def test_every_byte_is_in_the_sets_that_re2_has_it_in(pattern: str) -> None:
    agree_on_bytes(pattern)


@pytest.mark.parametrize("escape", ["\\x{:02x}", "(?i)\\x{{{:x}}}", "(?i)[\\{:03o}-\\377]"])
def test_every_byte_can_be_written_as_a_number(escape: str) -> None:
    for byte in range(256):
        agree_on_bytes(escape.format(byte))


def agree_on_bytes(pattern: str) -> None:
    dfa, full_match = compile_dfa(pattern), compile_regex(pattern)
    assert [dfa.fullmatch(byte) for byte in BYTES] == [bool(full_match(byte)) for byte in BYTES]


@pytest.mark.parametrize(
    ("pattern", "folded"),
    [
        (r"\x{0:02x}", r"[\x{0:02x}\x{1:02x}]"),
        (r"[\x{0:02x}]", r"[\x{0:02x}\x{1:02x}]"),
        (r"[^\x{0:02x}]", r"[^\x{0:02x}\x{1:02x}]"),
        (r"\Qx\E\x{0:02x}", r"[xX](?:\x{0:02x}|\x{1:02x})"),
    ],
)
def test_case_is_that_of_ascii_letters_only(pattern: str, folded: str) -> None:
    for byte in range(256):
        other = bytes([byte]).swapcase()[0]
        expected = compile_dfa(folded.format(byte, other))
        assert compile_dfa(pattern.format(byte), ignore_case=True) == expected
        assert compile_dfa("(?i)" + pattern.format(byte)) == expected
