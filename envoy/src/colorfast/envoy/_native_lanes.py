r"""What native filters read from and write to lane header and ``baggage``.

``header_to_metadata`` takes *rest* and the carried lane out of ``baggage`` with regular
expressions, which hold whether RE2 reads bytes or UTF-8 (see ``_strip``); ``header_mutation`` puts
the new line together. *rest* waits in metadata, what is to follow our member (``,rest``, or
nothing) in filter state.
"""

from collections.abc import Iterator

from colorfast.envoy import _parts as parts
from colorfast.envoy._strip import KEEP, presence_regex, strip_regex
from colorfast.envoy._types import Json
from colorfast.lane import LaneSet, is_family, lanes_regex
from colorfast.policy import Policy

BAGGAGE = "baggage"
REST = "colorfast.rest"
KEPT = "colorfast.kept"
"""*rest* when it is within the limits."""
TAIL = "colorfast.tail"
"""``,`` and *rest* when there is one within the limits."""
MEMBER = "colorfast.member"
"""The last valid member."""

_REST = "rest"
_MEMBER = "member"
_HEADER = "header"
_JOINED = "%CEL(request.headers['baggage'])%"
"""All lines of ``baggage``, joined with ``,``, however long."""
_LONGEST_HEADERS = 8192 << 10
"""Bytes that a request's headers have at most: the highest ``max_request_headers_kb``."""
_REPEAT = 1000
"""The highest count of a repetition in RE2."""


def read_rest(policy: Policy) -> Json:
    """header_to_metadata rule: ``baggage`` without our pieces, trimmed."""
    return parts.extract(BAGGAGE, _REST, strip_regex(policy.member), KEEP)


def read_member(policy: Policy) -> Json:
    """header_to_metadata rule: the last valid member, which a greedy start finds."""
    return parts.extract(BAGGAGE, _MEMBER, rf"^{_valid_member(policy, '(', ')')}$|\C+", r"\1")


def read_header(policy: Policy) -> Json:
    """header_to_metadata rule: the lane header when it is valid."""
    return parts.extract(policy.header, _HEADER, rf"^({_lanes(policy.lanes)})$|\C+", r"\1")


def keep_rest() -> Json:
    """set_filter_state rule: lay *rest* out for a match tree."""
    return parts.keep(REST, parts.metadata(_REST))


def keep_member() -> Json:
    """set_filter_state rule: lay the carried lane out for a match tree."""
    return parts.keep(MEMBER, parts.metadata(_MEMBER))


def limit(policy: Policy) -> Json:
    """Matcher: what may follow our member, within ``edge.baggage``."""
    rest, raw = parts.state(REST), parts.header(BAGGAGE)
    found = parts.regex(rest, parts.SOME)
    from_rest = parts.run("colorfast.tail", _tail(parts.metadata(_REST)))
    # A rest of 8 KiB or more is not in metadata; without a piece of ours it is the header itself.
    from_raw = parts.run("colorfast.tail", _tail(_JOINED))
    unread = parts.every(
        [
            parts.negated(found),
            parts.regex(raw, parts.SOME),
            parts.negated(spoofed(policy)),
            *_within(policy, raw),
        ]
    )
    return parts.first_of(
        [(parts.every([found, *_within(policy, rest)]), from_rest), (unread, from_raw)]
    )


def spoofed(policy: Policy) -> Json:
    """Predicate: ``baggage`` holds a piece of ours."""
    return parts.regex(parts.header(BAGGAGE), presence_regex(policy.member))


def dye(policy: Policy, lane: str) -> Json:
    """On match: write *lane*, a format string."""
    tail = parts.kept(TAIL) if policy.edge.keep_baggage else ""
    return parts.run(
        "colorfast.lane",
        parts.mutate(
            parts.put(policy.header, lane), parts.put(BAGGAGE, _member(policy, lane) + tail)
        ),
    )


def undye(policy: Policy, *, header: bool) -> Json:
    """On match: take every lane away; *header* says whether the lane header is still there."""
    drop = [parts.drop(policy.header)] if header else []
    rest = [parts.put(BAGGAGE, parts.kept(KEPT))] if policy.edge.keep_baggage else []
    bare = parts.run("colorfast.lane", parts.mutate(*drop, parts.drop(BAGGAGE), *rest))
    alone = parts.run("colorfast.lane", parts.mutate(*drop)) if drop else None
    return parts.nested(parts.first_of([(spoofed(policy), bare)], alone))


