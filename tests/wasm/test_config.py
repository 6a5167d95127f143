"""What a policy becomes for the plugin."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from colorfast.policy import InvalidInput, load_policy
from colorfast.wasm import CODES, plugin_config
from helpers.policies import file, policy
from helpers.proxy_wasm import Vm

FOLDER = Path(__file__).parents[1] / "golden" / "wasm"
CASES = sorted(path.parent for path in FOLDER.glob("*/policy.yaml"))

# One state for each way to be within twelve characters of an end.
HARD = "(a|b)*a(a|b){12}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_configuration_is_as_agreed_and_the_plugin_takes_it(
    case: Path, golden: Callable[[Path, str], None], vm: Vm
) -> None:
    loaded = load_policy((case / "policy.yaml").read_text(), file="policy.yaml").policy
    for station in ("dye", "carry"):
        config = plugin_config(loaded, station)
        golden(case / f"{station}.json", json.dumps(json.loads(config), indent=1) + "\n")
        vm.configure(config)


def test_every_golden_belongs_to_a_case(no_orphans: Callable[[Path, set[Path]], None]) -> None:
    assert CASES
    names = ("policy.yaml", "dye.json", "carry.json")
    no_orphans(FOLDER, {case / name for case in CASES for name in names})


def test_a_hard_regex_is_refused_with_the_way_out() -> None:
    text = file(f"""
    rules:
    - {{name: easy, match: [{{headers: {{a: {{regex: 'x+'}}}}}}], lane: canary}}
    - {{name: hard, match: [{{headers: {{a: {{regex: '{HARD}'}}}}}}], lane: canary}}
    - {{name: again, match: [{{path: {{regex: '{HARD}'}}}}], lane: canary}}
    """)
    hard = load_policy(text, file="shop.yaml").policy
    with pytest.raises(InvalidInput) as caught:
        plugin_config(hard, "dye")
    (found,) = caught.value.diagnostics
    assert (found.code, found.level) == ("CF411", CODES["CF411"][0])
    assert found.position.startswith("shop.yaml:")
    assert "of rule hard" in found.what
    assert "ext_proc or native" in found.fix
    assert plugin_config(hard, "carry")


def test_a_parked_rule_is_not_there() -> None:
    parked = policy("rules: [{name: r, enabled: false, lane: canary}]")
    assert json.loads(plugin_config(parked, "dye"))["rules"] == []


def test_a_regex_of_two_rules_is_one_table() -> None:
    twice = policy("""
        rules:
        - {name: one, match: [{headers: {a: {regex: 'x+'}}}], lane: canary}
        - {name: two, match: [{headers: {a: {regex: 'x+', not: true}}}], lane: canary}
        - {name: three, match: [{headers: {a: {regex: 'x+', ignoreCase: true}}}], lane: canary}
        """)
    config = json.loads(plugin_config(twice, "dye"))
    assert len(config["regexes"]) == 2
    numbers = [rule["match"][0][0]["regex"] for rule in config["rules"]]
    assert numbers == [0, 0, 1]


def test_a_regex_of_many_states_has_entries_of_two_bytes(vm: Vm) -> None:
    long = "x" * 300
    many = policy(
        f"rules: [{{name: r, match: [{{headers: {{a: {{regex: {long}}}}}}}], lane: canary}}]"
    )
    root = vm.configure(plugin_config(many, "dye"))
    for size, dyed in ((299, False), (300, True), (301, False)):
        lines = vm.request(root, [("a", b"x" * size)])
        assert (("x-lane", b"canary") in lines) == dyed


def test_a_number_survives_json_of_doubles() -> None:
    limits = policy(f"edge: {{baggage: {{maxMembers: {2**60}, maxBytes: {2**60}}}}}")
    edge = json.loads(plugin_config(limits, "dye"))["edge"]
    assert edge["maxMembers"] == edge["maxBytes"] == 2**53 - 1
