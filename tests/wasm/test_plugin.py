"""The plugin in a small host: what belongs to the ABI, and what its work costs."""

import json
from pathlib import Path
from typing import Any

import pytest

from colorfast.policy import Policy
from colorfast.wasm import Station, plugin_config
from helpers.policies import from_data, policy
from helpers.proxy_wasm import Line, Refused, Vm

PC = policy("""
    rules:
    - name: pc
      match: [{headers: {agent: {exact: pc}}}]
      lane: canary
    """)
DICE = policy("""
    rules:
    - name: dice
      split: {by: [{cookie: uid}], weights: {canary: 5000, base: 5000}, otherwise: random}
    """)
AGENT: list[Line] = [("agent", b"pc")]


def lane_of(lines: list[Line]) -> list[bytes]:
    return [value for name, value in lines if name == "x-lane"]


def test_filters_that_share_a_vm_keep_their_own_policies(vm: Vm) -> None:
    one = vm.configure(plugin_config(PC, "dye"))
    other = vm.configure(plugin_config(policy("default: base"), "dye"))
    hop = vm.configure(plugin_config(PC, "carry"))
    assert lane_of(vm.request(one, AGENT)) == [b"canary"]
    assert lane_of(vm.request(other, AGENT)) == [b"base"]
    assert lane_of(vm.request(hop, AGENT)) == []


def test_streams_may_wait_for_their_headers(vm: Vm) -> None:
    one = vm.configure(plugin_config(PC, "dye"))
    other = vm.configure(plugin_config(policy("default: base"), "dye"))
    streams = [vm.open(root) for root in (one, other) * 20]
    vm.delete(streams.pop(0))
    vm.delete(streams.pop())
    for number, stream in enumerate(streams):
        assert lane_of(vm.decide(stream, AGENT)) == [(b"base", b"canary")[number % 2]]
        assert vm.decide(stream, AGENT) == AGENT  # it has had its headers
    for stream in streams:
        vm.delete(stream)
    assert lane_of(vm.request(one, AGENT)) == [b"canary"]


def test_a_stream_of_nobody_is_left_alone(vm: Vm) -> None:
    vm.configure(plugin_config(policy("default: base"), "dye"))
    assert vm.decide(10_000, AGENT) == AGENT


def test_nothing_is_written_that_is_there_already(vm: Vm) -> None:
    hop = vm.configure(plugin_config(PC, "carry"))
    dye = vm.configure(plugin_config(PC, "dye"))
    dyed: list[Line] = [("x-lane", b"canary"), ("baggage", b"a=1,lane=canary")]
    for root, lines, writes in (
        (hop, dyed, 0),
        (hop, [], 0),
        (hop, dyed[1:], 1),
        (hop, dyed[:1], 1),
        (hop, [*dyed, ("x-lane", b"canary")], 1),
        (dye, [], 0),
        (dye, [("baggage", b"a=1")], 0),
        (dye, AGENT, 2),
    ):
        vm.request(root, lines)
        assert vm.writes == writes


def test_a_filter_that_ends_takes_only_its_own_policy_along(vm: Vm) -> None:
    one, other = (vm.configure(plugin_config(PC, "dye")) for _ in range(2))
    vm.delete(one)
    assert vm.request(one, AGENT) == AGENT
    assert lane_of(vm.request(other, AGENT)) == [b"canary"]


def test_a_second_configuration_replaces_the_first(vm: Vm) -> None:
    root = vm.configure(plugin_config(PC, "dye"))
    vm.configure(plugin_config(policy("default: base"), "dye"), root)
    assert lane_of(vm.request(root, AGENT)) == [b"base"]


def test_a_refused_configuration_leaves_the_one_before(vm: Vm) -> None:
    root = vm.configure(plugin_config(PC, "dye"))
    with pytest.raises(Refused):
        vm.configure("{}", root)
    assert lane_of(vm.request(root, AGENT)) == [b"canary"]


