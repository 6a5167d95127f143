"""The plugin against the reference: whatever the policy, whatever the request, the same writes."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from colorfast.policy import Engine, Lines, Outcome, Request
from colorfast.wasm import plugin_config
from helpers.policies import from_data
from helpers.proxy_wasm import Vm, filtering
from helpers.strategies import requests_to, specs


@pytest.fixture(scope="module")
def shared(plugin: Path) -> Vm:
    """One VM for every policy, as in Envoy."""
    return Vm(plugin)


def by_name(lines: Iterable[tuple[str, bytes]]) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for name, value in lines:
        found.setdefault(name, []).append(value)
    return found


def after(outcome: Outcome, lines: Lines) -> dict[str, list[bytes]]:
    touched = {*outcome.removes, *(name for name, _ in outcome.sets)}
    return by_name((*(line for line in lines if line[0] not in touched), *outcome.sets))


def with_port(ip: str) -> str:
    """As Envoy writes addresses."""
    return f"[{ip}]:443" if ":" in ip else f"{ip}:443" if ip else ""


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_the_plugin_writes_what_the_engine_writes(shared: Vm, data: st.DataObject) -> None:
    spec = data.draw(specs())
    policy = from_data(spec)
    engine = Engine(policy)
    with (
        filtering(shared, plugin_config(policy, "dye", metadata=True)) as dye,
        filtering(shared, plugin_config(policy, "carry", metadata=True)) as carry,
    ):
        for lines, ip in data.draw(st.lists(requests_to(spec), min_size=1, max_size=6)):
            request = Request(lines, ip)
            for root, outcome in ((dye, engine.dye(request)), (carry, engine.carry(request))):
                assert by_name(shared.request(root, lines, with_port(ip))) == after(outcome, lines)
                assert shared.told("lane") == outcome.lane
                assert shared.told("rule") == outcome.rule
