"""Frame by frame, what RFC 9113 asks of a server; names and comments give its sections."""

from struct import pack

import pytest
from http2.peer import (
    ACK,
    BLOCK,
    COMPRESSION_ERROR,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    GOAWAY,
    GREETING,
    HAS_PRIORITY,
    HEADERS,
    PADDED,
    PING,
    PRIORITY,
    PROTOCOL_ERROR,
    PUSH,
    REFUSED_STREAM,
    REQUEST,
    RST,
    SETTINGS,
    STREAM_CLOSED,
    WINDOW,
    Server,
    block,
    call,
    data,
    headers,
    message,
    ping,
    reset,
    settings,
    window,
)

from colorfast.extproc.http2 import Limits
from colorfast.extproc.http2._frames import PREFACE, frame

MAX = 2**31 - 1


# 3.4 Connection preface.


def test_the_first_thing_sent_is_settings() -> None:
    first, more = Server(greeted=False).greeting
    assert (first.kind, first.flags, first.stream) == (SETTINGS, 0, 0)
    assert (more.kind, more.stream) == (WINDOW, 0)


@pytest.mark.parametrize("cut", range(len(PREFACE)))
def test_a_preface_may_come_in_pieces(cut: int) -> None:
    server = Server(greeted=False)
    out = server.send_cut([GREETING[:cut], GREETING[cut:]])
    assert [(one.kind, one.flags) for one in out] == [(SETTINGS, ACK)]
    assert server.connection.settled


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\n", b"\x16\x03\x01", b"PRI * HTTP/2.1"])
def test_another_start_is_no_http2(start: bytes) -> None:
    server = Server(greeted=False)
    assert [one.kind for one in server.send(start)] == [GOAWAY]
    assert server.error == PROTOCOL_ERROR


@pytest.mark.parametrize(
    "first", [ping(), headers(1), frame(SETTINGS, ACK, 0), window(0, 1), frame(0xEE, 0, 0)]
)
def test_the_first_frame_is_settings(first: bytes) -> None:
    server = Server(greeted=False)
    server.send(PREFACE, first)
    assert server.error == PROTOCOL_ERROR


# Whatever ends the connection: the frames, and the error.

