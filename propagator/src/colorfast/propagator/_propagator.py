"""The propagator: lanes and OpenTelemetry's contexts, in both directions."""

from functools import cache
from typing import Any, TypeAlias

from opentelemetry.context import Context, get_current
from opentelemetry.propagators.textmap import (
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)

from colorfast.lane import Member
from colorfast.propagator import _carriers as carriers
from colorfast.propagator._carriers import text_of
from colorfast.propagator._context import BAGGAGE, REST, entries_of, lane_in
from colorfast.propagator._find import finder
from colorfast.propagator._log import carrier_failed
from colorfast.propagator._rest import (
    LONGEST,
    decode,
    encode,
    joined,
    key_of,
    keys,
    limited,
    others,
)
from colorfast.propagator._settings import MOST_KNOWN, Settings, settings

_Known: TypeAlias = tuple[str, str]
"""A lane, and its member as it is written."""


class LanePropagator(TextMapPropagator):
    """Takes the lane out of requests and messages, and puts it into those that are sent.

    The entry point ``colorfast``: ``OTEL_PROPAGATORS=tracecontext,baggage,colorfast``, in this
    order. Without ``baggage`` it forwards the others' members of ``baggage`` itself, as they came.

    **extract** takes the lane header, else OpenTelemetry baggage that is in the context already,
    else the ``baggage`` lines; only a valid lane counts. It goes into OpenTelemetry baggage, so
    header and member agree. **inject** writes the lane header and the member. What is stale or
    written in another case in a list or dict is replaced.

    Neither ever raises or waits, and the work is linear in the size of the headers.
    """

    def __init__(self, chosen: Settings | None = None) -> None:
        self._settings = chosen or settings()
        self._header = self._settings.header
        self._key = self._settings.member
        self._known: dict[str, _Known] = {}
        self._admit = self._settings.lanes.admit
        self._find = finder(self._settings)
        self._member = Member(self._key)
        self._forwards = self._settings.baggage == "forward"
        self._writes_baggage = self._settings.baggage != "off"
        self._sent = self._known if self._writes_baggage else {}
        """What is sent for a lane that is known, where nothing else is to be minded."""
        written = [self._header, "baggage"] if self._writes_baggage else [self._header]
        self._fields = frozenset(written)

    @property
    def fields(self) -> set[str]:
        """The names that ``inject`` writes."""
        return set(self._fields)

    def extract(
        self,
        carrier: Any,
        context: Context | None = None,
        getter: Getter[Any] = default_getter,
    ) -> Context:
        """*context* (a new one for None) with the lane in *carrier*; itself when there is none."""
        if context is None:
            context = Context()
        try:
            # What the default getter does first, an isinstance() of an abstract class, takes as
            # long as all that we do; and plain dicts are what gRPC servers and AMQP have.
            if getter is default_getter and type(carrier) is dict:
                header, baggage = carrier.get(self._header), carrier.get("baggage")
            else:
                header, baggage = getter.get(carrier, self._header), getter.get(carrier, "baggage")
            if not header and not baggage and BAGGAGE not in context:
                return context
            if header and type(header) is not str:
                header = text_of(header, carrier, self._header)
            if baggage and type(baggage) is not str:
                baggage = text_of(baggage, carrier, "baggage")
            return self._extracted(header or "", baggage or "", context)
        except Exception:  # noqa: BLE001 (an extract must not raise: it is in a request's path)
            _complain("read", carrier)
            return context

    def _extracted(self, header: str, baggage: str, context: Context) -> Context:
        """*context* with what the two headers hold."""
        entries = entries_of(context) if BAGGAGE in context else {}
        kept = entries.get(self._key)
        if len(baggage) > LONGEST:
            baggage = limited(baggage)
        lane = self._admit(header) if header else None
        if lane is None and kept is not None:
            lane = lane_in(kept, self._admit)
        if lane is None and baggage:
            lane = self._find(baggage)
        news = baggage and self._forwards and context.get(REST) != baggage
        if news and entries:
            news = not self._is_kept(baggage, entries)
        if lane is None or lane == kept:
            return Context({**context, REST: baggage}) if news else context
        # First, for what comes first survives truncation by others.
        entries = {self._key: lane, **entries, self._key: lane} if entries else {self._key: lane}
        if news:
            return Context({**context, BAGGAGE: entries, REST: baggage})
        return Context({**context, BAGGAGE: entries})

    def _is_kept(self, baggage: str, entries: dict[str, object]) -> bool:
        """Whether OpenTelemetry's propagator has read *baggage* before us."""
        others = len(entries) - (self._key in entries)
        return others > 0 and key_of(baggage.partition(",")[0]) in entries

    def inject(
        self,
        carrier: Any,
        context: Context | None = None,
        setter: Setter[Any] = default_setter,
    ) -> None:
        """Write the lane of *context* (the current one for None) into *carrier*, if it has one."""
        try:
            if context is None:
                context = get_current()
            # Nothing to replace, nothing to keep: the most frequent case by far.
            if setter is default_setter and not carrier and REST not in context:
                if BAGGAGE not in context:
                    return
                try:
                    known = self._sent.get(context[BAGGAGE].get(self._key))  # type: ignore[attr-defined]
                except TypeError:  # baggage may hold anything, and this is not even hashable
                    known = None
                if known is not None:
                    # All that the default setter does, without calling it twice.
                    carrier[self._header], carrier["baggage"] = known
                    return
            self._inject(carrier, context, setter)
        except Exception:  # noqa: BLE001 (neither must an inject)
            _complain("written", carrier)

    def _inject(self, carrier: Any, context: Context, setter: Setter[Any]) -> None:
        """Inject, whatever is in *context* and in *carrier*."""
        known = None
        if BAGGAGE in context:
            kept = context[BAGGAGE].get(self._key)  # type: ignore[attr-defined]
            if isinstance(kept, str):
                known = self._known.get(kept) or self._learn(kept)
        baggage = context.get(REST)
        if known is None or carrier:
            if known is not None or baggage is not None:
                self._inject_beside(carrier, known, baggage, setter)
            return
        lane, piece = known
        if baggage is not None:
            piece = joined(piece, others(str(baggage), self._member))
        setter.set(carrier, self._header, lane)
        if self._writes_baggage:
            setter.set(carrier, "baggage", piece)

    def _learn(self, kept: str) -> _Known | None:
        """The lane that the value *kept* in OpenTelemetry's baggage names, and its member."""
        lane = lane_in(kept, self._admit)
        if lane is None:
            return None
        known = lane, f"{self._key}={lane}"
        if kept == lane and len(self._known) < MOST_KNOWN:
            self._known[lane] = known
        return known

    def _inject_beside(
        self, carrier: Any, known: _Known | None, baggage: object, setter: Setter[Any]
    ) -> None:
        """Inject where the carrier may hold something, or where there is no lane to send."""
        if known is not None:
            carriers.clear(carrier, self._header)
            setter.set(carrier, self._header, known[0])
        old = carriers.existing(carrier, "baggage") if self._writes_baggage else None
        if old is None:  # OpenTelemetry wrote it from its baggage, where the member is
            return
        rest = others(baggage, self._member) if isinstance(baggage, str) else ""
        line = self._line(known, old, rest)
        if line and (line != old or isinstance(carrier, list | dict)):
            carriers.clear(carrier, "baggage")
            setter.set(carrier, "baggage", line)

    def _line(self, known: _Known | None, old: str, rest: str) -> str:
        """The member, what is there, and the pieces of *rest* whose keys are not there."""
        lane, piece = known or (None, "")
        if not old:
            return joined(piece, rest)
        if rest:
            there = keys(old)
            rest = ",".join(one for one in rest.split(",") if key_of(one) not in there)
        if not rest and (lane is None or (old.count(self._key) == 1 and self._find(old) == lane)):
            return old
        kept = decode(self._member.read(encode(old)).rest)
        return joined(joined(piece, kept), rest)


class LaneExtractPropagator(LanePropagator):
    """LanePropagator that sends nothing: for services at the edge, which call the world outside.

    The entry point ``colorfast-extract``. With ``baggage`` beside it the member would still go
    out, written by OpenTelemetry; so leave that one out, too.
    """

    @property
    def fields(self) -> set[str]:
        """Nothing is written."""
        return set()

    def inject(
        self,
        carrier: Any,
        context: Context | None = None,
        setter: Setter[Any] = default_setter,
    ) -> None:
        """Do nothing."""


@cache
def own() -> LanePropagator:
    """The one with the settings of this process, whatever OpenTelemetry's global one is."""
    return LanePropagator()


def _complain(what: str, carrier: Any) -> None:
    carrier_failed(f"a {type(carrier).__name__} cannot be {what} as a carrier")
