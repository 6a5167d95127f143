"""Random RE2 patterns, and texts that they nearly match: what the table of a regex is tried with."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import re2
from hypothesis import assume
from hypothesis import strategies as st

from colorfast.policy._dfa import Dfa
from colorfast.policy._match import compile_regex

Drawn: TypeAlias = tuple[str, bytes]
"""A pattern, and a text that its parts suggest: mostly a match, or close to one."""

_ATOMS: tuple[Drawn, ...] = (
    *((char, char.encode()) for char in "abkKsSzZ09-_/:, éÉß€😀]}{\n\x00\x7f"),
    ("\u212a", b"k"),
    ("é", b"\xe3\xa9"),
    (r"\.", b"."),
    (r"\_", b"_"),
    (r"\x41", b"a"),
    (r"\xe9", b"\xc9"),
    (r"\x{00ff}", b"\xff"),
    (r"\101", b"A"),
    (r"\0", b"\x00"),
    (r"\377", b"\xff"),
    (r"\a\f\t\n\r\v", b"\x07\x0c\t\n\r\x0b"),
    (r"\d", b"7"),
    (r"\D", b"\xb2"),
    (r"\w", b"\xaa"),
    (r"\W", b"\xe0"),
    (r"\s", b"\x0b"),
    (r"\S", b"\xa0"),
    (".", b"\xff"),
    (".", b"\n"),
    ("(?s:.)", b"\n"),
    (r"\C", b"\n"),
    ("^", b""),
    ("$", b""),
    (r"\A", b""),
    (r"\z", b""),
    ("(?m:^)", b""),
    ("(?m:$)", b"\n"),
    ("(?m)", b""),
    ("(?s)", b"\n"),
    ("(?i)", b""),
    ("(?-i)", b""),
    ("(?U)", b""),
    (r"\Qa.b*\E", b"a.b*"),
    (r"\Q\E", b""),
    ("{,2}", b"{,2}"),
    ("a{01}", b"a{01}"),
    ("(?:)", b""),
    ("()", b""),
)
_MEMBERS: tuple[Drawn, ...] = (
    *((char, char.encode()) for char in "aks0K_ é€.*$|(){}\n"),
    ("\u212a", b"K"),
    ("a-k", b"J"),
    ("A-z", b"^"),
    (r"\xe0-\xef", b"\xc9"),
    (r"\x{80}-\x{ff}", b"\x80"),
    (r"\x{7f}-\377", b"\x7f"),
    (r"\d", b"5"),
    (r"\W", b"k"),
    (r"\s", b"\t"),
    (r"\S", b" "),
    ("[:lower:]", b"Q"),
    ("[:^alpha:]", b"1"),
    ("[:punct:]", b"~"),
    (r"\]\-\^\\", b"-"),
    (r"\060-9", b"3"),
    ("[", b"["),
    ("+--", b","),
)


@st.composite
def classes(draw: st.DrawFn) -> Drawn:
    members = draw(st.lists(st.sampled_from(_MEMBERS), min_size=1, max_size=4))
    head = draw(st.sampled_from(["[", "[", "[^", "[]", "[^]", "[-"]))
    tail = draw(st.sampled_from(["]", "]", "-]"]))
    return head + "".join(text for text, _ in members) + tail, draw(st.sampled_from(members))[1]


_REPEATS: tuple[tuple[str, int], ...] = (
    *(("*", 2), ("*", 0), ("+", 3), ("?", 1), ("{0}", 0), ("{2}", 2), ("{1}", 1)),
    *(("{1,}", 3), ("{3,}", 2), ("{0,2}", 2), ("{2,4}", 5), ("{2,3}", 3), ("{,3}", 1)),
)
_GROUPS = ("(", "(?:", "(?i:", "(?s:", "(?m:", "(?-i:", "(?ims-U:", "(?i", "(?-ism)(", "(?i)(?:")


@st.composite
def _repeated(draw: st.DrawFn, inner: st.SearchStrategy[Drawn]) -> Drawn:
    text, example = draw(inner)
    sign, count = draw(st.sampled_from(_REPEATS))
    lazy = draw(st.sampled_from(["", "", "?"])) if sign != "{,3}" else ""
    return text + sign + lazy, example * count


@st.composite
def _grouped(draw: st.DrawFn, inner: st.SearchStrategy[Drawn]) -> Drawn:
    text, example = draw(inner)
    head = draw(st.sampled_from(_GROUPS))
    return f"{head}{')' if head == '(?i' else ''}{text}{')' if head != '(?i' else ''}", example


def _joined(parts: list[Drawn]) -> Drawn:
    return "".join(text for text, _ in parts), b"".join(example for _, example in parts)


def _inner(inner: st.SearchStrategy[Drawn]) -> st.SearchStrategy[Drawn]:
    several = st.lists(inner, min_size=1, max_size=4)
    chosen = several.flatmap(
        lambda parts: st.sampled_from(parts).map(
            lambda one: ("(" + "|".join(text for text, _ in parts) + ")", one[1])
        )
    )
    return st.one_of(several.map(_joined), chosen, _grouped(inner), _repeated(_grouped(inner)))


_LEAVES = st.one_of(st.sampled_from(_ATOMS), classes(), _repeated(st.sampled_from(_ATOMS)))
PATTERNS = st.recursive(_LEAVES, _inner, max_leaves=12)
"""Patterns that are mostly right, each with a text."""

_SOUP = [
    "(",
    ")",
    "|",
    "[",
    "]",
    "*",
    "?",
    "{2}",
    "(?:",
    "(?i)",
    "a",
    "k",
    "é",
    r"\w",
    ".",
    "^",
    "-",
]
SOUPS = st.lists(st.sampled_from(_SOUP), max_size=12).map("".join)
"""Patterns that are mostly wrong."""


def accepted(pattern: str, *, ignore_case: bool = False) -> Callable[[bytes], object]:
    """RE2's full match for *pattern*; without one the drawn example is thrown away."""
    try:
        return compile_regex(pattern, ignore_case=ignore_case)
    except re2.error:
        assume(False)
        raise


