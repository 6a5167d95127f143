"""Flow control (RFC 9113 section 5.2 and 6.9), both ways."""

import pytest
from http2.peer import (
    BLOCK,
    DATA,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    GOAWAY,
    HEADERS,
    WINDOW,
    Frame,
    Server,
    call,
    data,
    headers,
    message,
    reset,
    settings,
    window,
)

from colorfast.extproc.http2 import Flood, Limits
from colorfast.extproc.http2._errors import FloodFault


def body(out: list[Frame], stream: int) -> bytes:
    return b"".join(one.payload for one in out if (one.kind, one.stream) == (DATA, stream))


# What we send.


def test_data_waits_for_the_streams_window() -> None:
    server = Server()
    out = server.send(settings((4, 3)), call(1, b"hello"))
    assert body(out, 1) == message(b"hello")[:3]
    assert body(server.send(window(1, 2)), 1) == message(b"hello")[3:5]
    assert body(server.send(window(1, 100)), 1) == b"hello"


def test_data_waits_for_the_connections_window() -> None:
    server = Server()
    large = b"x" * 40_000
    out = server.send(call_in_pieces(1, large), call_in_pieces(3, large))
    assert sum(len(one.payload) for one in out if one.kind == DATA) == 65_535
    out = server.send(window(0, 100_000))
    assert body(out, 3) == message(large)[65_535 - len(message(large)) :]


def call_in_pieces(stream: int, payload: bytes, end: int = 0) -> bytes:
    whole = message(payload)
    pieces = [whole[at : at + 16384] for at in range(0, len(whole), 16384)]
    return headers(stream) + b"".join(
        data(stream, piece, end if piece is pieces[-1] else 0) for piece in pieces
    )


def test_trailers_wait_for_data() -> None:
    server = Server()
    out = server.send(settings((4, 0)), call(1, b"hello", END_STREAM))
    assert [one.kind for one in out] == [4, HEADERS]
    out = server.send(window(1, 4), window(1, 100))
    assert [(one.kind, one.flags) for one in out] == [
        (DATA, 0),
        (DATA, 0),
        (HEADERS, END_HEADERS | END_STREAM),
    ]
    assert server.connection.streams == {}


def test_data_is_cut_into_frames_that_the_client_takes() -> None:
    server = Server()
    out = server.send(call_in_pieces(1, b"x" * 40_000))
    assert [len(one.payload) for one in out if one.kind == DATA] == [16384, 16384, 7237]
    server = Server()
    out = server.send(settings((5, 1 << 20)), call_in_pieces(1, b"x" * 40_000))
    assert [len(one.payload) for one in out if one.kind == DATA] == [40_005]


def test_settings_change_the_windows_of_open_streams() -> None:
    server = Server()
    out = server.send(settings((4, 10)), call(1, b"hello"))
    assert body(out, 1) == message(b"hello")
    # It owes three bytes now (section 6.9.2).
    server.send(settings((4, 7)))
    assert body(server.send(data(1, message(b"")), window(1, 3)), 1) == b""
    assert body(server.send(settings((4, 12))), 1) == message(b"")


def test_streams_take_turns() -> None:
    server = Server()
    server.send(call_in_pieces(1, b"x" * 65_530))
    for stream in (3, 5, 7):
        server.send(call(stream, b"y" * 95))
    turns = [one.stream for _ in range(6) for one in server.send(window(0, 50))]
    assert turns == [3, 5, 7, 3, 5, 7]


def test_a_blocked_stream_does_not_hold_others_up() -> None:
    server = Server()
    server.send(settings((4, 0)), call(1), call(3))
    assert body(server.send(window(3, 100)), 3) == message(b"hello")


def test_streams_that_wait_for_their_own_windows_cost_nothing() -> None:
    server = Server()
    server.send(settings((4, 0)), *(call(stream) for stream in range(1, 201, 2)))
    assert server.connection.outbox.ready == {}
    assert server.send(window(0, 1)) == []
    assert body(server.send(window(99, 1)), 99) == b"\0"
    assert server.connection.outbox.ready == {}
    out = server.send(settings((4, 10)))
    assert sum(one.kind == DATA for one in out) == 100
    assert server.connection.outbox._room == Limits().unsent


def test_what_a_reset_stream_kept_is_given_back() -> None:
    server = Server(Limits(unsent=1000))
    server.send(settings((4, 0)))
    for stream in range(1, 101, 2):
        server.send(call(stream, b"x" * 500), reset(stream))
    assert server.error is None
    assert server.connection.outbox.ready == {}
    assert server.connection.outbox._room == 1000


def test_a_drained_stream_gives_everything_back() -> None:
    server = Server()
    server.send(settings((4, 1)), call(1, b"x" * 1000), data(1, message(b"y" * 10)))
    for _ in range(1100):
        server.send(window(1, 1))
    assert server.connection.outbox._room == Limits().unsent
    assert server.connection.outbox.ready == {}


def test_a_client_that_never_opens_its_window_is_a_flood() -> None:
    server = Server(Limits(unsent=10_000))
    server.send(settings((4, 0)))
    out = server.send(*(call(stream, b"x" * 100) for stream in range(1, 1001, 2)))
    assert (out[-1].kind, server.error) == (GOAWAY, ENHANCE_YOUR_CALM)
    fault = server.connection.fault
    assert isinstance(fault, FloodFault)
    assert fault.flood is Flood.UNSENT


def test_many_small_answers_that_wait_count_for_more_than_their_bytes() -> None:
    server = Server(Limits(unsent=10_000))
    server.send(settings((4, 0)), headers(1))
    for _ in range(200):
        server.send(data(1, message(b"")))
    assert server.error == ENHANCE_YOUR_CALM


# What we receive.


def test_windows_are_opened_again_when_half_is_used() -> None:
    server = Server(Limits(stream_window=20_000, connection_window=100_000))
    server.send(headers(1))
    granted = {0: 0, 1: 0}
    for _ in range(100):
        for one in server.send(data(1, bytes(3000))):
            if one.kind == WINDOW:
                granted[one.stream] += int.from_bytes(one.payload, "big")
    sent = 100 * 3000
    assert sent - 10_000 - 3000 <= granted[1] <= sent
    assert sent - 50_000 - 3000 <= granted[0] <= sent


def test_padding_counts_for_the_windows() -> None:
    server = Server(Limits(stream_window=400))
    padded = bytes([200]) + bytes(200)
    out = server.send(headers(1), data(1, padded, 0x8))
    assert [(one.kind, one.stream) for one in out] == [(WINDOW, 1)]
    assert int.from_bytes(out[0].payload, "big") == len(padded)


def test_data_of_streams_that_are_gone_counts_for_the_connection() -> None:
    server = Server(Limits(connection_window=80_000))
    server.send(headers(1, BLOCK + b"\x00\x01A\x01b"))  # malformed: we reset it
    out = server.send(*(data(1, bytes(10_000)) for _ in range(5)))
    assert [(one.kind, one.stream) for one in out] == [(WINDOW, 0)]


@pytest.mark.parametrize("size", [0, 1, 16_383, 16_384])
def test_a_frame_of_any_size_is_taken(size: int) -> None:
    server = Server()
    server.send(headers(1), data(1, bytes(size)))
    assert server.error is None