def accepted(policy: Policy) -> Iterator[tuple[Json, Json]]:
    """Branches: the client's own lane, when the edge accepts it."""
    member = parts.state(MEMBER)
    yield _is_lane(member, policy.edge.accept), dye(policy, parts.metadata(_MEMBER))
    header = parts.header(policy.header)
    chosen = [
        parts.negated(parts.regex(member, parts.SOME)),
        _is_lane(header, policy.lanes),
        _is_lane(header, policy.edge.accept),
    ]
    yield parts.every(chosen), dye(policy, parts.metadata(_HEADER))


def carry(policy: Policy) -> Json:
    """Matcher: the whole of a hop."""
    baggage = parts.header(BAGGAGE)
    ours = presence_regex(policy.member)
    member, lane = parts.metadata(_MEMBER), parts.metadata(_HEADER)
    to_header = parts.put(policy.header, member)
    several = parts.regex(baggage, rf"{ours},{ours}")
    as_it_is = parts.run("colorfast.lane", parts.mutate(to_header))
    one_line = parts.run("colorfast.lane", parts.mutate(to_header, *_rewritten(policy, member)))
    from_header = [
        # Foreign pieces only: they may be of any length, for nothing is cut out.
        (
            parts.every([parts.regex(baggage, parts.SOME), parts.negated(spoofed(policy))]),
            [parts.put(BAGGAGE, f"{_member(policy, lane)},{_JOINED}")],
        ),
        (spoofed(policy), _rewritten(policy, lane)),
    ]
    alone = parts.mutate(parts.put(BAGGAGE, _member(policy, lane)))
    return parts.first_of(
        [
            (
                parts.regex(baggage, _valid_member(policy, "(?:", ")")),
                parts.nested(parts.first_of([(several, one_line)], as_it_is)),
            ),
            (
                _is_lane(parts.header(policy.header), policy.lanes),
                parts.nested(
                    parts.first_of(
                        [
                            (when, parts.run("colorfast.lane", parts.mutate(*then)))
                            for when, then in from_header
                        ],
                        parts.run("colorfast.lane", alone),
                    )
                ),
            ),
        ]
    )


def _rewritten(policy: Policy, lane: str) -> list[Json]:
    """Mutations: our member, then *rest*, in one line."""
    return [
        parts.drop(BAGGAGE),
        parts.put(BAGGAGE, parts.metadata(_REST)),
        parts.put(BAGGAGE, f"{_member(policy, lane)},%REQ({BAGGAGE})%", when="OVERWRITE_IF_EXISTS"),
        parts.put(BAGGAGE, _member(policy, lane), when="ADD_IF_ABSENT"),
    ]


def _tail(rest: str) -> Json:
    return parts.to_state((parts.keep(TAIL, f",{rest}"), parts.keep(KEPT, rest)))


def _member(policy: Policy, lane: str) -> str:
    return f"{parts.literal(policy.member.key)}={lane}"


def _within(policy: Policy, value: Json) -> Iterator[Json]:
    """Predicates: *value* keeps to the limits: it is not longer, which is easy to see."""
    edge = policy.edge
    if edge.max_members < _LONGEST_HEADERS:
        yield parts.negated(parts.regex(value, _times(r"(?:\C*?,)", edge.max_members) + parts.ANY))
    if edge.max_bytes is not None and edge.max_bytes < _LONGEST_HEADERS:
        yield parts.negated(parts.regex(value, _times(r"\C", edge.max_bytes + 1) + parts.ANY))


def _times(pattern: str, count: int) -> str:
    whole, left = divmod(count, _REPEAT)
    return f"{pattern}{{{_REPEAT}}}" * whole + (f"{pattern}{{{left}}}" if left else "")


def _valid_member(policy: Policy, before: str, after: str) -> str:
    """Regex of a whole ``baggage``: it holds a valid member, which stands between the two."""
    ows = r"[ \t]*"
    key = parts.escape(policy.member.key)
    lane = f"{before}{_lanes(policy.lanes)}{after}"
    return rf"(?:\C*,)?{ows}{key}{ows}={ows}{lane}{ows}(?:[;,]\C*)?"


def _lanes(lanes: LaneSet) -> str:
    return "|".join(map(lanes_regex, lanes.patterns))


def _is_lane(value: Json, lanes: LaneSet) -> Json:
    """Predicate: *value* is one of *lanes*."""
    return parts.some(
        [
            parts.regex(value, lanes_regex(p)) if is_family(p) else parts.text(value, "exact", p)
            for p in lanes.patterns
        ]
    )
