"""The regexes that strip a member inside Envoy, on the engine that Envoy has."""

import pytest
import re2
from hypothesis import example, given
from hypothesis import strategies as st

from colorfast.envoy import presence_regex, strip_regex
from colorfast.envoy._strip import KEEP
from colorfast.lane import Member

KEYS = ["lane", "x", "l.a+n*e", "a|b", "$^", "c#&'~`-_%!"]
members = st.sampled_from([Member(key) for key in KEYS])


def headers(*others: bytes) -> st.SearchStrategy[tuple[Member, bytes]]:
    """A member, and baggage made of what matters about its key."""

    def around(member: Member) -> st.SearchStrategy[tuple[Member, bytes]]:
        key = member.key.encode()
        words = [key, key + b"=", b"=", b",", b",", b" ", b"\t", b";", b"v", b"a=1", *others]
        words += [b"x" + key + b"=", key + b"2=", key.upper() + b"=", b"," + key + b"="]
        text = st.lists(st.sampled_from(words), max_size=14).map(b"".join)
        return text.map(lambda baggage: (member, baggage))

    return members.flatmap(around)


UTF8, LATIN1 = re2.Options.Encoding.UTF8, re2.Options.Encoding.LATIN1
both_modes = pytest.mark.parametrize("mode", [UTF8, LATIN1])


def compiled(regex: str, mode: re2.Options.Encoding) -> re2._Regexp:
    options = re2.Options()
    options.log_errors = False
    options.encoding = mode
    return re2.compile(regex.encode(), options)


def present(member: Member, baggage: bytes, mode: re2.Options.Encoding) -> bool:
    return compiled(presence_regex(member), mode).fullmatch(baggage) is not None


def stripped(member: Member, baggage: bytes, mode: re2.Options.Encoding) -> bytes:
    result: bytes = compiled(strip_regex(member), mode).sub(KEEP.encode(), baggage)
    return result


@both_modes
@given(case=headers("é".encode(), b"\xff", b"\xc3"))
def test_presence_is_what_the_codec_calls_ours(
    case: tuple[Member, bytes], mode: re2.Options.Encoding
) -> None:
    member, baggage = case
    assert present(member, baggage, mode) == bool(member.read(baggage).values)


@both_modes
@given(case=headers("é".encode()))
@example(case=(Member(), b"  a=1 ,\tlane = x;p , lane=y"))
@example(case=(Member(), b"lane=x,  lane=y, \tb"))
@example(case=(Member(), b"lane=x,,"))
def test_what_is_left_is_the_codecs_rest(
    case: tuple[Member, bytes], mode: re2.Options.Encoding
) -> None:
    member, baggage = case
    reading = member.read(baggage)
    if reading.values:
        assert stripped(member, baggage, mode) == reading.rest


@given(headers(b"\xff", b"\xc3"))
@example((Member(), b"a ,lane=\xff"))
def test_as_envoy_reads_it_any_bytes_leave_the_codecs_rest(case: tuple[Member, bytes]) -> None:
    member, baggage = case
    reading = member.read(baggage)
    if reading.values:
        assert stripped(member, baggage, LATIN1) == reading.rest


@given(headers(b"\xff", b"\xc3", b"\xe2\x82"))
@example((Member(), b"\xfflane=a,lane=b"))
@example((Member(), b"lane=a\xff,lane=b"))
@example((Member(), b"lane=\xff,\xff=1,lane=\xff ,lane=c"))
def test_in_utf8_mode_no_byte_hides_a_piece_of_ours(case: tuple[Member, bytes]) -> None:
    member, baggage = case
    reading = member.read(baggage)
    if reading.values:
        left = stripped(member, baggage, UTF8)
        assert not member.read(left).values
        assert left.rstrip(b" \t") == reading.rest
