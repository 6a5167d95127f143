"""What it takes two values to tell: every check of a policy that parsed, one function each.

A check reports into the document and goes on. Parts that did not parse are None here, and a check
that would need them says nothing: one mistake, one report.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator

from colorfast.lane import LaneSet, is_family
from colorfast.policy._build import RANDOM
from colorfast.policy._draft import Draft
from colorfast.policy._ir import BUCKETS
from colorfast.policy._model import NamedKey, SpecModel
from colorfast.policy._source import Path


def lanes_are_known(draft: Draft) -> None:
    """Every lane that the policy names is one that it admits."""
    if draft.spec is None or "lanes" in draft.broken:
        return
    lanes = LaneSet(tuple(draft.spec.lanes))
    for path, lane, at_key in _named_lanes(draft, draft.spec):
        known = any(_covers(lanes, lane)) if is_family(lane) else lane in lanes
        if not known:
            implied = path[-1] == "baseline" and "baseline" not in draft.spec.model_fields_set
            draft.document.report(
                "CF201",
                path,
                f"the baseline is {lane} unless you name another, and {lane} is not in lanes"
                if implied
                else f"lane {lane} is not in lanes",
                why="lanes is a closed set: a lane outside of it is not carried by any hop",
                fix=f"add {lane} to lanes, or name one of {', '.join(draft.spec.lanes)}",
                at_key=at_key,
            )


def _covers(lanes: LaneSet, family: str) -> Iterator[bool]:
    for pattern in lanes.patterns:
        yield is_family(pattern) and family.startswith(pattern[:-1])


def _named_lanes(draft: Draft, spec: SpecModel) -> Iterator[tuple[Path, str, bool]]:
    at = draft.at
    if "baseline" not in draft.broken:
        yield (*at, "baseline"), spec.baseline, False
    if spec.default is not None:
        yield (*at, "default"), spec.default, False
    for child, parent in spec.parents.items():
        yield (*at, "parents", child), child, True
        yield (*at, "parents", child), parent, False
    for index, lane in enumerate(spec.edge.accept):
        yield (*at, "edge", "accept", index), lane, False
    for path, rule in draft.sound_rules():
        if rule.lane is not None:
            yield (*path, "lane"), rule.lane, False
    for path, split in draft.splits():
        for lane in split.weights:
            yield (*path, "weights", lane), lane, True
        if split.otherwise not in (None, RANDOM):
            yield (*path, "otherwise"), str(split.otherwise), False


def parents_lead_to_baseline(draft: Draft) -> None:
    """Following parents ends, and the baseline is where it ends."""
    if draft.spec is None:
        return
    parents = draft.spec.parents
    reported: set[str] = set()
    for lane in parents:
        chain = [lane]
        while chain[-1] in parents and parents[chain[-1]] not in chain:
            chain.append(parents[chain[-1]])
        closing = parents.get(chain[-1])
        if closing is None or closing != lane or lane in reported:
            continue
        reported.update(chain)
        draft.document.report(
            "CF203",
            (*draft.at, "parents", lane),
            "parents form a cycle: " + " -> ".join([*chain, closing]),
            why="a hop without this lane would look for another one for ever",
            fix="let one of them end at the baseline by removing its line",
            at_key=True,
        )
    if draft.spec.baseline in parents and draft.spec.baseline not in reported:
        draft.document.report(
            "CF214",
            (*draft.at, "parents", draft.spec.baseline),
            f"the baseline {draft.spec.baseline} has a parent",
            why="the baseline has every service, so nothing falls back from it",
            fix="remove the line",
            at_key=True,
        )


def weights_are_whole(draft: Draft) -> None:
    """A split's weights are parts of 10,000, and all of them."""
    for path, split in draft.splits():
        total = sum(split.weights.values())
        if total != BUCKETS:
            draft.document.report(
                "CF204",
                (*path, "weights"),
                f"the weights sum to {total:,}, not {BUCKETS:,}",
                why="weights are parts of 10,000, so 100 is one percent",
                fix=f"{'add' if total < BUCKETS else 'take away'} {abs(BUCKETS - total):,}",
            )


