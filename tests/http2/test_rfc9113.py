"""Frame by frame, what RFC 9113 asks of a server; names and comments give its sections."""

from struct import pack

import pytest
from http2.peer import (
    ACK,
    BLOCK,
    COMPRESSION_ERROR,
    CONTINUATION,
    DATA,
    ECHO,
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


# 6.2, 6.10: header blocks.


@pytest.mark.parametrize("cuts", [(0, 5), (1, 2), (3, 3), (len(BLOCK), len(BLOCK))])
def test_a_block_may_come_in_several_frames(cuts: tuple[int, int]) -> None:
    first, second = cuts
    server = Server()
    out = server.send(
        headers(1, BLOCK[:first], END_STREAM),
        frame(CONTINUATION, 0, 1, BLOCK[first:second]),
        frame(CONTINUATION, END_HEADERS, 1, BLOCK[second:]),
    )
    assert [(one.kind, one.flags) for one in out] == [(HEADERS, END_HEADERS | END_STREAM)]


def test_padding_and_priority_are_taken_off() -> None:
    server = Server()
    padded = b"\x03" + pack(">LB", 0, 16) + BLOCK + bytes(3)
    body = b"\x02" + message(b"hello") + bytes(2)
    out = server.send(
        headers(1, padded, END_HEADERS | PADDED | HAS_PRIORITY), data(1, body, PADDED)
    )
    assert out[1].payload == message(b"hello")


def test_a_block_that_repeats_is_resolved_once() -> None:
    server = Server()
    server.send(*(call(stream) for stream in range(1, 41, 2)))
    assert (len(server.heads), len(server.echo.got)) == (1, 20)


def test_a_block_means_something_else_when_the_table_has_changed() -> None:
    server = Server()
    front, back = block([*REQUEST[:2], REQUEST[3]]), block(REQUEST[4:])
    known = front + b"\x44\x0f" + ECHO + back  # :path, which enters the dynamic table
    other = front + b"\x44\x02/x" + back
    newest = front + b"\xbe" + back  # its newest field
    for stream, sent in ((1, known), (3, newest), (5, newest), (7, other), (9, newest)):
        server.send(headers(stream, sent))
    calls = {stream: one.plan is server.echo for stream, one in server.connection.streams.items()}
    assert calls == {1: True, 3: True, 5: True, 7: False, 9: False}


def traced(number: int, where: int = 6) -> bytes:
    fields = [*REQUEST]
    fields.insert(where, (b"traceparent", b"00-%032x-01" % number))
    return block(fields)


def test_requests_that_differ_in_their_trace_only_are_resolved_once() -> None:
    server = Server()
    out = server.send(*(headers(n, traced(n)) + data(n, message(b"x")) for n in range(1, 41, 2)))
    assert sum(one.kind == DATA for one in out) == 20
    assert len(server.heads) == 1
    assert server.heads[0].first(b"traceparent") == b""


def test_what_nobody_reads_has_to_be_well_formed_all_the_same() -> None:
    server = Server()
    assert server.send(headers(1, traced(1))) == []
    bad = block([*REQUEST, (b"traceparent", b"a\nb")])
    out = server.send(headers(3, bad), headers(5, traced(1, 2)))
    assert [(one.kind, one.code) for one in out] == [(RST, PROTOCOL_ERROR)] * 2


def test_what_is_remembered_of_blocks_is_bounded() -> None:
    server = Server(Limits(known_blocks=3))
    for number in range(10):
        server.send(headers(2 * number + 1, block([*REQUEST, (b"x", b"%d" % number)])))
        assert len(server.connection._known) <= 3
        assert len(server.connection._blocks._heads) <= 3
    server.send(headers(21, block([*REQUEST, (b"x", b"y" * 2000)])))
    assert all(len(one) <= 1024 for one in server.connection._known)


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


# 6.8 Graceful shutdown.


def goaways(server: Server) -> list[int]:
    out = server.send()
    return [int.from_bytes(one.payload[:4], "big") for one in out if one.kind == GOAWAY]


def test_a_drain_takes_streams_until_the_client_has_heard_of_it() -> None:
    server = Server()
    server.send(call(1))
    server.connection.drain()
    out = server.send()
    assert [one.kind for one in out] == [GOAWAY, PING]
    assert out[0].payload == pack(">LL", MAX, 0)
    assert [one.kind for one in server.send(call(3))] == [HEADERS, DATA]
    answered = server.send(ping(out[1].payload, ACK))
    assert answered[-1].payload == pack(">LL", 3, 0)
    assert server.send(call(5)) == []
    assert not server.connection.done
    assert [one.kind for one in server.send(data(3, message(b"more")))] == [DATA]
    server.send(reset(1), reset(3))
    assert server.connection.done


def test_a_drain_does_not_wait_for_a_client_that_has_its_answer() -> None:
    server = Server()
    server.connection.refuse_streams()
    server.send()
    assert server.connection.done
    server = Server()
    other = block([*REQUEST[:2], (b":path", b"/none"), *REQUEST[3:]])
    server.send(headers(1, other), data(1, message(b"x")))
    assert server.connection.streams.keys() == {1}
    server.connection.refuse_streams()
    assert server.connection.done


def test_each_goaway_is_sent_once() -> None:
    server = Server()
    for _ in range(3):
        server.connection.drain()
        server.connection.refuse_streams()
    assert goaways(server) == [MAX, 0]
    for _ in range(3):
        server.connection.close()
    assert goaways(server) == [0]


def test_hpack_stays_in_step_with_streams_that_are_not_taken() -> None:
    server = Server()
    server.send(call(1))
    server.connection.refuse_streams()
    server.send(headers(3, BLOCK + b"\x40\x01a\x01b"), data(3, b"x"), reset(3))
    assert server.error is None
    assert server.connection._blocks._decoder.decode(b"\xbe") == [(b"a", b"b")]


# 8.1: an answer before the end of the request.


def test_a_client_that_goes_on_after_its_answer_is_stopped() -> None:
    server = Server(Limits(stream_window=1000))
    other = block([*REQUEST[:2], (b":path", b"/none"), *REQUEST[3:]])
    out = server.send(headers(1, other), data(1, bytes(400)))
    assert [(one.kind, one.flags) for one in out] == [(HEADERS, END_HEADERS | END_STREAM)]
    assert [(one.kind, one.code) for one in server.send(data(1, bytes(400)))] == [(RST, 0)]
    assert server.connection.streams == {}
    assert server.send(data(1, bytes(400))) == []


def test_a_client_that_ends_after_its_answer_leaves_nothing_behind() -> None:
    other = block([*REQUEST[:2], (b":path", b"/none"), *REQUEST[3:]])
    trailers = headers(1, block([(b"x", b"y")]), END_HEADERS | END_STREAM)
    for end in (data(1, b"", END_STREAM), trailers, reset(1)):
        server = Server()
        server.send(headers(1, other), data(1, b"x"))
        assert server.send(end) == []
        assert server.connection.streams == {}