FATAL = {
    "4.2 a frame longer than was announced": (frame(0xEE, 0, 0, bytes(16385)), FRAME_SIZE_ERROR),
    "4.3 a block that is no HPACK": (headers(1, b"\xff\xff\xff\xff\xff\xff"), COMPRESSION_ERROR),
    "4.3 a block that ends too soon": (headers(1, BLOCK[:-1]), COMPRESSION_ERROR),
    "5.1 DATA on an idle stream": (data(1, b"x"), PROTOCOL_ERROR),
    "5.1 RST_STREAM on an idle stream": (reset(1), PROTOCOL_ERROR),
    "5.1 WINDOW_UPDATE on an idle stream": (window(1, 1), PROTOCOL_ERROR),
    "5.1 HEADERS on a closed stream": (headers(1) + reset(1) + headers(1), STREAM_CLOSED),
    "5.1.1 an even stream": (headers(2), PROTOCOL_ERROR),
    "5.1.1 DATA on an even stream": (headers(3) + data(2, b""), PROTOCOL_ERROR),
    "5.1.1 a stream below the last": (headers(5) + headers(3), STREAM_CLOSED),
    "5.3.1 HEADERS that depend on themselves": (
        frame(HEADERS, END_HEADERS | HAS_PRIORITY, 1, pack(">LB", 1, 0) + BLOCK),
        PROTOCOL_ERROR,
    ),
    "5.3.1 PRIORITY that depends on itself": (
        frame(PRIORITY, 0, 1, pack(">LB", 1, 0)),
        PROTOCOL_ERROR,
    ),
    "6.1 DATA on the connection": (data(0, b""), PROTOCOL_ERROR),
    "6.1 padding as long as the frame": (
        headers(1) + data(1, b"\x03xx", PADDED),
        PROTOCOL_ERROR,
    ),
    "6.1 padding without a length": (headers(1) + data(1, b"", PADDED), PROTOCOL_ERROR),
    "6.2 HEADERS on the connection": (headers(0), PROTOCOL_ERROR),
    "6.2 padding longer than the block": (
        headers(1, b"\xff" + BLOCK, END_HEADERS | PADDED),
        PROTOCOL_ERROR,
    ),
    "6.2 HEADERS shorter than a priority": (
        headers(1, b"\0\0", END_HEADERS | HAS_PRIORITY),
        FRAME_SIZE_ERROR,
    ),
    "6.3 PRIORITY on the connection": (frame(PRIORITY, 0, 0, bytes(5)), PROTOCOL_ERROR),
    "6.3 PRIORITY of a wrong length": (frame(PRIORITY, 0, 1, bytes(4)), FRAME_SIZE_ERROR),
    "6.4 RST_STREAM on the connection": (reset(0), PROTOCOL_ERROR),
    "6.4 RST_STREAM of a wrong length": (
        headers(1) + frame(RST, 0, 1, bytes(3)),
        FRAME_SIZE_ERROR,
    ),
    "6.5 SETTINGS on a stream": (frame(SETTINGS, 0, 1), PROTOCOL_ERROR),
    "6.5 SETTINGS of a wrong length": (frame(SETTINGS, 0, 0, bytes(5)), FRAME_SIZE_ERROR),
    "6.5 an acknowledgement with settings": (frame(SETTINGS, ACK, 0, bytes(6)), FRAME_SIZE_ERROR),
    "6.5.2 ENABLE_PUSH of 2": (settings((2, 2)), PROTOCOL_ERROR),
    "6.5.2 INITIAL_WINDOW_SIZE too large": (settings((4, MAX + 1)), FLOW_CONTROL_ERROR),
    "6.5.2 MAX_FRAME_SIZE too small": (settings((5, 16383)), PROTOCOL_ERROR),
    "6.5.2 MAX_FRAME_SIZE too large": (settings((5, 1 << 24)), PROTOCOL_ERROR),
    "6.6 PUSH_PROMISE of a client": (frame(PUSH, END_HEADERS, 1, bytes(4)), PROTOCOL_ERROR),
    "6.7 PING on a stream": (frame(PING, 0, 1, bytes(8)), PROTOCOL_ERROR),
    "6.7 PING of a wrong length": (frame(PING, 0, 0, bytes(7)), FRAME_SIZE_ERROR),
    "6.8 GOAWAY on a stream": (frame(GOAWAY, 0, 1, bytes(8)), PROTOCOL_ERROR),
    "6.8 GOAWAY of a wrong length": (frame(GOAWAY, 0, 0, bytes(7)), FRAME_SIZE_ERROR),
    "6.9 WINDOW_UPDATE by nothing": (window(0, 0), PROTOCOL_ERROR),
    "6.9 WINDOW_UPDATE of a wrong length": (frame(WINDOW, 0, 0, bytes(3)), FRAME_SIZE_ERROR),
    "6.9.1 the connection's window overflows": (window(0, MAX), FLOW_CONTROL_ERROR),
    "6.9.2 SETTINGS make a window overflow": (
        headers(1) + window(1, 1) + settings((4, MAX)),
        FLOW_CONTROL_ERROR,
    ),
    "6.10 CONTINUATION without HEADERS": (frame(CONTINUATION, 4, 1, b""), PROTOCOL_ERROR),
    "6.10 another frame within a block": (headers(1, BLOCK, 0) + ping(), PROTOCOL_ERROR),
    "6.10 an unknown frame within a block": (
        headers(1, BLOCK, 0) + frame(0xEE, 0, 0),
        PROTOCOL_ERROR,
    ),
    "6.10 CONTINUATION of another stream": (
        headers(1, BLOCK, 0) + frame(CONTINUATION, 4, 3, b""),
        PROTOCOL_ERROR,
    ),
}


@pytest.mark.parametrize("name", FATAL)
def test_a_connection_ends_with_the_error_of(name: str) -> None:
    sent, error = FATAL[name]
    server = Server()
    last = server.send(sent)[-1]
    assert (last.kind, last.stream, last.code) == (GOAWAY, 0, error)
    assert server.connection.over
    assert server.send(ping(), call(9)) == []


