"""A small load generator, for machines without wrk.

``-m ... PORT CONNECTIONS SECONDS HEADERS PATHS``; HEADERS are pairs, as JSON. It costs more CPU a
request than wrk, and so leaves less to what it shares its core with.
"""

import asyncio
import json
import sys
from collections.abc import Iterator
from itertools import cycle
from time import perf_counter
from typing import cast

import uvloop

from benchmarks._request import Headers, head, path_of

_END_OF_HEAD = b"\r\n\r\n"
_LINGER = 2.0
"""Seconds that the last answers may take."""


class Client(asyncio.Protocol):
    """One connection that sends the next request when the answer is there.

    Answers must have no body: their head is where they end.
    """

    def __init__(self, requests: Iterator[bytes], until: float) -> None:
        self._requests = requests
        self._until = until
        self._buffer = b""
        self._sent = 0.0
        self.latencies: list[float] = []
        self.failed = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not an instance
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._buffer.endswith(_END_OF_HEAD):
            return
        now = perf_counter()
        self.latencies.append(now - self._sent)
        self.failed += self._buffer[9:10] not in (b"2", b"3")  # after "HTTP/1.1 "
        self._buffer = b""
        if now < self._until:
            self._send()
        else:
            self._finish()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.failed += 1
            self._finish()

    def _send(self) -> None:
        self._sent = perf_counter()
        self._transport.write(next(self._requests))

    def _finish(self) -> None:
        self.done.set_result(None)
        self._transport.close()


async def main(
    port: int, connections: int, seconds: float, headers: Headers, paths: int
) -> dict[str, float]:
    requests = cycle([head(path_of(number), headers) for number in range(paths)])
    start = perf_counter()
    clients = [await _connect(port, requests, start + seconds) for _ in range(connections)]
    _, late = await asyncio.wait([one.done for one in clients], timeout=seconds + _LINGER)
    taken = perf_counter() - start
    latencies = sorted(latency * 1e3 for client in clients for latency in client.latencies)
    return {
        "requests": len(latencies),
        "seconds": taken,
        "p50": _percentile(latencies, 0.5),
        "p99": _percentile(latencies, 0.99),
        "failed": sum(client.failed for client in clients) + len(late),
    }


async def _connect(port: int, requests: Iterator[bytes], until: float) -> Client:
    client = Client(requests, until)
    loop = asyncio.get_running_loop()
    await loop.create_connection(lambda: client, "127.0.0.1", port)
    return client


def _percentile(ordered: list[float], part: float) -> float:
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)] if ordered else 0.0


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        port, connections, seconds, headers, paths = sys.argv[1:]
        pairs = tuple((name, value) for name, value in json.loads(headers))
        answer = runner.run(main(int(port), int(connections), float(seconds), pairs, int(paths)))
    print(json.dumps(answer))
