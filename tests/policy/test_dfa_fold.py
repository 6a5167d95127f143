"""Case: RE2's (?i) goes by Unicode, a policy's ignoreCase by ASCII."""

import pytest
import re2
from hypothesis import HealthCheck, given, settings

from colorfast.policy._dfa import compile_dfa
from colorfast.policy._match import compile_regex
from colorfast.policy._regex_fold import UNSETTLED, _orbits
from colorfast.policy._regex_limits import DfaError
from colorfast.policy._regex_print import fold_ascii
from helpers.patterns import PATTERNS, Drawn, accepted, near, probes

LETTERS, ORBITS = _orbits()
UNSURE = {point for pair in UNSETTLED for point in pair}
RANDOM = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


def size(pattern: str) -> int:
    options = re2.Options()
    options.log_errors = False
    return int(re2.compile(pattern.encode(), options).programsize)


def test_every_letter_folds_to_what_re2_folds_it_to() -> None:
    letters = "".join(map(chr, LETTERS)).encode()
    for letter, orbit in zip(LETTERS, ORBITS, strict=True):
        if letter not in UNSURE:
            found = re2.compile(rf"(?i)\x{{{letter:x}}}".encode()).findall(letters)
            assert tuple(ord(each.decode()) for each in found) == orbit


def test_no_other_character_of_the_first_two_planes_folds() -> None:
    """A literal that does not fold costs an instruction a byte, and neighbours stay apart."""
    empty = size("(?i)a") - 1
    for start in range(0x80, 0x20000, 0x400):
        chars = [chr(c) for c in range(start, start + 0x400) if c not in UNSURE | set(LETTERS)]
        chars = [char for char in chars if not "\ud800" <= char <= "\udfff"]
        text = "".join(chars)
        assert size(rf"(?i)\Q{text}") == empty + len(text.encode())
        even = "".join(char for char in chars if ord(char) % 2 == 0)
        odd = "".join(char for char in chars if ord(char) % 2)
        assert not even or not re2.search(rf"(?i)[{even}]".replace("\\", r"\\"), odd)


def test_no_character_of_the_other_planes_folds() -> None:
    for start in range(0x20000, 0x110000, 0x100):
        block = rf"[\x{{{start:x}}}-\x{{{start + 0xFF:x}}}]"
        assert size(f"(?i){block}") == size(block)


@pytest.mark.parametrize("pair", UNSETTLED, ids=lambda pair: f"{pair[0]:04X}")
def test_a_letter_that_unicode_versions_fold_differently_is_refused(pair: tuple[int, int]) -> None:
    for point in pair:
        with pytest.raises(DfaError, match="depends on the version of Unicode"):
            compile_dfa(rf"(?i)[a\x{{{point:x}}}]")
    compile_dfa(rf"(?i)[\x{{{pair[0]:x}}}\x{{{pair[1]:x}}}]")
    compile_dfa(rf"\x{{{pair[0]:x}}}")


@RANDOM
@given(PATTERNS)
def test_a_table_that_ignores_case_is_that_of_the_folded_pattern(drawn: Drawn) -> None:
    pattern, text = drawn
    accepted(pattern)
    try:
        dfa = compile_dfa(pattern, ignore_case=True)
    except DfaError:
        return
    folded = compile_regex(fold_ascii(pattern))
    for probe in (*near(text), *probes(dfa, 300)):
        assert dfa.fullmatch(probe) == bool(folded(probe)), probe


@RANDOM
@given(PATTERNS)
def test_a_folded_pattern_stays_as_it_is(drawn: Drawn) -> None:
    accepted(drawn[0])
    try:
        folded = fold_ascii(drawn[0])
    except DfaError:
        return
    compile_regex(folded)
    assert fold_ascii(folded) == folded


@RANDOM
@given(PATTERNS)
def test_within_ascii_it_is_what_re2_does_without_case(drawn: Drawn) -> None:
    pattern, text = drawn
    accepted(pattern)
    if not pattern.isascii() or "10FFFF" in pattern or not text.isascii():
        return
    options = re2.Options()
    options.case_sensitive = False
    expected, folded = re2.compile(pattern.encode(), options), compile_regex(fold_ascii(pattern))
    for probe in near(text):
        if probe.isascii():
            assert bool(folded(probe)) == bool(expected.fullmatch(probe)), probe


SETS = [
    *("a", "K", "é", "\u212a", "ſ", "[a-k]", "[Z-a]", "[k-s0é]", "[[:lower:]]", r"\w", r"\d", "."),
    *(
        "[^k]",
        "[^a-c]",
        r"\W",
        "[^[:lower:]]",
        "[[:^upper:]]",
        "[^é]",
        "[^ſ]",
        r"[^\W]",
        "[^\u212a]",
    ),
]


@pytest.mark.parametrize("pattern", SETS)
def test_folding_adds_the_other_case_of_ascii_letters_and_nothing_else(pattern: str) -> None:
    domain = [chr(c) for c in range(0x2200)]
    plain, folded = compile_regex(pattern), compile_regex(fold_ascii(pattern))
    negated = pattern.startswith(("[^", "[[:^", r"\W")) and pattern != r"[^\W]"
    listed = {char for char in domain if bool(plain(char.encode())) != negated}
    both = listed | {char.swapcase() for char in listed if char.isascii()}
    assert {char for char in domain if bool(folded(char.encode())) != negated} == both


@pytest.mark.parametrize(
    ("pattern", "folded"),
    [
        ("/api/v[0-9]+/.*", "/[Aa][Pp][Ii]/[Vv][0-9]+/.*"),
        (r"\d{1,3}\.(a|b)?", r"\d{1,3}\.(?:[Aa]|[Bb])?"),
        ("[^k]é", r"[^Kk]\x{e9}"),
        ("(?i)k", r"[Kk\x{212a}]"),
        ("(?-i)k|k", "k|k"),
        ("(?P<n>ab){2,}?", "(?:[Aa][Bb]){2,}"),
        (r"^\bx\B$|(?m)^$", r"^\b[Xx]\B$|(?m:^)(?m:$)"),
        (r"\Q[a]\E\C", r"\[[Aa]\]\C"),
        ("[[:punct:]]", r"[!-/:-@\[-`{-~]"),
    ],
)
def test_a_folded_pattern_is_readable(pattern: str, folded: str) -> None:
    assert fold_ascii(pattern) == folded


@pytest.mark.parametrize("pattern", [r"\pL", "[^é]|é", "(?i)\u0264"])
def test_a_pattern_that_cannot_be_folded_exactly_is_refused(pattern: str) -> None:
    with pytest.raises(DfaError):
        fold_ascii(pattern)
