"""The table of stream states, against the picture of RFC 9113 section 5.1."""

import pytest

from colorfast.extproc.http2 import _streams as streams
from colorfast.extproc.http2._errors import ConnectionFault, ErrorCode, LocalError, StreamFault
from colorfast.extproc.http2._streams import (
    CLOSED,
    HALF_LOCAL,
    HALF_REMOTE,
    IDLE,
    NAMES,
    NEXT,
    OPEN,
    RECV_DATA,
    RECV_HEADERS,
    RECV_LAST_DATA,
    RECV_LAST_HEADERS,
    RECV_RESET,
    RECV_WINDOW,
    RESET,
    SEND_LAST,
    SEND_RESET,
    Stream,
    refuse,
)

RECEIVED = (
    RECV_HEADERS,
    RECV_LAST_HEADERS,
    RECV_DATA,
    RECV_LAST_DATA,
    RECV_RESET,
    RECV_WINDOW,
)
STATES = tuple(NAMES)

# The arrows of the picture, without pushes.
ARROWS = {
    (IDLE, RECV_HEADERS): OPEN,
    (IDLE, RECV_LAST_HEADERS): HALF_REMOTE,
    (OPEN, RECV_LAST_HEADERS): HALF_REMOTE,
    (OPEN, RECV_LAST_DATA): HALF_REMOTE,
    (OPEN, SEND_LAST): HALF_LOCAL,
    (OPEN, RECV_RESET): CLOSED,
    (HALF_REMOTE, SEND_LAST): CLOSED,
    (HALF_REMOTE, RECV_RESET): CLOSED,
    (HALF_LOCAL, RECV_LAST_DATA): CLOSED,
    (HALF_LOCAL, RECV_LAST_HEADERS): CLOSED,
    (HALF_LOCAL, RECV_RESET): CLOSED,
}


def test_the_table_has_a_row_for_each_state_and_a_column_for_each_step() -> None:
    assert sorted(STATES) == list(range(0, len(NEXT), SEND_RESET + 1))


@pytest.mark.parametrize(("state", "step"), ARROWS)
def test_every_arrow_is_in_the_table(state: int, step: int) -> None:
    assert NEXT[state + step] == ARROWS[state, step]


def test_the_table_has_no_other_arrows() -> None:
    moves = {
        (state, step): NEXT[state + step]
        for state in STATES
        for step in (*RECEIVED, SEND_LAST)
        if NEXT[state + step] >= 0 and NEXT[state + step] != state
    }
    assert moves == ARROWS


def test_what_we_reset_stays_reset_and_is_reset_once() -> None:
    assert {NEXT[state + SEND_RESET] for state in STATES if state != RESET} == {RESET}
    for step in (*RECEIVED, SEND_RESET):
        refuse(RESET, step)  # ignored
    with pytest.raises(LocalError):
        refuse(RESET, SEND_LAST)


@pytest.mark.parametrize("step", RECEIVED[2:])
def test_nothing_but_headers_comes_on_an_idle_stream(step: int) -> None:
    with pytest.raises(ConnectionFault) as caught:
        refuse(IDLE, step)
    assert caught.value.code is ErrorCode.PROTOCOL_ERROR


@pytest.mark.parametrize("step", RECEIVED[:4])
def test_nothing_is_sent_after_the_end(step: int) -> None:
    with pytest.raises(StreamFault) as caught:
        refuse(HALF_REMOTE, step)
    assert caught.value.code is ErrorCode.STREAM_CLOSED


@pytest.mark.parametrize("state", [IDLE, HALF_LOCAL, CLOSED])
def test_what_is_over_for_us_is_not_ended_again(state: int) -> None:
    with pytest.raises(LocalError):
        refuse(state, SEND_LAST)


def test_every_entry_is_a_state_or_has_a_meaning() -> None:
    meanings = {*streams._FAULTS, streams._SKIP, streams._OURS}
    assert {entry for entry in NEXT if entry < 0} == meanings
    assert {entry for entry in NEXT if entry >= 0} <= set(STATES)


def test_a_stream_begins_open_and_says_where_it_stands() -> None:
    stream = Stream(7, "plan")
    assert (repr(stream), stream.ended) == ("<stream 7 open>", False)
    stream.state = HALF_REMOTE
    assert stream.ended
