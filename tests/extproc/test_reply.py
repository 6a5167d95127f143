"""Answers written by hand are those that protobuf writes, byte for byte."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colorfast.extproc._reply import around_rest, reply
from colorfast.policy import Outcome

HEADER, BAGGAGE = "x-lane", "baggage"
rests = st.binary(min_size=1, max_size=300)


def dyed(value: bytes) -> Outcome:
    return Outcome("canary", "pc-users", ((HEADER, b"canary"), (BAGGAGE, value)))


def undyed(value: bytes) -> Outcome:
    return Outcome(None, None, ((BAGGAGE, value),), (HEADER,))


@pytest.mark.parametrize("digest", [None, "bc31e83871fe201d"])
@pytest.mark.parametrize("outcome", [dyed, undyed])
@given(value=rests, other=rests)
def test_only_the_value_of_baggage_differs(
    outcome: Callable[[bytes], Outcome], digest: str | None, value: bytes, other: bytes
) -> None:
    write = around_rest(outcome(other), digest)
    assert write(value) == reply(outcome(value), digest)


@pytest.mark.parametrize("size", [1, 80, 127, 128, 2047, 2048, 16383, 16384, 59 * 1024])
def test_lengths_of_every_width_are_written(size: int) -> None:
    value = b"a" * size
    for outcome in (dyed, undyed):
        assert around_rest(outcome(b"x"), None)(value) == reply(outcome(value), None)
