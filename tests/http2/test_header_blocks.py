"""RFC 9113 sections 6.2 and 6.10: header blocks, in pieces, padded, and those that repeat."""

from struct import pack

import pytest
from http2.peer import (
    BLOCK,
    CONTINUATION,
    DATA,
    ECHO,
    END_HEADERS,
    END_STREAM,
    HAS_PRIORITY,
    HEADERS,
    PADDED,
    PROTOCOL_ERROR,
    REQUEST,
    RST,
    Server,
    block,
    call,
    data,
    headers,
    message,
)

from colorfast.extproc.http2 import Limits
from colorfast.extproc.http2._frames import frame


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
