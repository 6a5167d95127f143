"""What a policy becomes as a native chain, and what it cannot become."""

import json
from typing import Any

import pytest

from colorfast.envoy import EARLY, Chain, Json, NativeOptions, Station
from colorfast.envoy._native import Compiled, native_chain
from colorfast.envoy._native_order import NATIVE_FILTERS
from colorfast.policy import load_policy

HEAD = "apiVersion: colorfast.dev/v1alpha1\nkind: LanePolicy\nmetadata: {name: x}\nspec:\n"
EMPTY = Chain(early=(), filters=())
FIRST_RULE = 7
"""The line above the first rule, when `compiled` is told of no edge."""
BUILT_IN = {
    "colorfast.edge.header",
    "colorfast.cookies.lines",
    "colorfast.cookies",
    "colorfast.read",
    "colorfast.values",
    "colorfast.limits",
    "colorfast.dye",
    "colorfast.carry",
    "colorfast.route",
}


def compiled(
    *rules: str, default: str = "base", edge: str = "", station: Station = "dye", size: int = 32768
) -> Compiled:
    spec = f"  lanes: [base, canary]\n  default: {default}\n"
    spec += f"  edge: {{{edge}}}\n" if edge else ""
    spec += "  rules:\n" + "".join(f"  - {rule}\n" for rule in rules) if rules else ""
    policy = load_policy(HEAD + spec).policy
    return native_chain(policy, NativeOptions(station=station, max_program_size=size))


def rule(name: str, match: str, lane: str = "canary") -> str:
    return f"{{name: {name}, match: [{{{match}}}], lane: {lane}}}"


def errors(result: Compiled) -> list[tuple[str, int]]:
    """Codes, and the number of the rule that each is about; 0 for what is no rule's."""
    found = [d for d in result.diagnostics if d.level == "error"]
    return [(d.code, d.line - FIRST_RULE if d.line else 0) for d in found]


def names(chain: Chain) -> list[str]:
    return [one["name"] for one in (*chain.early, *chain.filters)]


def tree(result: Compiled) -> Json:
    config: Json = next(f for f in result.chain.filters if f["name"] == "colorfast.dye")
    matcher: Json = config["typed_config"]["xds_matcher"]
    return matcher


def regexes(config: Any) -> list[str]:
    if isinstance(config, dict):
        own = [config["regex"]] if isinstance(config.get("regex"), str) else []
        return own + [one for value in config.values() for one in regexes(value)]
    return [one for value in config for one in regexes(value)] if isinstance(config, list) else []


def test_every_row_of_the_order_has_a_reason() -> None:
    assert all(row.why for row in EARLY + NATIVE_FILTERS)


def test_nothing_but_what_is_needed_is_in_the_chain() -> None:
    bare = compiled(rule("a", "headers: {a: {exact: pc}}"), edge="baggage: {keep: false}")
    assert names(bare.chain) == ["colorfast.edge.header", "colorfast.dye", "colorfast.route"]
    assert names(compiled(station="carry").chain) == [
        "colorfast.read",
        "colorfast.carry",
        "colorfast.route",
    ]


def test_no_filter_holds_code() -> None:
    everything = compiled(
        rule("a", "cookies: {c: {exact: x}}, host: {exact: h}, path: {exact: /}"),
        edge="client: accept, accept: [canary]",
    )
    assert set(names(everything.chain)) <= BUILT_IN
    text = json.dumps(everything.chain.filters)
    assert not any(word in text for word in ("lua", "wasm", "ext_proc", "dynamic_modules"))


def test_an_accepting_edge_needs_the_clients_header() -> None:
    assert not compiled(edge="client: accept, accept: [canary]").chain.early


def test_a_thousand_exact_values_are_one_look_up() -> None:
    rules = [rule(f"r{n}", f"headers: {{agent: {{exact: a{n}}}}}") for n in range(1000)]
    assert len(tree(compiled(*rules))["matcher_tree"]["exact_match_map"]["map"]) == 1000


def test_look_ups_reach_past_rules_that_give_the_same_lane() -> None:
    one = [rule(f"r{n}", f"headers: {{agent: {{exact: a{n}}}}}") for n in range(4)]
    two = [rule(f"s{n}", f"cookies: {{c: {{exact: a{n}}}}}") for n in range(4)]
    mixed = [either for pair in zip(one, two, strict=True) for either in pair]
    assert len(tree(compiled(*mixed))["matcher_list"]["matchers"]) == 2


def test_look_ups_do_not_reach_past_a_rule_that_could_win() -> None:
    one = [rule(f"r{n}", f"headers: {{agent: {{exact: a{n}}}}}") for n in range(8)]
    between = rule("between", "path: {prefix: /x}", "base")
    assert len(tree(compiled(*one[:4], between, *one[4:]))["matcher_list"]["matchers"]) == 3


def test_rules_behind_one_that_always_matches_are_left_out() -> None:
    matcher = tree(compiled("{name: all, lane: canary}", rule("late", "path: {exact: /x}")))
    assert set(matcher) == {"on_no_match"}


