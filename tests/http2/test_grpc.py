"""gRPC over HTTP/2: messages, statuses, and what is no gRPC."""

import logging
from struct import pack

import pytest
from http2.peer import (
    BLOCK,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    REQUEST,
    RST,
    Echo,
    Server,
    block,
    call,
    data,
    headers,
    message,
    reset,
)

from colorfast.extproc.http2 import Calls, Limits
from colorfast.extproc.http2._calls import CallStream
from colorfast.extproc.http2._grpc import is_grpc, trailers_only

LAST = END_HEADERS | END_STREAM


def changed(**fields: bytes) -> bytes:
    """The header block of the request with other values."""
    merged = dict(REQUEST)
    for name, value in fields.items():
        merged[name.replace("__", ":").replace("_", "-").encode()] = value
    return block(merged.items())


def status(server: Server, *parts: bytes) -> tuple[int, str]:
    """The gRPC status and message that *parts* end with."""
    last = [one for one in server.send(*parts) if one.kind == HEADERS][-1]
    assert last.flags == LAST
    fields = server.fields(last)
    return int(fields[b"grpc-status"]), fields.get(b"grpc-message", b"").decode()


def test_a_message_is_answered_in_headers_and_data() -> None:
    server = Server()
    first, second = server.send(call(1))
    assert (first.kind, first.flags) == (HEADERS, END_HEADERS)
    assert server.fields(first) == {b":status": b"200", b"content-type": b"application/grpc"}
    assert (second.kind, second.flags, second.payload) == (DATA, 0, message(b"hello"))


def test_half_close_ends_the_call_with_ok() -> None:
    server = Server()
    out = server.send(call(1, b"hello", END_STREAM))
    assert [one.kind for one in out] == [HEADERS, DATA, HEADERS]
    assert server.fields(out[0])[b":status"] == b"200"
    assert server.fields(out[2]) == {b"grpc-status": b"0"}
    assert (server.open, server.connection.streams) == (0, {})


@pytest.mark.parametrize("end", [data(1, b"", END_STREAM), headers(1, block([(b"x", b"y")]), LAST)])
def test_a_call_may_end_without_a_message_or_with_trailers(end: bytes) -> None:
    server = Server()
    server.send(call(1))
    assert status(server, end) == (0, "")
    assert status(Server(), headers(1, BLOCK, LAST)) == (0, "")


def test_several_messages_in_a_frame_and_a_message_in_several_frames() -> None:
    server = Server()
    sent = [b"", b"a" * 20_000, b"b", b"c" * 7]
    stream = b"".join(map(message, sent))
    server.send(headers(1))
    for at in range(0, len(stream), 999):
        server.send(data(1, stream[at : at + 999]))
    assert server.echo.got == sent
    assert server.calls.held == 0


@pytest.mark.parametrize("cut", range(11))
def test_a_message_may_be_cut_anywhere(cut: int) -> None:
    server = Server()
    whole = message(b"hello!")
    out = server.send(headers(1), data(1, whole[:cut]), data(1, whole[cut:]))
    assert [one.payload for one in out if one.kind == DATA] == [whole]


def test_a_message_that_is_cut_off_is_an_error() -> None:
    code, why = status(Server(), headers(1), data(1, message(b"hello")[:-1], END_STREAM))
    assert (code, why) == (13, "the last message is not complete")


def test_compressed_messages_are_unimplemented() -> None:
    server = Server()
    compressed = headers(1), data(1, b"\x01" + message(b"x")[1:])
    out = server.send(*compressed)
    fields = server.fields(out[-1])
    assert (fields[b"grpc-status"], fields[b"grpc-accept-encoding"]) == (b"12", b"identity")
    assert status(Server(), headers(1), data(1, b"\x02" + message(b"x")[1:]))[0] == 13


def test_the_longest_message_is_answered_and_a_longer_one_ends_its_call() -> None:
    limits = Limits(message=10)
    server = Server(limits)
    server.send(call(1, b"x" * 10))
    assert server.echo.got == [b"x" * 10]
    server = Server(limits)
    # Its prefix is enough.
    code, _ = status(server, headers(1), data(1, b"\0" + pack(">L", 11)))
    assert (code, server.calls.held) == (8, 0)
    assert [one.kind for one in server.send(call(3, b"x"))] == [HEADERS, DATA]


def test_unfinished_messages_are_bounded_over_all_calls() -> None:
    server = Server(Limits(held=1000))
    start = message(b"x" * 500)[:400]
    out = server.send(*(headers(n) + data(n, start) for n in (1, 3, 5)))
    assert [(one.kind, one.stream) for one in out] == [(HEADERS, 5)]
    assert server.fields(out[0])[b"grpc-status"] == b"8"
    assert server.calls.held == 800
    server.send(reset(1), data(3, message(b"x" * 500)[400:]))
    assert (server.calls.held, server.echo.got) == (0, [b"x" * 500])


@pytest.mark.parametrize("path", [b"/", b"/test.Echo/Other", b"*", b"/test.Echo/Echo/"])
def test_unknown_methods_are_unimplemented_in_trailers_only(path: bytes) -> None:
    server = Server()
    out = server.send(headers(1, changed(__path=path)), data(1, message(b"x"), END_STREAM))
    assert [(one.kind, one.flags) for one in out] == [(HEADERS, LAST)]
    fields = server.fields(out[0])
    assert (fields[b":status"], fields[b"grpc-status"]) == (b"200", b"12")


def test_what_is_no_grpc_gets_an_answer_once_it_is_complete() -> None:
    server = Server()
    assert server.send(headers(1, changed(content_type=b"text/plain")), data(1, b"x" * 99)) == []
    out = server.send(data(1, b"y", END_STREAM))
    assert [(one.kind, one.flags, one.payload[:4]) for one in out[1:]] == [
        (DATA, 0, b"page"),
        (DATA, END_STREAM, b""),
    ]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (b"application/grpc", True),
        (b"application/grpc+proto", True),
        (b"application/grpc;charset=utf-8", True),
        (b"application/grpc-web", False),
        (b"application/json", False),
        (b"", False),
        (None, False),
    ],
)
def test_the_content_type_says_whether_it_is_grpc(text: bytes | None, meant: bool) -> None:
    assert is_grpc(text) is meant


def test_a_status_message_is_percent_encoded() -> None:
    assert trailers_only(2, "50% \xe4\n").endswith(b"50%25 %C3%A4%0A")


# Faults of the method itself.


class Faulty(Echo):
    def message(self, calls: Calls, stream: CallStream, message: bytes) -> None:
        if message == b"late":
            calls.send(stream, b"first")
        raise RuntimeError("by design")


@pytest.mark.parametrize("payload", [b"early", b"late"])
def test_a_method_that_fails_ends_its_own_call_only(
    payload: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    server = Server()
    server.echo = Faulty()
    assert status(server, call(1, payload)) == (2, "a message could not be answered")
    assert server.open == 0
    server.send(headers(3))
    assert server.error is None
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_a_lost_connection_ends_every_call_once() -> None:
    server = Server()
    server.send(call(1), headers(3), data(3, b"\0\0"), call(5), reset(5))
    assert server.open == 2
    for _ in range(2):
        server.calls.lost()
    assert (server.open, server.calls.held) == (0, 0)


def test_a_reset_ends_a_call_and_nothing_is_sent_back() -> None:
    server = Server()
    server.send(call(1))
    assert server.send(reset(1)) == []
    assert (server.open, server.connection.streams) == (0, {})
    assert [one.kind for one in server.send(data(1, message(b"x")))] == [RST]
