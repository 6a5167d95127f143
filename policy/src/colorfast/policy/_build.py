"""From the model of the file to the IR: defaults filled in, shapes made uniform."""

from collections.abc import Iterable, Iterator

from colorfast.lane import LaneSet, Member
from colorfast.policy._ir import (
    Attribute,
    Condition,
    Edge,
    Entry,
    Kind,
    Policy,
    Rule,
    Share,
    Source,
    Split,
)
from colorfast.policy._model import (
    EdgeModel,
    Match,
    NamedKey,
    RuleModel,
    SpecModel,
    SplitModel,
    StringMatcher,
)

RANDOM = "random"
"""What ``otherwise`` says to draw a bucket instead of naming a lane."""


def build_policy(
    name: str, spec: SpecModel, rules: Iterable[tuple[RuleModel, tuple[int, int]]], *, file: str
) -> Policy:
    """A policy from parts that passed every check; a rule comes with its (line, column)."""
    return Policy(
        name=name,
        file=file,
        header=spec.header,
        member=Member(spec.member),
        baseline=spec.baseline,
        lanes=LaneSet(tuple(spec.lanes)),
        parents=tuple(spec.parents.items()),
        edge=_edge(spec.edge),
        default=spec.default,
        rules=tuple(_rule(name, rule, position, spec.baseline) for rule, position in rules),
    )


def build_entry(match: Match) -> Entry:
    """One alternative as conditions that must all hold, in the order of the file's grammar."""
    return tuple(_conditions(match))


def _edge(edge: EdgeModel) -> Edge:
    accept = tuple(edge.accept) if edge.client == "accept" else ()
    return Edge(
        accept=LaneSet(accept),
        keep_baggage=edge.baggage.keep,
        max_members=edge.baggage.max_members,
        max_bytes=edge.baggage.max_bytes,
    )


def _rule(policy: str, rule: RuleModel, position: tuple[int, int], baseline: str) -> Rule:
    return Rule(
        name=rule.name,
        position=position,
        enabled=rule.enabled,
        entries=tuple(build_entry(match) for match in rule.match or ()),
        gives=rule.lane or _split(f"{policy}/{rule.name}", rule.split, baseline),
    )


def _split(default_salt: str, split: SplitModel | None, baseline: str) -> Split:
    assert split is not None  # noqa: S101 (RuleModel has exactly one of lane and split)
    otherwise = split.otherwise or baseline
    return Split(
        by=tuple(sticky_attribute(key) for key in split.by),
        salt=default_salt if split.salt is None else split.salt,
        shares=tuple(_shares(split.weights)),
        otherwise=None if otherwise == RANDOM else otherwise,
    )


def sticky_attribute(key: NamedKey | str) -> Attribute:
    """Where a sticky key is read."""
    if isinstance(key, str):
        return Attribute(Source.SOURCE_IP)
    if key.cookie is not None:
        return Attribute(Source.COOKIE, key.cookie)
    return Attribute(Source.HEADER, key.header or "")


def _shares(weights: dict[str, int]) -> Iterator[Share]:
    start = 0
    for lane, weight in weights.items():
        yield Share(lane=lane, start=start, end=start + weight)
        start += weight


def _conditions(match: Match) -> Iterator[Condition]:
    named = (
        (Source.HEADER, match.headers),
        (Source.COOKIE, match.cookies),
        (Source.QUERY, match.query),
    )
    for source, matchers in named:
        for name, matcher in (matchers or {}).items():
            yield _condition(Attribute(source, name), matcher)
    single = (
        (Source.PATH, match.path),
        (Source.METHOD, match.method),
        (Source.HOST, match.host),
    )
    for source, one in single:
        if one is not None:
            yield _condition(Attribute(source), one)
    if match.source_ip:
        yield Condition(
            attribute=Attribute(Source.SOURCE_IP), kind=Kind.CIDR, values=tuple(match.source_ip)
        )


def _condition(attribute: Attribute, matcher: StringMatcher) -> Condition:
    kind = Kind(matcher.kinds[0])
    negate = matcher.not_
    if kind is Kind.PRESENT:
        return Condition(attribute=attribute, kind=kind, negate=negate is matcher.present)
    values = matcher.in_ or [str(getattr(matcher, kind))]
    return Condition(
        attribute=attribute,
        kind=kind,
        values=tuple(values),
        ignore_case=matcher.ignore_case,
        negate=negate,
    )
