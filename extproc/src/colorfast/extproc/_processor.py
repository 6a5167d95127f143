"""The processor: one message in, its answer out. No gRPC, no sockets, no event loop.

Theory of operation. A policy is made ready once, as one *desk* per station; a reload puts new desks
in place of the old, and a message is answered wholly at the desk where it came in. Of a request
only the headers that the policy reads are looked at. Most answers do not depend on anything else
in the request: those are serialised once and kept. Only an answer that repeats the request's own
baggage is built anew, and only it can hold bytes that have to be checked.

A message that is the same as one before, byte for byte, has the same answer, and is not even
parsed: Envoy sends only the headers that the policy reads, so at hops, and at entrances that do not
look at users, most messages repeat. What is remembered is bounded, and goes with the desk. A policy
that draws lanes at random has no such answers.
"""

import logging
from collections.abc import Callable
from time import perf_counter
from typing import Final, NamedTuple

from google.protobuf.message import DecodeError

from colorfast.extproc._counters import Counters, Tally
from colorfast.extproc._errors import INVALID_ARGUMENT, PeerError
from colorfast.extproc._memo import Memo
from colorfast.extproc._needs import SOURCE_ADDRESS, compiled_in, needs
from colorfast.extproc._reply import (
    CONTINUE,
    around_rest,
    has_rest,
    is_refused,
    reply,
    without_rest,
)
from colorfast.extproc._stream import STATIONS, Station, StreamOptions
from colorfast.extproc.wire import ProcessingRequest
from colorfast.policy import Engine, Outcome, Policy, Request, Split

MAX_REPLIES: Final = 1024
"""Answers that are kept; families such as ``pr-*`` could otherwise make them endless."""

MAX_KNOWN: Final = 1024
"""Messages whose answers are remembered for sure, by station; up to twice as many may be."""

MAX_KNOWN_SIZE: Final = 2048
"""Bytes of the longest message that is remembered: longer ones hardly ever repeat."""

MAX_AUDITS: Final = 64
"""Different filter configurations that are looked at for what they do not send."""

ATTRIBUTES: Final = "envoy.filters.http.ext_proc"
"""Under this key Envoy sends attributes, whatever the filter is called."""

_DONE: Final = {"dye": ("dyed", "undyed"), "carry": ("carried", "untouched")}
"""What became of a request, by station: with a lane, and without one."""

_LOG = logging.getLogger("colorfast.extproc")


class _Answer(NamedTuple):
    """An answer, and where it is counted."""

    serialised: bytes
    tally: Tally


class _Shape(NamedTuple):
    """Answers that differ in the baggage of others alone."""

    write: Callable[[bytes], bytes]
    tally: Tally


