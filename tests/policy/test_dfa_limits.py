"""Tables are minimal and always the same, and no pattern makes their compilation run away."""

import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colorfast.policy._dfa import STEPS, Dfa, compile_dfa, compile_within
from colorfast.policy._regex_limits import DfaError, Steps
from colorfast.policy._regex_syntax import MAX_DEPTH
from helpers.patterns import PATTERNS, Drawn

EVERY_BYTE = "".join(f"\\x{byte:02x}" for byte in range(256))
HOSTILE = [
    ".*a.{12}",
    "((a{1,100}){1,100}){1,100}",
    "(((a?){1000}){1000}){1000}",
    "a{999999999}",
    "(?:){999999999}",
    "(?:(?:(?:){1000}){1000}){1000}",
    "(?:a|b)*a(?:a|b){30}",
    ".{0,500}x.{0,500}",
    "(a?){500}a{500}",
    "((((((((a*)*)*)*)*)*)*)*){100}",
    "|".join(f"{number * 2654435761 % 2**32:x}" for number in range(3000)),
    "(?i)[^ü]{1000}",
    "".join(f"[^\\x{byte:02x}]?" for byte in range(40)),
    "".join(f"[^\\x{byte:02x}]?" for byte in range(256)),
    "".join(f"[^\\x{byte:02x}\\x{other:02x}]" for byte in range(99) for other in range(16)),
    "(?m)(^$|\n|^a$){300}",
    "a" * 100_000,
    "(" * 100_000,
    "[[:a" * 20_000 + "]",
    "[" * 100_000,
    r"\Q\E" * 20_000 + "a",
    r"\Q" + "a" * 100_000,
    EVERY_BYTE,
    rf"(?:\C?){{100}}|{EVERY_BYTE}",
    "(?i)" * 20_000 + "a",
    "a" + "*(?i)" * 20_000,
    "(?<" * 20_000,
    "|" * 100_000,
]


def outcome(steps: Steps, pattern: str) -> Dfa | str:
    try:
        return compile_within(steps, pattern, ignore_case=False, max_states=1000)
    except DfaError as error:
        return error.what


