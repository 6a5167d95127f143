"""The processor: one message in, its answer out. No gRPC, no sockets, no event loop.

A policy is made ready once, as one desk per station (``_desk``); a reload puts new desks in place
of the old, and a message is answered wholly at the desk where it came in.
"""

from time import perf_counter
from typing import Final

from google.protobuf.message import DecodeError

from colorfast.extproc._counters import Counters
from colorfast.extproc._desk import Answer, Desk, Desks, desks
from colorfast.extproc._errors import INVALID_ARGUMENT, PeerError
from colorfast.extproc._reply import CONTINUE
from colorfast.extproc._sorting import Sorter
from colorfast.extproc._stream import Station, StreamOptions
from colorfast.extproc.wire import ProcessingRequest
from colorfast.policy import Engine


class Processor:
    """Answers ProcessingRequests by a policy, and counts what it did.

    For one thread; ``prepare`` is for any. Without *native* everything is decided in Python.
    """

    __slots__ = ("_desks", "_native", "counters")

    def __init__(self, engine: Engine, *, native: bool = True) -> None:
        self.counters: Final = Counters()
        self._native = native
        self.adopt(self.prepare(engine))

    @property
    def engine(self) -> Engine:
        """The engine that decides."""
        return self._desks["dye"].engine

    def prepare(self, engine: Engine) -> Desks:
        """What it takes to decide by *engine*. May take longer than a request may wait."""
        return desks(engine, self.counters, native=self._native)

    def adopt(self, prepared: Desks) -> None:
        """Decide by what ``prepare`` gave, from the next message on."""
        self._desks = prepared

    @property
    def sorters(self) -> dict[Station, Sorter]:
        """How messages are sorted, by station."""
        return {station: desk.sorter for station, desk in self._desks.items()}

    @property
    def unforwarded(self) -> frozenset[str]:
        """What the policy reads and some Envoy says that it does not send."""
        return frozenset[str]().union(*(desk.unforwarded for desk in self._desks.values()))

    def process(self, message: bytes, stream: StreamOptions) -> bytes:
        """Answer one serialised ProcessingRequest with one serialised ProcessingResponse.

        Raises PeerError when *message* is no ProcessingRequest, and nothing else.
        """
        started = perf_counter()
        desk = self._desks[stream.station]
        answer, key, baggage = desk.known(message, stream)
        if answer is None:
            try:
                answer = self._learn(desk, message, stream, key, baggage)
            except PeerError:
                self.counters.duration(perf_counter() - started)
                raise
        answer.tally.times += 1
        self.counters.duration(perf_counter() - started)
        return answer.serialised

    def _learn(
        self, desk: Desk, message: bytes, stream: StreamOptions, key: bytes, baggage: bytes
    ) -> Answer:
        try:
            request = ProcessingRequest.FromString(message)
        except DecodeError:
            raise self._refusal(stream) from None
        phase = request.WhichOneof("request")
        if phase is None:
            raise self._refusal(stream)
        if phase != "request_headers":
            tally = self.counters.tally((stream.station, phase, "continued"))
            return Answer(CONTINUE[phase], tally)
        return desk.learn(request, stream, key, baggage)

    def _refusal(self, stream: StreamOptions) -> PeerError:
        self.counters.tally((stream.station, "unknown", "refused")).times += 1
        return PeerError(
            "CF604",
            "a peer sent a message that is not a ProcessingRequest",
            why="only Envoy's ext_proc filter is expected to call this service",
            fix="look for another client of this address",
            grpc_status=INVALID_ARGUMENT,
        )