def near(text: bytes) -> Iterator[bytes]:
    """*text*, and texts that differ from it in little."""
    yield from (text, text.swapcase(), text + b"\n", text + b"a", b"a" + text, text[:-1], text[1:])
    for at in range(min(len(text), 6)):
        yield text[:at] + text[at + 1 :]
        yield text[:at] + bytes([text[at] ^ 0x01]) + text[at + 1 :]
        yield text[:at] + bytes([text[at] ^ 0x40]) + text[at + 1 :]


def probes(dfa: Dfa, most: int = 1500) -> Iterator[bytes]:
    """For every state, a text that leads there, then each border byte of each class, then an end.

    The end is one that is taken from where the byte should have led; so a wrong transition shows.
    """
    to_end = _ends(dfa)
    count = 0
    for state, start in _starts(dfa).items():
        yield start
        for byte in _border_bytes(dfa):
            to = dfa.table[state * dfa.width + dfa.classes[byte]]
            yield start + bytes([byte]) + to_end.get(to, b"")
            yield start + bytes([byte])
            count += 2
        if count > most:
            return


def _border_bytes(dfa: Dfa) -> list[int]:
    changes = [byte for byte in range(1, 256) if dfa.classes[byte] != dfa.classes[byte - 1]]
    return sorted({0, 255, *changes, *(byte - 1 for byte in changes)})


def _starts(dfa: Dfa) -> dict[int, bytes]:
    starts = {0: b""}
    for state in range(dfa.states):  # breadth first is their order
        for byte in _border_bytes(dfa):
            to = dfa.table[state * dfa.width + dfa.classes[byte]]
            starts.setdefault(to, starts[state] + bytes([byte]))
    return starts


def _ends(dfa: Dfa) -> dict[int, bytes]:
    ends = dict.fromkeys(dfa.accepting, b"")
    grown = True
    while grown:
        grown = False
        for state in range(dfa.states):
            for byte in () if state in ends else _border_bytes(dfa):
                to = dfa.table[state * dfa.width + dfa.classes[byte]]
                if to in ends:
                    ends[state] = bytes([byte]) + ends[to]
                    grown = True
                    break
    return ends
