"""Samples of requests through Envoy."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from benchmarks._cpu import Meter
from benchmarks._load import Generator
from benchmarks._request import HEADERS, Headers
from benchmarks._rounds import Sample

K = TypeVar("K")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case(Generic[K]):
    """A row to be sampled: where to send what, and the process id of the service behind it."""

    key: K
    port: int
    service: int | None
    connections: int
    headers: Headers = HEADERS
    paths: int = 1


def sampler(
    cases: Sequence[Case[K]], load: Generator, *, seconds: int, envoy: int
) -> Callable[[K], Awaitable[Sample]]:
    """For ``take_rounds``; a sample takes so many *seconds*.

    It raises RuntimeError when a row answers nothing.
    """
    by_key = {case.key: case for case in cases}
    services = {case.service for case in cases if case.service is not None}

    async def sample(key: K) -> Sample:
        case, meter = by_key[key], Meter((envoy, *services))
        done = await load.run(
            case.port,
            connections=case.connections,
            seconds=seconds,
            headers=case.headers,
            paths=case.paths,
        )
        usage = meter.read()
        service = 0.0 if case.service is None else usage.seconds[case.service]
        return Sample(
            per_second=done.requests / done.seconds,
            p50=done.p50,
            p99=done.p99,
            envoy_us=usage.seconds[envoy] / done.requests * 1e6,
            service_us=service / done.requests * 1e6,
            failed=done.failed,
            foreign=usage.foreign,
        )

    return sample