def test_a_start_names_policy_and_station(vm: Vm) -> None:
    vm.configure(plugin_config(PC, "dye"))
    assert vm.log == [f"colorfast: policy {PC.digest}, station dye, 1 rules"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not a configuration: UnexpectedEndOfInput at byte 0"),
        ("\udcff", "not a configuration: SyntaxError at byte 0"),
        ('{"version":1}', "not a configuration: MissingField at byte 13"),
        (plugin_config(PC, "dye").replace(":1,", ":9,", 1), "version 9 is not 1"),
        (
            plugin_config(PC, "dye").replace('"lane":"canary"', '"lane":"blue"'),
            "pc: blue is not in",
        ),
        (plugin_config(PC, "dye").replace("x-lane", "x lane"), "header is not a token"),
    ],
)
def test_a_bad_configuration_is_refused_with_the_reason(vm: Vm, text: str, why: str) -> None:
    with pytest.raises(Refused, match=f"^colorfast: configuration refused: {why}"):
        vm.configure(text)


def test_keys_have_no_order_and_numbers_may_be_doubles(vm: Vm) -> None:
    # As WasmPlugin's pluginConfig, a protobuf Struct, may come out.
    config = json.loads(plugin_config(DICE, "dye"), parse_int=float)
    root = vm.configure(json.dumps(dict(reversed(config.items()))))
    assert lane_of(vm.request(root, []))


BROKEN = [b"", b"\1", b"\1\0\0\0", b"\xff\xff\xff\xff", b"\2\0\0\0" + b"\1\0\0\0" * 4 + b"a\0b\0"]


@pytest.mark.parametrize("pairs", BROKEN[1:])
def test_header_lines_that_make_no_sense_strip_an_entrance_and_spare_a_hop(
    vm: Vm, pairs: bytes
) -> None:
    sent: list[Line] = [("x-lane", b"evil"), ("baggage", b"lane=evil"), ("a", b"1")]
    dye, carry = (vm.configure(plugin_config(PC, station)) for station in ("dye", "carry"))
    vm.pairs = pairs
    assert vm.request(dye, sent) == [("a", b"1")]
    assert vm.request(carry, sent) == sent


def test_a_request_without_header_lines_is_a_request(vm: Vm) -> None:
    root = vm.configure(plugin_config(policy("default: base"), "dye"))
    vm.pairs = BROKEN[0]
    assert lane_of(vm.request(root, [])) == [b"base"]


def test_a_share_without_sticky_key_is_drawn(plugin: Path) -> None:
    for random in (b"\1\2\3\4\5\6\7\10", None):  # the host may withhold randomness
        vm = Vm(plugin, random=random)
        root = vm.configure(plugin_config(DICE, "dye"))
        drawn = [lane_of(vm.request(root, []))[0] for _ in range(400)]
        assert 140 < drawn.count(b"canary") < 260


def test_vms_draw_independently(plugin: Path) -> None:
    def drawn(random: bytes) -> list[bytes]:
        vm = Vm(plugin, random=random)
        root = vm.configure(plugin_config(DICE, "dye"))
        return [lane_of(vm.request(root, []))[0] for _ in range(64)]

    assert drawn(b"\1" * 8) != drawn(b"\2" * 8)


def test_metadata_says_what_was_decided_and_nothing_by_default(vm: Vm) -> None:
    quiet, told = (vm.configure(plugin_config(PC, "dye", metadata=on)) for on in (False, True))
    vm.request(quiet, AGENT)
    assert vm.properties == {}
    vm.request(told, AGENT)
    assert (vm.told("lane"), vm.told("rule"), vm.told("policy")) == ("canary", "pc", PC.digest)
    vm.request(told, [])
    assert vm.properties == {"colorfast.policy": PC.digest.encode()}


def test_a_fallback_leaves_alone_what_the_service_has_decided(vm: Vm) -> None:
    fallback = vm.configure(plugin_config(PC, "dye", fallback=True))
    always = vm.configure(plugin_config(PC, "dye"))
    vm.decided = b"0123456789abcdef"
    assert vm.request(fallback, AGENT) == AGENT
    assert lane_of(vm.request(always, AGENT)) == [b"canary"]
    vm.decided = b""
    assert lane_of(vm.request(fallback, AGENT)) == [b"canary"]


