"""The processor alone: bytes in, bytes out, no gRPC and no Envoy."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import TypeAlias

from benchmarks._measure import interleaved, ratio
from benchmarks._request import AGAIN, DISTINCT, SHAPES, Headers, path_of
from colorfast.envoy import ExtProcOptions, ext_proc_chain
from colorfast.extproc import Processor, StreamOptions
from colorfast.extproc.wire import ProcessingRequest, ProcessingResponse
from colorfast.policy import Engine, Policy

Lines: TypeAlias = tuple[tuple[str, bytes], ...]


def lines(headers: Headers, number: int = 0) -> Lines:
    """What Envoy has of request *number* with *headers* when it asks the service."""
    host = dict(headers)["host"].encode()
    return (
        (":authority", host),
        (":path", path_of(number).encode()),
        (":method", b"GET"),
        (":scheme", b"http"),
        *((name, value.encode()) for name, value in headers if name != "host"),
        ("x-forwarded-proto", b"http"),
        ("x-request-id", b"0f2d5f6e-5b7a-4a57-9d6c-2f7c6a2%05x" % number),
    )


def processor_costs(policy: Policy, *, quick: bool) -> dict[str, dict[str, float]]:
    """By shape: microseconds a message, and the ratio of few headers to all.

    "all" and "forwarded" are messages that are not known, each another path; "again" is one
    forwarded message that is.
    """
    forwards = _forwarded(policy)
    stream = StreamOptions(forwards=forwards | {"edge.drop"})  # as the filter itself says
    processor = Processor(Engine(policy))
    calls = {}
    shapes = {name: headers for name, headers in SHAPES.items() if name != AGAIN}
    for number, (name, headers) in enumerate(shapes.items()):
        # No two shapes share a message either: what is forwarded of them may be the same.
        first = number * DISTINCT
        every = [lines(headers, one) for one in range(first, first + DISTINCT)]
        few = [tuple(line for line in one if line[0] in forwards) for one in every]
        calls[f"{name}, all"] = _call(processor, every, stream)
        calls[f"{name}, forwarded"] = _call(processor, few, stream)
        calls[f"{name}, again"] = _call(processor, few[:1], stream)
    samples = interleaved(calls, rounds=5 if quick else 25)
    return {name: _row(samples, name) for name in shapes}


def _row(samples: Mapping[str, Sequence[float]], name: str) -> dict[str, float]:
    every, few, again = (samples[f"{name}, {kind}"] for kind in ("all", "forwarded", "again"))
    return {
        "ratio": ratio(few, every),
        "again": statistics.median(again),
        "forwarded": statistics.median(few),
        "all": statistics.median(every),
    }


def message(every: Lines) -> bytes:
    """A ProcessingRequest as Envoy 1.40 sends it for a request without a body."""
    request = ProcessingRequest()
    for name, value in every:
        request.request_headers.headers.headers.add(key=name, raw_value=value)
    # metadata_context and protocol_config: always there, empty; we have no names for them.
    return request.SerializeToString() + b"\x42\x00\x5a\x00"


def _call(
    processor: Processor, asked: Sequence[Lines], stream: StreamOptions
) -> Callable[[], bytes]:
    messages = [message(one) for one in asked]
    answer = ProcessingResponse.FromString(processor.process(messages[0], stream))
    sets = answer.request_headers.response.header_mutation.set_headers
    assert sets[0].header.raw_value == b"canary"
    process, ask = processor.process, cycle(messages).__next__
    return lambda: process(ask(), stream)


def _forwarded(policy: Policy) -> frozenset[str]:
    """What Envoy sends when its filter is generated from *policy*."""
    config = ext_proc_chain(policy, ExtProcOptions()).filters[0]["typed_config"]
    return frozenset(one["exact"] for one in config["forward_rules"]["allowed_headers"]["patterns"])