@pytest.mark.parametrize("pattern", ["Shop.*", r"\D[A-Z]+", "(?i:a)B"])
def test_a_host_regex_that_tells_cases_apart_is_an_error(pattern: str) -> None:
    result = compiled(rule("hosts", f"host: {{regex: '{pattern}'}}"))
    assert errors(result) == [("CF421", 1)]
    assert result.chain == EMPTY
    assert "lua, wasm or ext_proc" in str(result.diagnostics[0])


@pytest.mark.parametrize("pattern", [r"[a-z]+\.example\.com", "(a|b).*", ".*", "[0-9.]+"])
def test_a_host_regex_in_lower_case_is_expressed(pattern: str) -> None:
    result = compiled(rule("hosts", f"host: {{regex: '{pattern}'}}"))
    assert errors(result) == []
    assert f"(?i:{pattern})" in regexes(tree(result))


def test_a_host_in_upper_case_never_matches() -> None:
    result = compiled(
        rule("never", "host: {exact: Shop}"), rule("always", "host: {exact: S, not: true}")
    )
    assert set(tree(result)) == {"on_no_match"}


def test_a_regex_that_re2_has_no_memory_for_is_an_error_of_its_rule() -> None:
    words = "(?:[a-z]{1,9}/){90}"
    long = rule("long", f"path: {{regex: '{words * 30}'}}")
    short = rule("short", f"path: {{regex: '{words}'}}")
    assert errors(compiled(short, long)) == [("CF421", 2)]
    assert errors(compiled(short, size=100)) == []


@pytest.mark.parametrize("limit", ["maxBytes: 40000", "maxMembers: 40000", "maxBytes: 8000000"])
def test_a_limit_that_takes_too_large_a_regex_is_an_error(limit: str) -> None:
    result = compiled(edge=f"baggage: {{{limit}}}")
    assert errors(result) == [("CF421", 0)]
    assert result.chain == EMPTY


def test_a_limit_that_no_request_can_reach_is_none() -> None:
    endless = 10**15
    result = compiled(edge=f"baggage: {{maxBytes: {endless}, maxMembers: {endless}}}")
    assert errors(result) == []


def test_lanes_that_envoy_would_refuse_are_an_error() -> None:
    assert errors(compiled(station="carry", size=100)) == []
    assert errors(compiled(station="carry", size=20)) == [("CF421", 0)]


def test_every_finding_is_reported_not_the_first() -> None:
    two = [rule(f"h{n}", "host: {regex: 'A+'}") for n in range(2)]
    assert errors(compiled(*two)) == [("CF421", 1), ("CF421", 2)]


def test_a_hop_does_not_ask_what_the_rules_say() -> None:
    assert errors(compiled(rule("hosts", "host: {regex: 'A+'}"), station="carry")) == []


@pytest.mark.parametrize(
    ("edge", "codes"),
    [
        ("", ["CF422"]),
        ("baggage: {maxBytes: 8192}", ["CF422"]),
        ("baggage: {maxBytes: 8191}", []),
        ("baggage: {keep: false}", []),
    ],
)
def test_the_limit_of_8_kib_is_warned_of_where_it_can_be_met(edge: str, codes: list[str]) -> None:
    result = compiled(edge=edge)
    assert [d.code for d in result.diagnostics if d.code != "CF424"] == codes
    assert result.chain != EMPTY


def test_rules_that_read_cookies_are_warned_of() -> None:
    cookie = rule("a", "cookies: {c: {exact: x}}")
    assert "CF423" in {d.code for d in compiled(cookie).diagnostics}
    assert "CF423" not in {d.code for d in compiled(cookie, station="carry").diagnostics}


def test_what_a_chain_requires_is_said() -> None:
    plain, regex = compiled(), compiled(rule("r", "path: {regex: a.c}"))
    assert (plain.requires.envoy, plain.requires.istio) == ("1.38", "1.30")
    assert (regex.requires.envoy, regex.requires.istio) == ("1.39", "1.31")
    assert 0 < plain.requires.max_program_size <= 100
    assert compiled(station="carry").requires.max_program_size > 0
    assert plain.requires.why


def test_no_regex_of_ours_depends_on_how_re2_reads_bytes() -> None:
    result = compiled(
        rule("r", "cookies: {c: {prefix: x}}"), edge="client: accept, accept: [canary]"
    )
    patterns = regexes([list(result.chain.filters), list(compiled(station="carry").chain.filters)])
    assert patterns
    # The last run of pieces in `strip_regex` is the one place, and its docstring says so.
    own = [one for one in patterns if not one.startswith("^[ \\t]*(?:[ \\t]*lane")]
    assert [one for one in own if "[^," in one or "[^;" in one] == []


def test_the_same_policy_gives_the_same_bytes() -> None:
    rules = [
        rule(n, f"cookies: {{{n}: {{exact: x}}}}, headers: {{{n}: {{in: [z, y]}}}}") for n in "cab"
    ]
    assert repr(compiled(*rules)) == repr(compiled(*rules))


@pytest.mark.parametrize("wrong", [{"station": "mend"}, {"max_program_size": 0}])
def test_options_out_of_range_are_refused(wrong: Json) -> None:
    with pytest.raises(ValueError, match=r"must be|below"):
        NativeOptions(**wrong)