class _Desk:
    """One station of one policy."""

    __slots__ = (
        "_answers",
        "_audited",
        "_compiled_in",
        "_counters",
        "_decide",
        "_engine",
        "_known",
        "_names",
        "_repeats",
        "_shapes",
        "_source",
        "_station",
    )

    def __init__(self, engine: Engine, station: Station, counters: Counters) -> None:
        self._counters = counters
        self._engine = engine
        self._station = station
        self._decide = engine.dye if station == "dye" else engine.carry
        self._names = needs(engine.policy, station)
        self._compiled_in = compiled_in(engine.policy, station)
        self._source = SOURCE_ADDRESS in self._names
        self._answers: dict[tuple[Outcome, bool], _Answer] = {}
        self._shapes: dict[tuple[str | None, str | None, bool], _Shape] = {}
        self._audited: dict[frozenset[str], frozenset[str]] = {}
        self._repeats = station == "carry" or not _is_random(engine.policy)
        self._known: dict[bool, Memo[bytes, _Answer]] = {
            metadata: Memo(MAX_KNOWN) for metadata in (False, True)
        }

    @property
    def unforwarded(self) -> frozenset[str]:
        return frozenset[str]().union(*self._audited.values())

    def known(self, message: bytes, stream: StreamOptions) -> _Answer | None:
        """The answer to the very same message, if there was one lately."""
        if stream.forwards is not None and stream.forwards not in self._audited:
            self._audit(stream.forwards)
        return self._known[stream.metadata].get(message)

    def answer(self, message: bytes, request: ProcessingRequest, stream: StreamOptions) -> _Answer:
        """The answer to *message*, which holds *request*."""
        outcome = self._outcome(request)
        if has_rest(outcome):
            rest = outcome.sets[-1][1]
            if is_refused(rest):
                self._counters.refused_values += 1
                return self._kept(without_rest(self._engine.policy, outcome), stream.metadata)
            shape = self._shape(outcome, stream.metadata)
            answer = _Answer(shape.write(rest), shape.tally)
        else:
            answer = self._kept(outcome, stream.metadata)
        if self._repeats and len(message) <= MAX_KNOWN_SIZE:
            self._known[stream.metadata].put(message, answer)
        return answer

    def _outcome(self, request: ProcessingRequest) -> Outcome:
        names = self._names
        lines = [
            (name, header.raw_value or header.value.encode())
            for header in request.request_headers.headers.headers
            if (name := header.key) in names
        ]
        return self._decide(Request(lines, _source_ip(request) if self._source else ""))

    def _kept(self, outcome: Outcome, metadata: bool) -> _Answer:
        answer = self._answers.get((outcome, metadata))
        if answer is None:
            serialised = reply(outcome, self._digest(metadata))
            answer = _Answer(serialised, self._tally(outcome))
            if len(self._answers) >= MAX_REPLIES:
                self._answers.clear()
            self._answers[outcome, metadata] = answer
        return answer

    def _shape(self, outcome: Outcome, metadata: bool) -> _Shape:
        key = (outcome.lane, outcome.rule, metadata)
        shape = self._shapes.get(key)
        if shape is None:
            write = around_rest(outcome, self._digest(metadata))
            shape = _Shape(write, self._tally(outcome))
            if len(self._shapes) >= MAX_REPLIES:
                self._shapes.clear()
            self._shapes[key] = shape
        return shape

    def _digest(self, metadata: bool) -> str | None:
        return self._engine.policy.digest if metadata else None

    def _tally(self, outcome: Outcome) -> Tally:
        lane, station = outcome.lane, self._station
        done, nothing = _DONE[station]
        pattern = "" if lane is None else self._engine.policy.lanes.pattern_of(lane) or ""
        return self._counters.tally(
            (station, "request_headers", nothing if lane is None else done),
            (station, pattern, outcome.rule or ""),
        )

    def _audit(self, forwards: frozenset[str]) -> None:
        if len(self._audited) >= MAX_AUDITS:
            return
        missing = self._audited[forwards] = self._compiled_in - forwards
        if missing:
            _LOG.warning(
                "CF603: the filter at station %s was not configured for this policy, it lacks %s; "
                "compile the policy again and give the result to Envoy",
                self._station,
                ", ".join(sorted(missing)),
            )


class Processor:
    """Answers ProcessingRequests by a policy, and counts what it did.

    For one thread; assign ``engine`` in that thread too.
    """

    __slots__ = ("_desks", "_engine", "counters")

    def __init__(self, engine: Engine) -> None:
        self.counters: Final = Counters()
        self.engine = engine

    @property
    def engine(self) -> Engine:
        """The engine that decides. Assigning another one is atomic."""
        return self._engine

    @engine.setter
    def engine(self, engine: Engine) -> None:
        desks = {station: _Desk(engine, station, self.counters) for station in STATIONS}
        self._engine, self._desks = engine, desks

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
        try:
            answer = desk.known(message, stream) or self._answer(desk, message, stream)
        except PeerError:
            self.counters.duration(perf_counter() - started)
            raise
        answer.tally.times += 1
        self.counters.duration(perf_counter() - started)
        return answer.serialised

    def _answer(self, desk: _Desk, message: bytes, stream: StreamOptions) -> _Answer:
        try:
            request = ProcessingRequest.FromString(message)
        except DecodeError:
            raise self._refusal(stream) from None
        phase = request.WhichOneof("request")
        if phase is None:
            raise self._refusal(stream)
        if phase != "request_headers":
            tally = self.counters.tally((stream.station, phase, "continued"))
            return _Answer(CONTINUE[phase], tally)
        return desk.answer(message, request, stream)

    def _refusal(self, stream: StreamOptions) -> PeerError:
        self.counters.tally((stream.station, "unknown", "refused")).times += 1
        return PeerError(
            "CF604",
            "a peer sent a message that is not a ProcessingRequest",
            why="only Envoy's ext_proc filter is expected to call this service",
            fix="look for another client of this address",
            grpc_status=INVALID_ARGUMENT,
        )


def _is_random(policy: Policy) -> bool:
    """Whether the same request may get another lane the next time."""
    gives = (rule.gives for rule in policy.active_rules)
    return any(isinstance(split, Split) and split.otherwise is None for split in gives)


def _source_ip(request: ProcessingRequest) -> str:
    """The client's address; it comes as ``ip:port`` or ``[ip]:port``."""
    if ATTRIBUTES not in request.attributes:
        return ""
    fields = request.attributes[ATTRIBUTES].fields
    if SOURCE_ADDRESS not in fields:
        return ""
    address = fields[SOURCE_ADDRESS].string_value
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0] if address.count(":") == 1 else address
