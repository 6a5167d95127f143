"""The member codec, against the grammar said in the plainest way and against its own words."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colorfast.lane import OWS, Member, join_lines

LANE = Member("lane")

PIECES = [
    b"lane",
    b"=",
    b",",
    b" ",
    b"\t",
    b";",
    b"x",
    b"lane=a",
    b"lane2",
    b"xlane",
    b"\xff",
    b'"',
]
baggage_values = st.lists(st.sampled_from(PIECES) | st.binary(max_size=3), max_size=24).map(
    b"".join
)
lanes = st.from_regex(r"[a-z0-9]([a-z0-9._-]{0,8}[a-z0-9])?", fullmatch=True)


def plainly(baggage: bytes) -> tuple[tuple[bytes, ...], list[bytes]]:
    """Our values and the other pieces, read off the definition word by word."""
    ours, others = [], []
    for piece in baggage.split(b","):
        after_key = piece.lstrip(OWS).removeprefix(b"lane").lstrip(OWS)
        if piece.lstrip(OWS).startswith(b"lane") and after_key.startswith(b"="):
            ours.append(after_key[1:].partition(b";")[0].strip(OWS))
        else:
            others.append(piece)
    return tuple(ours), others


@given(baggage_values)
def test_reading_is_the_definition(baggage: bytes) -> None:
    values, others = plainly(baggage)
    reading = LANE.read(baggage)
    assert reading.values == values
    assert reading.rest == b",".join(others).strip(OWS)
    assert reading.pieces == (len(others) if baggage else 0)


@given(baggage_values, lanes)
def test_what_is_written_is_read_back(baggage: bytes, lane: str) -> None:
    rest = LANE.read(baggage).rest
    again = LANE.read(LANE.write(lane, rest))
    assert again.values == (lane.encode(),)
    assert again.rest == rest


@given(baggage_values)
def test_stripping_leaves_none_of_ours_and_is_done_once(baggage: bytes) -> None:
    stripped = LANE.strip(baggage)
    assert LANE.read(stripped).values == ()
    assert LANE.strip(stripped) is stripped


@given(baggage_values)
def test_baggage_without_ours_comes_back_untouched(baggage: bytes) -> None:
    if not plainly(baggage)[0]:
        assert LANE.strip(baggage) is baggage


@pytest.mark.parametrize(
    "piece",
    [
        b"lane=a",
        b" lane=a",
        b"\tlane =a",
        b"lane\t= a ",
        b"lane=a;p=1",
        b"lane=a ;p",
        b" \t lane = a",
    ],
)
def test_every_way_to_write_our_member_is_ours(piece: bytes) -> None:
    assert LANE.read(b"x=1," + piece + b",y=2") == ((b"a",), b"x=1,y=2", 2)


@pytest.mark.parametrize(
    "piece",
    [
        b"xlane=a",
        b"lane2=a",
        b"Lane=a",
        b"lane",
        b"k;lane=a",
        b"k=1;lane=a",
        b"=lane=a",
        b"la ne=a",
    ],
)
def test_look_alikes_are_not_ours(piece: bytes) -> None:
    assert LANE.read(piece).values == ()
    assert LANE.read(piece).rest == piece


def test_a_value_may_hold_what_it_likes_up_to_the_semicolon() -> None:
    assert LANE.read(b"lane=a=b%20;p").values == (b"a=b%20",)
    assert LANE.read(b"lane=").values == (b"",)


def test_several_lines_are_one_value() -> None:
    assert join_lines([b"a=1", b"lane=x"]) == b"a=1,lane=x"


def test_the_key_may_hold_what_a_pattern_would_take_for_syntax() -> None:
    assert Member("a.b+c").read(b"axb+c=1,a.b+c=2").values == (b"2",)


@pytest.mark.parametrize("key", ["", "a b", "a=b", "a,b", "é", "a;b"])
def test_a_key_is_a_token(key: str) -> None:
    with pytest.raises(ValueError, match="not a token"):
        Member(key)


HOSTILE = [b"lane", b" ", b",", b", ", b",lane", b"lane=", b",lane ", b";", b" \t", b",\t lane\t ="]


@pytest.mark.parametrize("piece", HOSTILE)
def test_the_pattern_has_no_way_to_back_track(piece: bytes) -> None:
    # Every repetition is possessive, and an attempt needs a comma to start and stops at the next
    # one: so each byte is looked at by one attempt, whatever the input. Read off the pattern:
    pattern = LANE._find.__self__.pattern  # type: ignore[attr-defined]
    assert pattern == rb",[ \t]*+lane[ \t]*+=([^,;]*+)[^,]*+"
    # and seen in the result: pieces never overlap and never reach over a comma.
    text = b"," + piece * 500
    spans = [match.span() for match in LANE._find(text)]
    assert all(b"," not in text[start + 1 : end] for start, end in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
