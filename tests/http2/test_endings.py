"""RFC 9113 sections 6.8 and 8.1: graceful shutdown, and answers before the end of a request."""

from struct import pack

from http2.peer import (
    ACK,
    BLOCK,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    PING,
    REQUEST,
    RST,
    Server,
    block,
    call,
    data,
    headers,
    message,
    ping,
    reset,
)

from colorfast.extproc.http2 import Limits

MAX = 2**31 - 1


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