def rules_read_no_dye(draft: Draft) -> None:
    """No rule looks at what the dye rewrites."""
    if draft.spec is None or "header" in draft.broken:
        return
    rewritten = {draft.spec.header, "baggage"}
    for path, name in _headers_read(draft):
        if name.lower() in rewritten:
            draft.document.report(
                "CF206",
                path,
                f"a rule reads {name.lower()}, which dyeing rewrites",
                why="rules see the client's request, where this header is worth nothing",
                fix="use edge.client: accept to let clients choose a lane",
                at_key=True,
            )


def _headers_read(draft: Draft) -> Iterator[tuple[Path, str]]:
    for path, rule in draft.sound_rules():
        for index, match in enumerate(rule.match or ()):
            written = draft.document.get((*path, "match", index)).get("headers") or {}
            for name in written if match.headers else ():
                yield (*path, "match", index, "headers", name), name
    for path, split in draft.splits():
        for index, key in enumerate(split.by):
            if isinstance(key, NamedKey) and key.header:
                yield (*path, "by", index, "header"), key.header


def header_names_are_unique(draft: Draft) -> None:
    """No header is matched twice in one entry under two spellings."""
    seen: dict[tuple[Path, str], str] = {}
    for path, name in _headers_read(draft):
        first = seen.setdefault((path[:-1], name.lower()), name)
        if first != name:
            draft.document.report(
                "CF102",
                path,
                f"{name} and {first} are the same header",
                why="header names are case-insensitive (RFC 9110 section 5.1)",
                fix="keep the one that is meant, or say both in one regex",
                at_key=True,
            )


def rule_names_are_unique(draft: Draft) -> None:
    """A name says which rule it was, in metrics and in explanations."""
    seen: dict[str, list[Path]] = defaultdict(list)
    for path, rule in draft.sound_rules():
        seen[rule.name].append(path)
    for name, paths in seen.items():
        for path in paths[1:]:
            line = draft.document.values[*paths[0], "name"][0]
            draft.document.report(
                "CF207",
                (*path, "name"),
                f"another rule is called {name} too, in line {line}",
                fix="give each rule a name of its own",
            )


_TAKEN = frozenset({
    "accept", "authorization", "baggage", "connection", "content-length", "content-type", "cookie",
    "expect", "forwarded", "host", "keep-alive", "origin", "proxy-connection", "referer", "te",
    "traceparent", "tracestate", "trailer", "transfer-encoding", "upgrade", "user-agent", "via",
    "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-request-id",
})  # fmt: skip


def lane_header_is_free(draft: Draft) -> None:
    """The lane header is not one that means something else already."""
    if draft.spec is None or "header" in draft.broken:
        return
    name = draft.spec.header
    if name in _TAKEN or name.startswith("x-envoy-"):
        draft.document.report(
            "CF213",
            (*draft.at, "header"),
            f"{name} means something else already",
            why="dyeing replaces the header's value on every request",
            fix="choose a name of your own, such as x-lane",
        )


def accept_is_consistent(draft: Draft) -> None:
    """``accept`` and ``client: accept`` come together."""
    if draft.spec is None or "edge" in draft.broken:
        return
    edge = draft.spec.edge
    if edge.client == "drop" and edge.accept:
        draft.document.report(
            "CF303",
            (*draft.at, "edge", "accept"),
            "accept has no effect, since client is drop",
            why="with client: drop no lane that a client sends is worth anything",
            fix="set client: accept, or remove accept",
            at_key=True,
        )
    if edge.client == "accept" and not edge.accept:
        draft.document.report(
            "CF304",
            (*draft.at, "edge", "client"),
            "client is accept, and accept lists no lane",
            fix="list the lanes that clients may choose, or set client: drop",
        )


CHECKS: tuple[Callable[[Draft], None], ...] = (
    lanes_are_known,
    parents_lead_to_baseline,
    weights_are_whole,
    rules_read_no_dye,
    header_names_are_unique,
    rule_names_are_unique,
    lane_header_is_free,
    accept_is_consistent,
)