def test_memory_does_not_grow_with_requests(vm: Vm) -> None:
    root = vm.configure(plugin_config(PC, "dye"))
    large: list[Line] = [*AGENT, ("baggage", b"a=1," * 15_000 + b"lane=x"), *[("b", b"2")] * 90]
    for _ in range(3):
        vm.request(root, large)
    before = vm.memory_bytes
    for _ in range(200):
        vm.request(root, large)
        vm.request(root, AGENT)
    assert vm.memory_bytes == before


def test_memory_does_not_grow_with_configurations(vm: Vm) -> None:
    config = plugin_config(crowd(200), "dye")
    for _ in range(5):
        vm.delete(vm.configure(config))
    before = vm.memory_bytes
    for _ in range(50):
        vm.delete(vm.configure(config))
    assert vm.memory_bytes == before


def crowd(size: int, source: str = "headers", *, names: int = 1) -> Policy:
    """A policy of many rules, none of which takes the request below."""
    rules = [
        {
            "name": f"r{i}",
            "match": [{source: {f"n{i % names}": {"exact": f"v{i}"}}}],
            "lane": "canary",
        }
        for i in range(size)
    ]
    return from_data({"lanes": ["base", "canary"], "default": "base", "rules": rules})


ORDINARY: list[Line] = [
    (":authority", b"shop.example.com"), (":path", b"/api/items?n0=2&page=3"), (":method", b"GET"),
    ("user-agent", b"Mozilla/5.0 (X11; Linux x86_64)"), ("accept", b"*/*"), ("n0", b"v"),
    ("cookie", b"session=0123456789abcdef; n0=1; uid=42"), ("x-request-id", b"0" * 36),
    ("baggage", b"userId=alice,region=eu"),
]  # fmt: skip


def cost(vm: Vm, decided: Policy, lines: list[Line], station: Station = "dye") -> int:
    root = vm.configure(plugin_config(decided, station))
    vm.request(root, lines)
    vm.request(root, lines)
    vm.delete(root)
    return vm.spent


@pytest.mark.parametrize("source", ["headers", "cookies", "query"])
@pytest.mark.parametrize("names", [1, 1000])
def test_a_thousand_exact_rules_cost_what_one_does(vm: Vm, source: str, names: int) -> None:
    one, many = (cost(vm, crowd(size, source, names=names), ORDINARY) for size in (1, 1000))
    assert many <= 1.3 * one


GREEDY = policy("""
    rules:
    - name: r
      match:
      - headers: {a: {contains: aaaaaaaab}}
      - headers: {a: {regex: "(a*)*b"}}
      - cookies: {a: {exact: b}}
      - query: {a: {exact: b}}
      lane: canary
    """)
HOSTILE: dict[str, Any] = {
    "baggage of ours": lambda n: [("baggage", b"lane=x," * n)],
    "baggage of others": lambda n: [("baggage", b"lan=x," * n)],
    "baggage that is white space": lambda n: [("baggage", b" " * n + b"lane" + b"\t" * n)],
    "a needle that nearly is there": lambda n: [("a", b"a" * n)],
    "many lines": lambda n: [("a", b"a")] * n + [("baggage", b"lane=")] * n,
    "cookies": lambda n: [("cookie", b"a;a=;" * n)],
    "escapes": lambda n: [(":path", b"/?" + b"%61%" * n)],
    "parameters": lambda n: [(":path", b"/?" + b"a%=&" * n)],
}


@pytest.mark.parametrize("station", ["dye", "carry"])
@pytest.mark.parametrize("shape", HOSTILE)
def test_work_is_linear_whatever_the_bytes(vm: Vm, shape: str, station: Station) -> None:
    once, twice = (cost(vm, GREEDY, HOSTILE[shape](n), station) for n in (4_000, 8_000))
    assert twice <= 2.1 * once