# Whatever ends a stream only: the frames, and the error.


def asking(*changed: tuple[bytes, bytes], without: bytes = b"") -> bytes:
    fields = [field for field in REQUEST if field[0] != without]
    return headers(1, block([*fields, *changed]))


UPPER = (b"X-Upper", b"1")
ENDING = headers(1, flags=END_HEADERS | END_STREAM)

WRONG = {
    "5.1 DATA after END_STREAM": (call(1, flags=END_STREAM) + data(1, b"x"), STREAM_CLOSED),
    "6.9 WINDOW_UPDATE of a stream by nothing": (headers(1) + window(1, 0), PROTOCOL_ERROR),
    "6.9.1 a stream's window overflows": (headers(1) + window(1, MAX), FLOW_CONTROL_ERROR),
    "8.1 trailers without END_STREAM": (headers(1) + headers(1), PROTOCOL_ERROR),
    "8.1 trailers with a pseudo-header": (headers(1) + ENDING, PROTOCOL_ERROR),
    "8.1.1 content-length is too small": (
        asking((b"content-length", b"5")) + data(1, message(b"x")),
        PROTOCOL_ERROR,
    ),
    "8.1.1 content-length is too large": (
        asking((b"content-length", b"7")) + data(1, message(b"x"), END_STREAM),
        PROTOCOL_ERROR,
    ),
    "8.1.1 content-length, and no body": (
        headers(1, block([*REQUEST, (b"content-length", b"1")]), END_HEADERS | END_STREAM),
        PROTOCOL_ERROR,
    ),
    "8.1.1 content-length twice": (
        asking((b"content-length", b"5"), (b"content-length", b"6")),
        PROTOCOL_ERROR,
    ),
    "8.1.1 content-length is no number": (asking((b"content-length", b"+5")), PROTOCOL_ERROR),
    "8.2.1 an upper-case name": (asking(UPPER), PROTOCOL_ERROR),
    "8.2.1 a name with a space": (asking((b"x y", b"1")), PROTOCOL_ERROR),
    "8.2.1 an empty name": (asking((b"", b"1")), PROTOCOL_ERROR),
    "8.2.1 a value with a line feed": (asking((b"x", b"a\nb")), PROTOCOL_ERROR),
    "8.2.1 a value with NUL": (asking((b"x", b"a\0b")), PROTOCOL_ERROR),
    "8.2.1 a value that starts with a space": (asking((b"x", b" a")), PROTOCOL_ERROR),
    "8.2.2 connection": (asking((b"connection", b"close")), PROTOCOL_ERROR),
    "8.2.2 te other than trailers": (asking((b"te", b"gzip"), without=b"te"), PROTOCOL_ERROR),
    "8.3 an unknown pseudo-header": (
        headers(1, block([*REQUEST[:4], (b":x", b"1")])),
        PROTOCOL_ERROR,
    ),
    "8.3 a pseudo-header of responses": (
        headers(1, block([*REQUEST[:4], (b":status", b"200")])),
        PROTOCOL_ERROR,
    ),
    "8.3 a pseudo-header after a field": (
        headers(1, block([*REQUEST[4:], *REQUEST[:4]])),
        PROTOCOL_ERROR,
    ),
    "8.3.1 :path twice": (headers(1, block([REQUEST[2], *REQUEST])), PROTOCOL_ERROR),
    "8.3.1 no :method": (asking(without=b":method"), PROTOCOL_ERROR),
    "8.3.1 no :scheme": (asking(without=b":scheme"), PROTOCOL_ERROR),
    "8.3.1 no :path": (asking(without=b":path"), PROTOCOL_ERROR),
    "8.3.1 an empty :path": (
        headers(1, block([*REQUEST[:2], (b":path", b""), *REQUEST[3:]])),
        PROTOCOL_ERROR,
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_stream_ends_with_the_error_of(name: str) -> None:
    sent, error = WRONG[name]
    server = Server()
    last = server.send(sent)[-1]
    assert (last.kind, last.stream, last.code) == (RST, 1, error)
    assert (server.connection.streams, server.open) == ({}, 0)
    # Others go on, and HPACK is in step.
    assert [one.kind for one in server.send(call(3))] == [HEADERS, DATA]


# What has to be accepted, and ignored.

FINE = {
    "4.1 a type that is not known": frame(0xEE, 0xFF, 1, b"whatever"),
    "4.1 flags that mean nothing": frame(PING, 0xFE, 0, bytes(8)),
    "4.1 the reserved bit": frame(WINDOW, 0, 1 << 31, pack(">L", 1)),
    "5.1 WINDOW_UPDATE of a closed stream": headers(1) + reset(1) + window(1, 1),
    "5.1 RST_STREAM of a closed stream": headers(1) + reset(1) + reset(1),
    "5.1 PRIORITY in any state": frame(PRIORITY, 0, 9, bytes(5)) + frame(PRIORITY, 0, 2, bytes(5)),
    "6.5 a setting that is not known": settings((0xEE, 1)),
    "6.5 settings in any order, twice": settings((4, 5), (4, 70000), (3, 0)),
    "6.8 GOAWAY": frame(GOAWAY, 0, 0, bytes(8) + b"bye"),
    "6.9 the largest window": window(0, MAX - 65535),
}


@pytest.mark.parametrize("name", FINE)
def test_a_connection_goes_on_after(name: str) -> None:
    server = Server()
    server.send(FINE[name])
    assert server.error is None
    answered = server.send(call(11))
    assert [(one.kind, one.stream) for one in answered] == [(HEADERS, 11), (DATA, 11)]


# 5.1 and 6.4: streams that we have reset.


def test_late_frames_of_a_stream_that_we_reset_are_ignored() -> None:
    server = Server()
    assert server.send(asking(UPPER))[-1].code == PROTOCOL_ERROR
    late = data(1, b"x") + window(1, 1) + headers(1, BLOCK) + reset(1) + data(1, b"", END_STREAM)
    assert server.send(late) == []
    assert server.error is None


def test_resets_are_remembered_for_a_while_only() -> None:
    server = Server(Limits(recent_resets=2))
    for stream in (1, 3, 5):
        server.send(headers(stream, block([*REQUEST, UPPER])))
    assert server.send(data(3, b"x")) == []
    assert [one.code for one in server.send(data(1, b"x"))] == [STREAM_CLOSED]


# 5.1.2 Stream concurrency.


def test_streams_above_the_announced_limit_are_refused() -> None:
    server = Server(Limits(streams=2, early_streams=4))
    out = server.send(headers(1), headers(3), headers(5))
    assert [(one.kind, one.stream, one.code) for one in out] == [(RST, 5, REFUSED_STREAM)]
    assert [one.kind for one in server.send(reset(1), call(7))] == [HEADERS, DATA]


def test_the_limit_holds_once_the_client_can_know_it() -> None:
    server = Server(Limits(streams=1, early_streams=3), greeted=False)
    out = server.send(PREFACE, settings(), call(1), call(3), call(5), headers(7))
    assert [one.stream for one in out if one.kind == RST] == [7]
    out = server.send(frame(SETTINGS, ACK, 0), reset(1), reset(3), reset(5), call(9), headers(11))
    assert [one.stream for one in out if one.kind == RST] == [11]


# 6.5, 6.7: what is acknowledged.


def test_settings_and_pings_are_acknowledged_in_order() -> None:
    server = Server()
    out = server.send(ping(b"first..."), settings((3, 1)), ping(b"second.."))
    assert [(one.kind, one.flags, one.payload) for one in out] == [
        (PING, ACK, b"first..."),
        (SETTINGS, ACK, b""),
        (PING, ACK, b"second.."),
    ]
    assert server.send(ping(flags=ACK), frame(SETTINGS, ACK, 0)) == []


def test_another_header_table_is_acknowledged_to_hpack() -> None:
    server = Server()
    server.send(settings((1, 0)))
    assert [one.payload[:1] for one in server.send(call(1), call(3)) if one.kind == HEADERS] == [
        b"\x20",
        b"\x88",
    ]
