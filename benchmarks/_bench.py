"""Servers without Envoy: each answer is looked at."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc

from benchmarks._ask import Asked, ask
from benchmarks._cpu import Cores, Meter
from benchmarks._processes import Service
from benchmarks._request import DISTINCT
from benchmarks._rounds import Sample
from benchmarks._servers import asked_message, framed, right_answer
from colorfast.extproc.wire import ProcessingResponse

_FIRST: Final = 2000
"""Requests that tell how many a sample takes."""

_METHOD: Final = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"


class WrongAnswerError(Exception):
    """A server does not answer as it should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A server, and whether it is asked one message again and again."""

    server: str
    again: bool = False

    def __str__(self) -> str:
        return f"{self.server}, one message again and again" if self.again else self.server


class Bench:
    """Asks *services*; *folder* is for files."""

    def __init__(
        self,
        services: Mapping[str, Service],
        folder: Path,
        cores: Cores,
        *,
        in_flight: int,
        connections: int = 1,
    ) -> None:
        self._services = services
        self._folder = folder
        # Envoy has no core to itself here, so the load may have it.
        self._cores = cores.envoy
        self._in_flight = in_flight
        self._connections = connections
        self._messages = {again: folder / f"messages-{again}" for again in (False, True)}
        self._answers: dict[str, Path] = {}
        for again, file in self._messages.items():
            numbers = range(1 if again else DISTINCT)
            file.write_bytes(b"".join(framed(asked_message(number)) for number in numbers))

    async def check(self) -> None:
        """Ask each once with another client, and keep its answer. Raises WrongAnswerError."""
        expected = headers_of(right_answer())
        for number, (name, service) in enumerate(self._services.items()):
            answer = await _answer_of(service.addresses[0])
            if (got := headers_of(answer)) != expected:
                raise WrongAnswerError(f"{name} answers {got}, not {expected}")
            file = self._answers[name] = self._folder / f"answer-{number}"
            file.write_bytes(framed(answer))

    async def ask(self, asking: Asking, requests: int) -> Asked:
        """Raises WrongAnswerError when an answer is another one than ``check`` has seen."""
        done = await ask(
            self._services[asking.server].addresses[0],
            self._messages[asking.again],
            self._answers[asking.server],
            requests=requests,
            connections=self._connections,
            in_flight=self._in_flight,
            cores=self._cores,
        )
        if done.wrong:
            raise WrongAnswerError(f"{asking}: {done.wrong} of {requests} answers are wrong")
        return done

    def sampler(self, seconds: int) -> Callable[[Asking], Awaitable[Sample]]:
        """For ``take_rounds``: as many requests as take about so many *seconds*."""
        rates: dict[Asking, float] = {}
        pids = [one.pid for one in self._services.values()]

        async def sample(asking: Asking) -> Sample:
            if asking not in rates:
                rates[asking] = (await self.ask(asking, _FIRST)).per_second
            meter = Meter(pids)
            done = await self.ask(asking, max(_FIRST, int(rates[asking] * seconds)))
            usage = meter.read()
            rates[asking] = done.per_second
            return Sample(
                per_second=done.per_second,
                p50=done.p50,
                p99=done.p99,
                envoy_us=0.0,
                service_us=usage.seconds[self._services[asking.server].pid] / done.requests * 1e6,
                failed=0,
                foreign=usage.foreign,
            )

        return sample


async def _answer_of(address: str) -> bytes:
    """To one question."""
    async with grpc.aio.insecure_channel(address) as channel:
        call: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(_METHOD)
        stream = call(timeout=10)
        await stream.write(asked_message())
        answer = await stream.read()
        stream.cancel()
    return answer if isinstance(answer, bytes) else b""


def headers_of(answer: bytes) -> dict[str, bytes]:
    """What a ProcessingResponse sets."""
    mutation = ProcessingResponse.FromString(answer).request_headers.response.header_mutation
    return {one.header.key: one.header.raw_value for one in mutation.set_headers}
