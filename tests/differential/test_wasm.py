"""The plugin against the reference: whatever the policy, whatever the request, the same writes."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from colorfast.policy import Engine, InvalidInput, Kind, Lines, Policy, Request, Source, Split
from colorfast.wasm import path, plugin_config
from helpers.patterns import PATTERNS, Drawn, near
from helpers.policies import from_data
from helpers.proxy_wasm import Vm, filtering
from helpers.strategies import Spec, baggage_values, requests_to, specs, wire_values
from helpers.writes import after, by_name, with_port

DRAWN = settings(deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def shared() -> Vm:
    """One VM for every policy, as in Envoy."""
    return Vm(path())


class Pair:
    """A policy in the plugin and in the reference, at both stations."""

    def __init__(self, vm: Vm, policy: Policy, dye: int, carry: int) -> None:
        self._vm = vm
        self._engine = Engine(policy)
        self._roots = dye, carry

    def assert_agree(self, lines: Lines, ip: str = "") -> None:
        request = Request(lines, ip)
        outcomes = self._engine.dye(request), self._engine.carry(request)
        for root, outcome in zip(self._roots, outcomes, strict=True):
            left = self._vm.request(root, lines, with_port(ip))
            assert by_name(left) == after(outcome, lines)
            assert self._vm.told("lane") == outcome.lane
            assert self._vm.told("rule") == outcome.rule


@contextmanager
def configured(vm: Vm, policy: Policy) -> Iterator[Pair]:
    with (
        filtering(vm, plugin_config(policy, "dye", metadata=True)) as dye,
        filtering(vm, plugin_config(policy, "carry", metadata=True)) as carry,
    ):
        yield Pair(vm, policy, dye, carry)


@st.composite
def asked(draw: st.DrawFn, spec: Spec) -> tuple[Lines, str]:
    """A request to *spec*, often with further lines of headers that it has."""
    lines, ip = draw(requests_to(spec))
    names = [name for name, _ in lines if not name.startswith(":")]
    for name in draw(st.lists(st.sampled_from(names), max_size=3)) if names else []:
        value = draw(baggage_values if name == "baggage" else wire_values)
        lines = (*lines, (name, value)) if draw(st.booleans()) else ((name, value), *lines)
    return lines, ip


@settings(DRAWN, max_examples=150)
@given(st.data())
def test_the_plugin_writes_what_the_engine_writes(shared: Vm, data: st.DataObject) -> None:
    spec = data.draw(specs())
    with configured(shared, from_data(spec)) as pair:
        for lines, ip in data.draw(st.lists(asked(spec), min_size=1, max_size=6)):
            pair.assert_agree(lines, ip)


_sizes = st.sampled_from([100, 5_000, 40_000, 70_000])
"""Bytes; the last is more than the plugin has at hand."""


@st.composite
def large_lines(draw: st.DrawFn) -> Lines:
    """One header that is long, in one line or in many."""
    name = draw(st.sampled_from(["baggage", "baggage", "cookie", "a", "x-lane", "dye", "other"]))
    unit = draw(baggage_values if name == "baggage" else wire_values)
    joint = b"; " if name == "cookie" else b","
    size = draw(_sizes) // (len(unit) + len(joint)) + 1
    if draw(st.booleans()):
        return tuple((name, unit) for _ in range(min(size, 2_000)))
    return ((name, joint.join([unit] * size)),)


@settings(DRAWN, max_examples=80)
@given(st.data())
def test_large_requests_are_no_different(shared: Vm, data: st.DataObject) -> None:
    spec = data.draw(specs())
    with configured(shared, from_data(spec)) as pair:
        lines, ip = data.draw(asked(spec))
        for more in data.draw(st.lists(large_lines(), min_size=1, max_size=3)):
            lines = (*more, *lines) if data.draw(st.booleans()) else (*lines, *more)
        pair.assert_agree(lines, ip)
        # What the large one took is not missed by the next.
        pair.assert_agree((("a", b"x"),))


@settings(DRAWN, max_examples=100)
@given(PATTERNS, st.booleans())
def test_regexes_take_what_re2_takes(shared: Vm, drawn: Drawn, ignore_case: bool) -> None:
    pattern, text = drawn
    with configured(shared, regex_policy(pattern, ignore_case=ignore_case)) as pair:
        for value in near(text):
            pair.assert_agree((("a", value),))


def regex_policy(pattern: str, *, ignore_case: bool) -> Policy:
    rule = {
        "name": "r",
        "match": [{"headers": {"a": {"regex": pattern, "ignoreCase": ignore_case}}}],
        "lane": "canary",
    }
    try:
        policy = from_data({"lanes": ["base", "canary"], "rules": [rule]})
        plugin_config(policy, "dye")
    except InvalidInput:
        assume(False)
        raise
    return policy


def test_what_is_drawn_has_everything_often_enough() -> None:
    found: Counter[object] = Counter()

    @settings(DRAWN, max_examples=40, phases=[Phase.generate], database=None, derandomize=True)
    @given(st.data())
    def draw(data: st.DataObject) -> None:
        spec = data.draw(specs())
        found.update(set(seen_in(from_data(spec))))
        lines, ip = data.draw(asked(spec))
        names = Counter(name for name, _ in lines)
        found.update({f"several lines of {name}" for name, times in names.items() if times > 1})
        found["an address"] += ip != ""

    draw()
    several = {f"several lines of {name}" for name in ("a", "baggage", "cookie", "x-lane")}
    wanted = {*Kind, *Source, *several, "an address", "ignoreCase", "not", "split", "accept"}
    assert {one for one in wanted if found[one] < 1} == set()


def seen_in(policy: Policy) -> Iterator[object]:
    """What the rules of *policy* look at, and how."""
    for rule in policy.active_rules:
        for condition in (one for entry in rule.entries for one in entry):
            yield condition.kind
            yield condition.attribute.source
            yield "not" if condition.negate else ""
            yield "ignoreCase" if condition.ignore_case else ""
        if isinstance(rule.gives, Split):
            yield "split"
    if policy.edge.accept.patterns:
        yield "accept"
