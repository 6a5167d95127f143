"""One station of one policy: requests in, answers out.

Theory of operation. The reference decides (``colorfast.policy``); here is what keeps it from being
asked again. A *sorter* tells which messages have the same answer, and the first of each kind is
parsed, decided by the reference, and its answer serialised and remembered. From then on a message
of that kind costs one look by the sorter, and no more: with the native core a request is neither
parsed nor decided in Python. Only an answer that repeats the request's own baggage is put together
anew, and only it can hold bytes that have to be checked.

What the core says is compared with the reference wherever a kind is met for the first time; a core
that is ever wrong is never asked again.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeAlias

from colorfast.extproc._counters import Counters, Tally
from colorfast.extproc._memo import Memo
from colorfast.extproc._needs import SOURCE_ADDRESS, compiled_in, needs
from colorfast.extproc._reply import around_rest, has_rest, is_refused, reply, without_rest
from colorfast.extproc._sorting import Sorter, sorter
from colorfast.extproc._stream import STATIONS, Station, StreamOptions
from colorfast.extproc.wire import ProcessingRequest
from colorfast.policy import Engine, Outcome, Request

MAX_KNOWN: Final = 1024
"""Kinds of messages that are remembered for sure, by station; up to twice as many may be."""

MAX_REPLIES: Final = 1024
"""Answers that are kept; families such as ``pr-*`` could otherwise make them endless."""

MAX_AUDITS: Final = 64
"""Different filter configurations that are looked at for what they do not send."""

ATTRIBUTES: Final = "envoy.filters.http.ext_proc"
"""Under this key Envoy sends attributes, whatever the filter is called."""

_DONE: Final = {"dye": ("dyed", "undyed"), "carry": ("carried", "untouched")}
"""What became of a request, by station: with a lane, and without one."""

_LOG = logging.getLogger("colorfast.extproc")


class Answer(NamedTuple):
    """An answer, and where it is counted."""

    serialised: bytes
    tally: Tally


class Shape(NamedTuple):
    """Answers that differ in the baggage of others alone."""

    write: Callable[[bytes], bytes]
    tally: Tally


class Desk:
    """One station of one policy. For one thread; making one may take a while, in any thread."""

    __slots__ = (
        "_answers",
        "_audited",
        "_compiled_in",
        "_counters",
        "_decide",
        "_known",
        "_names",
        "_shapes",
        "_sort",
        "_source",
        "_station",
        "engine",
        "sorter",
    )

    def __init__(
        self, engine: Engine, station: Station, counters: Counters, *, native: bool = True
    ) -> None:
        self._counters = counters
        self.engine: Final = engine
        self._station = station
        self._decide = engine.dye if station == "dye" else engine.carry
        self._names = needs(engine.policy, station)
        self._compiled_in = compiled_in(engine.policy, station)
        self._source = SOURCE_ADDRESS in self._names
        self._answers: dict[tuple[Outcome, bool], Answer] = {}
        self._shapes: dict[tuple[str | None, str | None, bool], Shape] = {}
        self._audited: dict[frozenset[str], frozenset[str]] = {}
        self._use(sorter(engine.policy, station, native=native))
        if native and self.sorter.core is None:
            _LOG.info("station %s is decided in Python: %s", station, self.sorter.why_not)

    @property
    def unforwarded(self) -> frozenset[str]:
        """What the policy reads here and some Envoy says that it does not send."""
        return frozenset[str]().union(*self._audited.values())

    def known(self, message: bytes, stream: StreamOptions) -> tuple[Answer | None, bytes, bytes]:
        """The answer if messages of this kind have been here; and what the sorter says."""
        if stream.forwards is not None and stream.forwards not in self._audited:
            self._audit(stream.forwards)
        key, baggage = self._sort(message)
        found = self._known[stream.metadata].get(key)
        if isinstance(found, Shape):
            return Answer(found.write(baggage), found.tally), key, baggage
        return found, key, baggage

    def learn(
        self, request: ProcessingRequest, stream: StreamOptions, key: bytes, baggage: bytes
    ) -> Answer:
        """The answer to *request*, remembered for its kind."""
        outcome = self._outcome(request)
        rest = outcome.sets[-1][1] if has_rest(outcome) else b""
        if rest and is_refused(rest):
            self._counters.refused_values += 1
            return self._kept(without_rest(self.engine.policy, outcome), stream.metadata)
        if not self._agrees(key, baggage, outcome, rest):
            key = b""
        if not rest:
            answer = self._kept(outcome, stream.metadata)
            self._remember(stream, key, answer)
            return answer
        shape = self._shape(outcome, stream.metadata)
        answer = Answer(shape.write(rest), shape.tally)
        self._remember(stream, key, shape if baggage else answer)
        return answer

    def _use(self, chosen: Sorter) -> None:
        self.sorter = chosen
        self._sort = chosen.sort
        self._known: dict[bool, Memo[bytes, Answer | Shape]] = {
            metadata: Memo(MAX_KNOWN) for metadata in (False, True)
        }

    def _remember(self, stream: StreamOptions, key: bytes, answer: Answer | Shape) -> None:
        if key:
            self._known[stream.metadata].put(key, answer)

    def _agrees(self, key: bytes, baggage: bytes, outcome: Outcome, rest: bytes) -> bool:
        """Whether the core, if it said anything, said what the reference says."""
        core = self.sorter.core
        if core is None or not key or (core.lane_of(key) == outcome.lane and baggage == rest):
            return True
        self._use(self.sorter.without_core("it disagreed with the reference"))
        _LOG.error(
            "CF608: the native core disagrees with the reference at station %s, "
            "and is not asked again; please report the policy",
            self._station,
        )
        return False

    def _outcome(self, request: ProcessingRequest) -> Outcome:
        names = self._names
        lines = [
            (name, header.raw_value or header.value.encode())
            for header in request.request_headers.headers.headers
            if (name := header.key) in names
        ]
        return self._decide(Request(lines, _source_ip(request) if self._source else ""))

    def _kept(self, outcome: Outcome, metadata: bool) -> Answer:
        answer = self._answers.get((outcome, metadata))
        if answer is None:
            serialised = reply(outcome, self._digest(metadata))
            answer = Answer(serialised, self._tally(outcome))
            if len(self._answers) >= MAX_REPLIES:
                self._answers.clear()
            self._answers[outcome, metadata] = answer
        return answer

    def _shape(self, outcome: Outcome, metadata: bool) -> Shape:
        key = (outcome.lane, outcome.rule, metadata)
        shape = self._shapes.get(key)
        if shape is None:
            write = around_rest(outcome, self._digest(metadata))
            shape = Shape(write, self._tally(outcome))
            if len(self._shapes) >= MAX_REPLIES:
                self._shapes.clear()
            self._shapes[key] = shape
        return shape

    def _digest(self, metadata: bool) -> str | None:
        return self.engine.policy.digest if metadata else None

    def _tally(self, outcome: Outcome) -> Tally:
        lane, station = outcome.lane, self._station
        done, nothing = _DONE[station]
        pattern = "" if lane is None else self.engine.policy.lanes.pattern_of(lane) or ""
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


Desks: TypeAlias = Mapping[Station, Desk]
"""All stations of one policy."""


def desks(engine: Engine, counters: Counters, *, native: bool) -> Desks:
    """Desks for every station; takes a while, in any thread."""
    return {station: Desk(engine, station, counters, native=native) for station in STATIONS}


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
