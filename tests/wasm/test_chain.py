"""Which filters stand where, and what Envoy is told of the plugin."""

import json
from typing import Any

import pytest

from colorfast.envoy import EnvoyVersion
from colorfast.envoy._wasm import WasmOptions, wasm_chain
from colorfast.policy import InvalidInput, Policy
from colorfast.wasm import plugin_config
from helpers.policies import policy

DROP = policy("default: base")
ACCEPT = policy("edge: {client: accept, accept: [canary]}")


def names(chosen: Policy, **options: Any) -> tuple[list[str], list[str]]:
    chain = wasm_chain(chosen, WasmOptions(**options))
    return [one["name"] for one in chain.early], [one["name"] for one in chain.filters]


def test_a_dropping_edge_strips_before_the_route_and_behind_the_plugin() -> None:
    early, filters = names(DROP)
    assert early == ["colorfast.edge.header"]
    assert filters == ["colorfast.dye", "colorfast.edge.baggage"]
    old = names(DROP, envoy=EnvoyVersion(1, 37))[1]
    assert old == ["colorfast.dye", "colorfast.edge.rest", "colorfast.edge.baggage"]


def test_where_no_request_passes_a_dead_vm_nothing_strips_behind_it() -> None:
    for failure_policy in ("FAIL_RELOAD", "FAIL_CLOSED"):
        assert names(DROP, failure_policy=failure_policy)[1] == ["colorfast.dye"]


def test_an_accepting_edge_and_a_hop_strip_nothing() -> None:
    assert names(ACCEPT) == ([], ["colorfast.dye"])
    assert names(DROP, station="carry") == ([], ["colorfast.carry"])


def test_options_reach_the_filter() -> None:
    options = WasmOptions(module="/m.wasm", vm_id="v", metadata=True, fallback=True)
    config = wasm_chain(DROP, options).filters[0]["typed_config"]["config"]
    assert config["vm_config"]["code"] == {"local": {"filename": "/m.wasm"}}
    assert config["vm_config"]["vm_id"] == "v"
    wanted = plugin_config(DROP, "dye", metadata=True, fallback=True)
    assert config["configuration"]["value"] == wanted
    assert json.loads(wanted)["fallback"]


@pytest.mark.parametrize("options", [{"station": "stay"}, {"failure_policy": "FAIL"}])
def test_an_unknown_option_is_an_error(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options.values()))):
        WasmOptions(**options)


def test_a_hard_regex_is_a_diagnostic() -> None:
    hard = "[ab]*a[ab]{12}"
    rules = f"rules: [{{name: r, match: [{{path: {{regex: '{hard}'}}}}], lane: canary}}]"
    with pytest.raises(InvalidInput, match="CF411"):
        wasm_chain(policy(rules), WasmOptions())
