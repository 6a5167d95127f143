"""The table of a regex takes exactly what RE2 takes."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from colorfast.policy._dfa import compile_dfa
from colorfast.policy._match import compile_regex
from colorfast.policy._regex_chars import POSIX, Ranges, complement, merge
from colorfast.policy._regex_limits import DfaError
from helpers.patterns import PATTERNS, SOUPS, Drawn, accepted, near, probes

MAY_REFUSE = ("has alternatives that are all characters", "needs", "takes too much work", "repeats")
RANDOM = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


def agree(pattern: str, *texts: bytes) -> None:
    full_match = accepted(pattern)
    try:
        dfa = compile_dfa(pattern)
    except DfaError as error:
        assert error.what.startswith(MAY_REFUSE)  # noqa: PT017
        return
    for text in (*texts, *probes(dfa)):
        assert dfa.fullmatch(text) == bool(full_match(text)), text


@RANDOM
@given(PATTERNS, st.binary(max_size=8))
def test_random_patterns_take_what_re2_takes(drawn: Drawn, noise: bytes) -> None:
    pattern, text = drawn
    agree(pattern, noise, *near(text))


@RANDOM
@given(SOUPS)
def test_whatever_re2_accepts_is_read_as_re2_reads_it(pattern: str) -> None:
    agree(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        *("", "abc", "/api/v[0-9]+/.*", "(foo|bar)+", "(|a)*", "(a*)*b", "a**" * 0, "x{0}", "x{2,}"),
        *("a*(?i)*", r"a*\Q\E*", "a(?i)*", "a{", "a{,5}", "a{01}", "a{1234567890}", "{", "]}"),
        *(r"\Qa", r"\Q\\E", r"\Q\a\E", r"\Qa\E+", r"[[a]", "[[:a]", "[a-b-c]", "[--a]", "[---]"),
        *("[]a]", "[^]a]", r"[\d-z]", "[a-]", r"[\Q]" * 0, "(?i:a(?-i)b)c", "((?i)a)b", "a|b(?i)c|d"),
        *("(?P<n>a)(?<m>b)", "(?)a", "(?i-s)a", "(?U)a+?", "^a$", "a^b", "a$b", "(^a)*", "(a$)*"),
        *("$^", "^*", "$+", r"\A{2}", "(^|a)+b", "(?m)^a$\n^b$", "(?m)$^\n^$", "(?m)(^a$\n?)*"),
        *("(?m)a$b", "(?m)$.", "(?ms)$.^", "(?m)^+", "(?m)$", "(?m)(a|$\n)*^", "(?s)^.$.", "(?m)^.*$"),
        *(".", "(?s).", r"\C", r"\C+é", "[^é]", "[^a]", r"[\x{81}-\x{10FFFF}]", r"\x{D800}", r"\W"),
        *(".|é", "([^é]|ü)", "[^é]*|a", r"[^\x00-\x{10FFFF}]", "a[^\x00-\U0010ffff]|b", r"\777"),
        *("(?i)k", "(?i)[^k]", r"(?i)\w", r"(?i)\W", r"(?i)[\W]", r"(?i)[^\W]", "(?i)[[:^lower:]]"),
        *("(?i)é", "(?i)[à-ÿ]", "(?i)ß", "(?i)σ", "(?i)[α-ω]", "(?i)ı", "(?i)İ", "(?i)ǆ", "(?i)\u0345"),
    ],
)  # fmt: skip
def test_what_re2_is_known_for_is_taken_over(pattern: str) -> None:
    compile_dfa(pattern)
    agree(pattern, b"", b"a", b"aa", b"\n", b"a\n", b"\na", b"a\nb", *near(pattern.encode()))


ALL = "".join(map(chr, range(0x110000)))
ONE_CHARACTER = [
    *(".", "(?s).", r"\d", r"\D", r"\s", r"\S", r"\w", r"\W", r"(?i)\w", r"(?i)\W", r"\x41", r"\101"),
    *(r"\a", r"\f", r"\n", r"\r", r"\t", r"\v", r"\x{10FFFF}", r"\x{d800}", r"\.", r"\Q.\E"),
    *(f"[[:{name}:]]" for name in POSIX),
    *(f"[[:^{name}:]x]" for name in POSIX),
    *("[^a]", "[^é]", "[é-ü]", "[^é-ü€]", r"[\x{7ff}-\x{800}]", r"[\x{fff0}-\x{10010}]", "(?i)k"),
    *("(?i)[^k]", "(?i)s", "(?i)[S-s]", "(?i)[[:upper:]]", "(?i)[^[:lower:]]", "(?i)[À-ž]", "(?i)[Ѐ-џ]"),
    *(r"(?i)[\x{1E00}-\x{1FD2}]", r"(?i)[\x{13A0}-\x{13FD}]", r"(?i)[\x{10400}-\x{10427}]"),
]  # fmt: skip


@pytest.mark.parametrize("pattern", ONE_CHARACTER)
def test_every_code_point_is_in_the_sets_that_re2_has_it_in(pattern: str) -> None:
    taken = code_points(pattern)
    assert compile_regex(f"(?:{pattern})*")(text_of(taken))
    # A character is never found between two others, so one search looks at all of them.
    assert not compile_regex(rf"\C*(?:{pattern})\C*")(text_of(complement(taken)))


def text_of(ranges: Ranges) -> bytes:
    text = "".join(ALL[low : high + 1] for low, high in ranges)
    return text.encode("utf-8", "surrogatepass")


def code_points(pattern: str) -> Ranges:
    """The code points that the table of *pattern* takes, found by walking it."""
    dfa = compile_dfa(pattern)
    leads = [
        (0, 0, 0x80, 0),
        (0x80, 0xC2, 0xE0, 1),
        (0x800, 0xE0, 0xF0, 2),
        (0x10000, 0xF0, 0xF5, 3),
    ]
    known: dict[tuple[int, int], Ranges] = {}

    def tails(state: int, left: int) -> Ranges:
        if (state, left) not in known:
            found = [(0, 0)] if state in dfa.accepting and not left else []
            for byte in range(0x80, 0xC0) if left else ():
                base = (byte & 0x3F) << 6 * (left - 1)
                inner = tails(dfa.table[state * dfa.width + dfa.classes[byte]], left - 1)
                found += [(base + low, base + high) for low, high in inner]
            known[state, left] = merge(found)
        return known[state, left]

    found = []
    for lowest, first, stop, left in leads:
        for byte in range(first, stop):
            base = (byte if not left else byte & (0x3F >> left)) << 6 * left
            for low, high in tails(dfa.table[dfa.classes[byte]], left):
                found.append((max(base + low, lowest), min(base + high, 0x10FFFF)))
    return merge((low, high) for low, high in found if low <= high)