@pytest.mark.parametrize("pattern", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_pattern_ends_within_the_steps(pattern: str) -> None:
    """Lines that run are counted, so that a loop that forgets to spend its steps shows."""
    steps, lines = Steps(50_000), 0

    def count(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        outcome(steps, pattern)
    finally:
        sys.settrace(before)
    assert lines < 1000 + 15 * (50_000 - steps.left)


@given(st.text(alphabet="()[]{}|*+?.^$\\,-09aKé:imsUQECpP<>!=", max_size=200))
@settings(deadline=None)
def test_any_text_is_answered_or_refused(pattern: str) -> None:
    steps = Steps(50_000)
    result = outcome(steps, pattern)
    assert result
    assert isinstance(result, str) or result.states <= 1000


@pytest.mark.parametrize("repeated", ["({})*", "(?:{}|b)?", "(?:x{})*(?i)*", "(?:a|b{}){{1,2}}"])
def test_groups_as_deep_as_is_allowed_do_not_exhaust_the_stack(repeated: str) -> None:
    pattern = "a"
    for _ in range(MAX_DEPTH):
        pattern = repeated.format(pattern)
    outcome(Steps(STEPS), pattern)
    assert outcome(Steps(STEPS), f"({pattern})") == f"is nested deeper than {MAX_DEPTH} groups"


@settings(deadline=None)
@given(PATTERNS)
def test_the_same_pattern_has_the_same_table(drawn: Drawn) -> None:
    first = outcome(Steps(STEPS), drawn[0])
    assert outcome(Steps(STEPS), drawn[0]) == first
    if isinstance(first, Dfa):
        assert minimal(first)


def minimal(dfa: Dfa) -> bool:
    """No two states alike, no two classes alike, states in breadth-first order, dead one known."""
    rows = [dfa.table[at : at + dfa.width] for at in range(0, len(dfa.table), dfa.width)]
    parts = [int(state in dfa.accepting) for state in range(dfa.states)]
    while True:
        signs = [(part, *(parts[to] for to in row)) for part, row in zip(parts, rows, strict=True)]
        numbers = {sign: number for number, sign in enumerate(dict.fromkeys(signs))}
        if len(numbers) == len(set(parts)):
            break
        parts = [numbers[sign] for sign in signs]
    order = list(dict.fromkeys([0, *dfa.table]))
    dead = [at for at, row in enumerate(rows) if set(row) == {at} and at not in dfa.accepting]
    return (
        len(set(parts)) == dfa.states
        and len(set(zip(*rows, strict=True))) == dfa.width
        and order == list(range(dfa.states))
        and dead == ([] if dfa.dead is None else [dfa.dead])
        and len(dfa.classes) == 256
        and list(dict.fromkeys(dfa.classes)) == list(range(dfa.width))
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a|b", "[ab]"),
        ("(a*)*", "a*?"),
        ("aa*", "a+"),
        ("(ab|ac)d", "a[bc]d"),
        ("a^b", r"[^\x00-\xff]"),
        (r"\C*", r"(?:\C\C)*\C?"),
        ("x{2,3}y|x{4}y", "xx(x?x?)y"),
    ],
)
def test_patterns_that_take_the_same_texts_have_equal_tables(one: str, other: str) -> None:
    assert compile_dfa(one) == compile_dfa(other)


def test_the_table_of_one_letter() -> None:
    assert compile_dfa("a") == Dfa(
        classes=bytes(byte == ord("a") for byte in range(256)),
        width=2,
        table=(1, 2, 1, 1, 1, 1),
        accepting=frozenset({2}),
        dead=1,
    )


def test_a_pattern_that_takes_everything_has_one_state_and_none_dead() -> None:
    dfa = compile_dfa(r"\C*")
    assert (dfa.states, dfa.dead, dfa.fullmatch(b"\xff\n")) == (1, None, True)


def test_reading_stops_where_nothing_can_match_any_more() -> None:
    class Watched(bytes):
        def __iter__(self) -> Iterator[int]:
            yield from b"b"
            raise AssertionError("read on")

    assert not compile_dfa("a.*").fullmatch(Watched())


def test_a_pattern_that_takes_nothing_is_dead_from_the_start() -> None:
    dfa = compile_dfa("a^b")
    assert (dfa.states, dfa.dead, dfa.fullmatch(b"")) == (1, 0, False)


def test_the_limit_is_on_states_of_the_minimal_table() -> None:
    assert compile_dfa("a{998}").states == 1000
    assert compile_dfa("a{8}", max_states=10).states == 10
    with pytest.raises(DfaError, match=r"^needs more than 1000 states$"):
        compile_dfa("a{999}")
    with pytest.raises(DfaError, match=r"^needs more than 9 states$"):
        compile_dfa("a{8}", max_states=9)


@pytest.mark.parametrize(
    ("pattern", "what"),
    [
        (r"a\b", r"\b is not supported"),
        (r"\B", r"\B is not supported"),
        (r"\pL", r"\p is not supported"),
        (r"[\P{Greek}]", r"\P is not supported"),
        (r"\x{100}", r"\x is not supported"),
        ("a" + "*(?i)" * 2000, "repeats a repetition more than 2 times in a row"),
        ("a{999999999}", "takes too much work to turn into a table"),
        (".*a.{12}", "needs too many states"),
        ("(?:a?){500}a{500}", "takes too much work to turn into a table"),
        ("(?=a)", "has a kind of group that RE2 does not have"),
        ("\ud800", "is not text"),
    ],
)
def test_what_is_refused_is_said_in_plain_words(pattern: str, what: str) -> None:
    with pytest.raises(DfaError) as refused:
        compile_dfa(pattern)
    assert refused.value.what == what
