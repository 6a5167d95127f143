"""Why a request gets its lane: every rule in order, every condition, the bucket, the writes.

Decides by plain iteration, without the index: slow, obvious, and so the check on the engine.
"""

from dataclasses import dataclass
from enum import StrEnum

from colorfast.policy._ir import BUCKETS, Condition, Entry, Policy, Rule, Split
from colorfast.policy._match import predicate
from colorfast.policy._outcome import Outcome
from colorfast.policy._request import Request, reader
from colorfast.policy._split import SYSTEM_DRAW, Draw, bucket_of, seed_of, sticky_key
from colorfast.policy._stations import client_lane, dyed, read_baggage


class Verdict(StrEnum):
    """What became of a rule."""

    MATCHED = "matched"
    NOT_MATCHED = "did not match"
    PARKED = "is parked (enabled: false)"
    NOT_REACHED = "was not reached"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionTrace:
    """One condition, and what it met. *value* None: the request has none."""

    condition: Condition
    value: bytes | None
    holds: bool

    def __str__(self) -> str:
        value = "absent" if self.value is None else repr(self.value.decode("utf-8", "replace"))
        return f"{describe(self.condition)}: {'yes' if self.holds else 'no'}, it is {value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTrace:
    """One rule, its verdict, and its alternatives with their conditions."""

    rule: Rule
    verdict: Verdict
    entries: tuple[tuple[ConditionTrace, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitTrace:
    """How a split chose. *key* None: no sticky key; *bucket* None: ``otherwise`` named a lane."""

    key: str | None
    value: bytes | None
    bucket: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything that led to an outcome."""

    client: str | None
    """The lane that the client chose and the edge accepted; then no rule was asked."""
    rules: tuple[RuleTrace, ...]
    split: SplitTrace | None
    outcome: Outcome


def explain(policy: Policy, request: Request, *, draw: Draw = SYSTEM_DRAW) -> Explanation:
    """Dye *request* and say why. The outcome is the engine's."""
    baggage = read_baggage(policy, request)
    client = client_lane(policy, request, baggage)
    traces, winner = _trace(policy, request, reached=client is None)
    lane, split = client or policy.default, None
    if winner is not None:
        if isinstance(winner.gives, Split):
            lane, split = _choose(winner.gives, request, draw)
        else:
            lane = winner.gives
    outcome = dyed(policy, baggage, lane, winner.name if winner else None)
    return Explanation(client=client, rules=traces, split=split, outcome=outcome)


def describe(condition: Condition) -> str:
    """*condition* in words: ``header agent exact "pc"``."""
    words = [str(condition.attribute)]
    if condition.negate:
        words.append("not")
    words.append(str(condition.kind))
    words += [f'"{text}"' for text in condition.values]
    if condition.ignore_case:
        words.append("(ignoring case)")
    return " ".join(words)


def _trace(
    policy: Policy, request: Request, *, reached: bool
) -> tuple[tuple[RuleTrace, ...], Rule | None]:
    traces: list[RuleTrace] = []
    winner: Rule | None = None
    for rule in policy.rules:
        if not rule.enabled:
            traces.append(RuleTrace(rule=rule, verdict=Verdict.PARKED))
        elif winner is not None or not reached:
            traces.append(RuleTrace(rule=rule, verdict=Verdict.NOT_REACHED))
        else:
            entries = tuple(_entry(entry, request) for entry in rule.entries)
            matched = not entries or any(all(c.holds for c in entry) for entry in entries)
            winner = rule if matched else None
            verdict = Verdict.MATCHED if matched else Verdict.NOT_MATCHED
            traces.append(RuleTrace(rule=rule, verdict=verdict, entries=entries))
    return tuple(traces), winner


def _entry(entry: Entry, request: Request) -> tuple[ConditionTrace, ...]:
    traces = []
    for condition in entry:
        value = reader(condition.attribute)(request)
        holds = predicate(condition)(value)
        traces.append(ConditionTrace(condition=condition, value=value, holds=holds))
    return tuple(traces)


def _choose(split: Split, request: Request, draw: Draw) -> tuple[str, SplitTrace]:
    found = sticky_key(split, request)
    if found is not None:
        attribute, value = found
        bucket = bucket_of(value, seed_of(split.salt))
        return split.lane_of(bucket), SplitTrace(key=str(attribute), value=value, bucket=bucket)
    if split.otherwise is not None:
        return split.otherwise, SplitTrace(key=None, value=None, bucket=None)
    bucket = draw(BUCKETS)
    return split.lane_of(bucket), SplitTrace(key=None, value=None, bucket=bucket)
