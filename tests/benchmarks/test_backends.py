"""The backends' benchmark without Envoy: policies, scripts, targets, tables."""

import pytest

from benchmarks import _backend_tables as backend
from benchmarks._backend_memory import Memory
from benchmarks._backend_policies import policy_text
from benchmarks._backend_rows import (
    BY_HAND,
    CARRIED,
    EMPTY,
    MERGED,
    RULE_ONLY,
    Wanted,
    carry,
    dye,
    plain_dye,
)
from benchmarks._backend_scripts import SCRIPT, by_hand, rule_only
from benchmarks._request import CURL, Headers
from benchmarks._rounds import Rounds
from benchmarks.report import PAGE, blocks_of, filled
from colorfast.envoy import Chain, LuaOptions, lua_chain
from colorfast.envoy.bootstrap import NO_CHAIN
from colorfast.policy import Engine, Request, load_policy
from helpers.samples import sample

SIZES = (1, 1000)


def row(name: str, headers: Headers = MERGED) -> Wanted:
    return Wanted(name=name, kind="dye", chain=NO_CHAIN, headers=headers)


@pytest.fixture
def measured() -> backend.Measured:
    """Each filter adds so many microseconds to the ten of an empty chain."""
    adds: dict[Wanted, float] = {row(name, headers): 0.0 for headers, name in EMPTY.items()}
    adds |= {row(BY_HAND, CURL): 2.0, row(RULE_ONLY, CURL): 2.5}
    adds |= {row(plain_dye("native"), CURL): 3.0, row(carry("native"), CARRIED): 8.0}
    adds |= {row(dye("Lua", 1)): 4.0, row(dye("Lua", 1000)): 5.0}
    adds |= {row(dye("ext_proc", 1)): 40.0, row(dye("ext_proc", 1000)): 60.0}
    samples = {one.name: [sample(envoy=10 + over)] for one, over in adds.items()}
    return backend.Measured(
        rounds=Rounds(samples=samples),
        wanted=list(adds),
        sizes=SIZES,
        memory={"Lua": Memory(first=0.6, further=0.2), "Wasm": Memory(first=20.0, further=0.4)},
        conditions={"envoy": "1.40.0"},
    )


def test_targets_are_about_what_a_filter_adds(measured: backend.Measured) -> None:
    kept = {one.name: one.kept for one in backend.targets(measured, measured.costs())}
    assert {name: one for name, one in kept.items() if one is not None} == {
        "one rule, no work on baggage: generated Lua to Lua by hand": False,
        "native, dye, no baggage, over an empty chain of 12.1 us": True,
        "native, carry, over an empty chain of 12.1 us": False,
        "Lua: 1,000 rules to 1": True,
        "ext_proc: 1,000 rules to 1": False,
        "ext_proc, CPU of the service: 1,000 rules to 1": True,
        "Lua: memory of each further filter": True,
        "Wasm: memory of each further filter": False,
    }


def test_a_row_is_compared_with_the_empty_chain_of_its_own_request() -> None:
    by_headers = {one.empty for one in (row("a", CURL), row("b"), row("c", CARRIED))}
    assert by_headers == set(EMPTY.values())


def test_the_page_has_a_place_for_every_table(measured: backend.Measured) -> None:
    costs = measured.costs()
    result = backend.figures(measured, costs) | {
        "machine": {"processor": "P", "cores": "2", "system": "linux", "python": "3"},
        "options": {"quick": False},
        "targets": [one.as_json() for one in backend.targets(measured, costs)],
    }
    page, unknown = filled(PAGE.read_text(), dict(blocks_of("backends", result)))
    assert not [name for name in unknown if name.startswith("backends")]
    assert "| Lua, dye, 1 rule | 1.40 | 4.00 |" in page
    assert "| Wasm | 20.0 | 0.40 |" in page


@pytest.mark.parametrize("rules", [1, 10, 1000])
def test_the_last_rule_decides_the_request(rules: int) -> None:
    policy = load_policy(policy_text(rules)).policy
    outcome = Engine(policy).dye(Request([(name, value.encode()) for name, value in MERGED]))
    assert (outcome.lane, outcome.rule) == ("canary", f"r{rules}")


def test_the_script_is_cut_down_to_its_rule() -> None:
    whole = lua_chain(load_policy(policy_text(1)).policy, LuaOptions())
    cut = script(rule_only(whole))
    _, entrance = cut.split("function envoy_on_request(")
    assert "baggage" not in entrance
    assert "headers:replace(HEADER, lane)" in entrance
    assert "baggage" in script(whole).split("function envoy_on_request(")[1]


def test_a_script_that_is_not_known_is_not_cut() -> None:
    with pytest.raises(ValueError, match="to be taken out"):
        rule_only(by_hand(SCRIPT))


def script(chain: Chain) -> str:
    source: str = chain.filters[0]["typed_config"]["default_source_code"]["inline_string"]
    return source
