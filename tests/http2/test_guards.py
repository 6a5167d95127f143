"""Floods: each guard is seen to stop one, and to let honest clients be."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from http2.peer import (
    ACK,
    BLOCK,
    CONTINUATION,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    GOAWAY,
    HEADERS,
    PRIORITY,
    REQUEST,
    SETTINGS,
    Server,
    block,
    call,
    data,
    headers,
    ping,
    reset,
    settings,
    window,
)

from colorfast.extproc.http2 import Flood, Limits, _errors, _streams
from colorfast.extproc.http2._errors import FloodFault
from colorfast.extproc.http2._frames import frame
from colorfast.extproc.http2._server import FATAL

FEW = Limits(allowances=dict.fromkeys(Flood, 10))
"""Ten of each kind in ten seconds."""

BAD = block([*REQUEST, (b"X", b"1")])

# The flood, and the n-th frame of it.
FLOODS: dict[str, tuple[Flood, Callable[[int], bytes]]] = {
    "rapid reset": (Flood.RESET, lambda n: headers(2 * n + 1) + reset(2 * n + 1)),
    "pings": (Flood.PING, lambda _: ping()),
    "answers to pings": (Flood.PING, lambda _: ping(flags=ACK)),
    "settings": (Flood.SETTINGS, lambda n: settings((4, n))),
    "acknowledgements": (Flood.SETTINGS, lambda _: frame(SETTINGS, ACK, 0)),
    "empty DATA": (Flood.EMPTY_DATA, lambda n: data(1, b"") if n else headers(1)),
    "padding only": (Flood.EMPTY_DATA, lambda n: data(1, b"\x01\0", 8) if n else headers(1)),
    "priorities": (Flood.STRAY, lambda _: frame(PRIORITY, 0, 9, bytes(5))),
    "updates of the connection": (Flood.STRAY, lambda _: window(0, 1)),
    "updates of a stream": (Flood.STRAY, lambda n: window(1, 1) if n else headers(1)),
    "unknown frames": (Flood.STRAY, lambda _: frame(0xEE, 0, 0)),
    "frames of closed streams": (Flood.STRAY, lambda n: reset(1) if n else headers(1) + reset(1)),
    "frames of streams that we reset": (
        Flood.STRAY,
        lambda n: data(1, b"x") if n else headers(1, BAD),
    ),
    "GOAWAY": (Flood.STRAY, lambda _: frame(GOAWAY, 0, 0, bytes(8))),
    "malformed requests": (Flood.FAULT, lambda n: headers(2 * n + 1, BAD)),
    "faults on closed streams": (
        Flood.FAULT,
        lambda n: data(2 * n - 1, b"x") if n else headers(999) + reset(999),
    ),
}


def flooded(server: Server, flood: Callable[[int], bytes], count: int) -> int:
    """How many frames of *flood* the server takes, of *count*."""
    for number in range(count):
        server.send(flood(number))
        if server.connection.over:
            return number
    return count


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_is_stopped(name: str) -> None:
    kind, flood = FLOODS[name]
    server = Server(FEW)
    taken = flooded(server, flood, 100)
    # The greeting has settings of its own.
    assert 8 <= taken <= 12
    fault = server.connection.fault
    assert isinstance(fault, FloodFault)
    assert (fault.flood, server.error) == (kind, ENHANCE_YOUR_CALM)


@pytest.mark.parametrize("name", FLOODS)
def test_the_same_frames_are_taken_when_they_are_spaced(name: str) -> None:
    server = Server(FEW)

    def spaced(number: int) -> bytes:
        server.time += FEW.interval / 4
        return FLOODS[name][1](number)

    assert flooded(server, spaced, 100) == 100


@pytest.mark.parametrize("name", FLOODS)
def test_the_limits_that_are_shipped_stop_it_too(name: str) -> None:
    assert flooded(Server(), FLOODS[name][1], 12_000) < 12_000


def test_a_reset_of_an_answered_stream_costs_nothing() -> None:
    """It is how Envoy ends each of its requests."""
    server = Server(FEW)
    for stream in range(1, 20_001, 2):
        server.send(call(stream), reset(stream, 2))
    assert server.error is None
    assert server.connection.guards._counts[Flood.RESET] == 0


def test_an_answer_pays_for_the_updates_that_come_with_it() -> None:
    server = Server(FEW)
    for stream in range(1, 2001, 2):
        out = server.send(call(stream), window(0, 10), window(stream, 10), reset(stream))
        assert out
    assert server.error is None


def test_useless_frames_are_not_paid_for_by_old_answers() -> None:
    server = Server(FEW)
    for stream in range(1, 2001, 2):
        server.send(call(stream), reset(stream))
    server.time += FEW.interval
    assert flooded(server, lambda _: ping(), 10_000) < 4 * 1000 + 20
    server = Server(FEW)
    server.send(*(ping() for _ in range(11)))
    assert server.connection.over


def test_a_block_in_too_many_frames_is_a_flood() -> None:
    server = Server()
    server.send(headers(1, b"", 0))
    for _ in range(100):
        server.send(frame(CONTINUATION, 0, 1, b""))
    fault = server.connection.fault
    assert isinstance(fault, FloodFault)
    assert fault.flood is Flood.CONTINUATION


def test_a_block_that_is_too_long_is_a_flood() -> None:
    server = Server(replace(Limits(), header_block=20_000))
    server.send(headers(1, bytes(16_384), 0), frame(CONTINUATION, 0, 1, bytes(16_384)))
    fault = server.connection.fault
    assert isinstance(fault, FloodFault)
    assert fault.flood is Flood.HEADERS


def test_a_list_that_unpacks_to_too_much_is_a_flood() -> None:
    server = Server()
    bomb = BLOCK + b"\x40\x01a\x7f\xa0\x1e" + b"x" * 3999 + b"\xbe" * 10_000
    out = server.send(headers(1, bomb))
    assert (out[-1].kind, server.error) == (GOAWAY, ENHANCE_YOUR_CALM)


def test_empty_data_that_ends_a_request_is_no_flood() -> None:
    server = Server(FEW)
    for stream in range(1, 201, 2):
        out = server.send(headers(stream), data(stream, b"", END_STREAM))
        assert [one.kind for one in out] == [HEADERS]
    assert server.error is None


def test_every_error_that_ends_a_connection_is_counted_by_name() -> None:
    """Whatever code the core raises has its counter."""
    package = Path(_errors.__file__).parent
    raised = re.compile(r"ConnectionFault\(\s*ErrorCode\.(\w+)")
    text = "".join(path.read_text() for path in package.glob("*.py"))
    found = set(raised.findall(text)) | {code.name for code in _streams._CODES.values()}
    assert found == {code.name for code in FATAL}
