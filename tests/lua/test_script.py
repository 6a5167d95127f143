"""What a script looks like, what it may touch, and what becomes of it when something goes wrong."""

import re
from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest

from colorfast.lua import CODES, MAX_BYTES, Station, compile_lua
from colorfast.policy import Engine, InvalidInput, Policy, Request
from helpers.luajit import LuaError, Script
from helpers.policies import file, from_data, load, policy

SPOOFED = [("agent", b"pc"), ("x-lane", b"canary"), ("baggage", b"a=1,lane=canary;p,b=2")]
ONE_RULE = "rules: [{name: pc-users, match: [{headers: {agent: {exact: pc}}}], lane: canary}]"


def ordinary(number: int) -> dict[str, Any]:
    """Rules as people write them: a look-up or two, a prefix, now and then a split."""
    entry: dict[str, Any]
    match number % 5:
        case 0:
            entry = {"headers": {"x-user-group": {"exact": f"group-{number}"}}}
        case 1:
            entry = {
                "headers": {"x-tenant": {"in": [f"tenant-{number}", f"tenant-{number}-test"]}},
                "path": {"prefix": f"/api/service-{number}/"},
            }
        case 2:
            entry = {"cookies": {f"beta-{number}": {"present": True}}, "method": {"exact": "GET"}}
        case 3:
            entry = {
                "host": {"suffix": f".team-{number}.example.com", "ignoreCase": True},
                "sourceIp": [f"10.{number}.0.0/16", "192.168.0.0/16"],
            }
        case _:
            entry = {"query": {"variant": {"exact": f"v{number}"}}}
    rule: dict[str, Any] = {"name": f"experiment-{number}", "match": [entry]}
    if number % 7:
        return rule | {"lane": "canary"}
    split = {"by": [{"cookie": "uid"}, "sourceIp"], "weights": {"canary": 500, "base": 9500}}
    return rule | {"split": split}


def exact(count: int) -> Policy:
    rules = [
        {
            "name": f"rule-{i}",
            "match": [{"headers": {"agent": {"exact": f"agent-{i}"}}}],
            "lane": "canary",
        }
        for i in range(count)
    ]
    return from_data({"lanes": ["base", "canary"], "rules": rules})


def test_it_says_on_top_whose_it_is() -> None:
    one = policy(ONE_RULE)
    first = compile_lua(one, "dye").source.splitlines()[0]
    assert first == f"-- Colorfast: policy shop, digest {one.digest}, station dye."


def test_rule_names_are_comments() -> None:
    assert '"canary", -- 1: pc-users' in compile_lua(policy(ONE_RULE), "dye").source


def test_parked_rules_are_left_out() -> None:
    parked = ONE_RULE.replace("lane: canary", "lane: canary, enabled: false")
    assert "pc-users" not in compile_lua(policy(parked), "dye").source


@pytest.mark.parametrize("name", ["]] error()", "--[[", '"', "a\u2028b", "é -- x"])
def test_no_name_gets_out_of_its_comment(name: str) -> None:
    one = policy(ONE_RULE)
    named = replace(one, rules=tuple(replace(rule, name=name) for rule in one.rules))
    answer = Script(compile_lua(named, "dye", metadata=True).source).run([("agent", b"pc")])
    assert (answer.lane, answer.rule) == ("canary", name)


def test_a_newline_in_a_name_is_no_new_line() -> None:
    one = policy(ONE_RULE)
    named = replace(one, rules=tuple(replace(rule, name="x\nerror()") for rule in one.rules))
    assert "\nerror()" not in compile_lua(named, "dye").source


def test_the_same_policy_gives_the_same_bytes() -> None:
    rules = [ordinary(i) for i in range(40)]
    one, other = (from_data({"lanes": ["base", "canary"], "rules": rules}) for _ in range(2))
    assert compile_lua(one, "dye").source == compile_lua(other, "dye").source


@pytest.mark.parametrize("station", ["dye", "carry"])
def test_what_the_policy_does_not_need_is_not_in(station: Station) -> None:
    source = compile_lua(policy(ONE_RULE), station).source
    for absent in ("bucket", "automaton", "cookie", "query", "v6", "tell", "streamInfo", "random"):
        assert absent not in source


def test_two_hundred_ordinary_rules_fit() -> None:
    rules = [ordinary(i) for i in range(200)]
    script = compile_lua(from_data({"lanes": ["base", "canary"], "rules": rules}), "dye")
    assert script.diagnostics == ()
    assert len(script.source.encode()) <= MAX_BYTES
    Script(script.source).run([("x-user-group", b"group-195")])


def test_a_thousand_look_ups_fit_and_cost_one() -> None:
    script = compile_lua(exact(1000), "dye")
    assert script.diagnostics == ()
    few, many = Script(compile_lua(exact(1), "dye").source), Script(script.source)
    assert many.run([("agent", b"agent-999")]).lines[-1] == ("baggage", b"lane=canary")
    assert many.steps([("agent", b"agent-999")]) <= 1.1 * few.steps([("agent", b"agent-0")])


def test_a_script_that_is_too_large_says_so() -> None:
    (found,) = compile_lua(exact(2000), "dye").diagnostics
    assert (found.code, found.level, found.file) == ("CF401", "error", "p.yaml")
    assert "2,000 rules" in found.why


def test_a_script_that_is_too_large_says_from_which_rule_on() -> None:
    whole = exact(2000)
    (found,) = compile_lua(whole, "dye").diagnostics
    count = next(n for n, rule in enumerate(whole.rules) if rule.position[0] == found.line)
    assert f"rule {whole.rules[count].name} " in found.what
    fits = replace(whole, rules=whole.rules[:count])
    assert compile_lua(fits, "dye").diagnostics == ()
    assert compile_lua(replace(whole, rules=whole.rules[: count + 1]), "dye").diagnostics


def test_every_rule_with_a_hard_regex_is_told_once() -> None:
    spec = """
        rules:
        - {name: one, match: [{headers: {a: {regex: '.*a.{20}b'}}}], lane: canary}
        - {name: two, match: [{headers: {a: {regex: '.*a.{20}b'}, b: {regex: '.*a.{20}b'}}}], lane: base}
        """
    found = compile_lua(policy(spec), "dye").diagnostics
    assert [(one.code, one.line) for one in found] == [("CF402", 7), ("CF402", 8)]


def test_a_regex_that_is_too_hard_says_where() -> None:
    spec = """
        rules:
        - {name: fine, match: [{headers: {a: {regex: x+}}}], lane: canary}
        - {name: hard, match: [{headers: {a: {regex: '.*a.{20}b'}}}], lane: canary}
        """
    loaded = load(spec)
    script = compile_lua(loaded.policy, "dye")
    assert script.source == ""
    (found,) = script.diagnostics
    line = file(spec).splitlines().index(next(x for x in file(spec).splitlines() if "hard" in x))
    assert (found.code, found.line) == ("CF402", line + 1)
    assert "rule hard" in found.what
    assert "p.yaml" in str(InvalidInput(script.diagnostics))


def test_a_hop_needs_no_regex() -> None:
    hard = policy("rules: [{name: r, match: [{path: {regex: '.*a.{20}b'}}], lane: canary}]")
    assert compile_lua(hard, "carry").diagnostics == ()


def test_every_code_has_a_level_and_a_title() -> None:
    assert all(level == "error" and title for level, title in CODES.values())


def test_the_guard_of_these_tests_sees_globals() -> None:
    with pytest.raises(LuaError, match="sets the global leak"):
        Script("function envoy_on_request() leak = 1 end").run([])
    with pytest.raises(LuaError, match="reads the global"):
        Script("function envoy_on_request() return undefined end").run([])
    bad = 'function envoy_on_request(h) h:headers():replace("a", "b\\n") end'
    with pytest.raises(LuaError, match="Envoy refuses"):
        Script(bad).run([])


def test_nothing_of_a_request_reaches_the_next_one() -> None:
    spec = """
        rules:
        - name: r
          match:
          - {headers: {a: {exact: x}}, cookies: {b: {exact: x}}, query: {c: {exact: x}}}
          lane: canary
        """
    script = Script(compile_lua(policy(spec), "dye", metadata=True).source)
    parts = [("a", b"x"), ("cookie", b"b=x"), (":path", b"/?c=x")]
    assert script.run(parts).rule == "r"
    for part in parts:
        assert script.run([one for one in parts if one != part]).rule is None


def test_a_mistake_in_the_rules_leaves_no_lane_of_the_client() -> None:
    tests = "rules: [{name: pc, match: [{headers: {agent: {prefix: p}}}], lane: canary}]"
    script = Script(compile_lua(policy(f"{tests}\ndefault: base"), "dye").source)
    answer = script.run(SPOOFED, failing="agent")
    assert answer.lines == (("agent", b"pc"), ("baggage", b"a=1,b=2"))
    assert len(answer.errors) == 1
    assert b"pc" not in answer.errors[0]


def test_rules_that_only_look_values_up_are_not_guarded() -> None:
    assert "pcall" not in compile_lua(policy(ONE_RULE), "dye").source


def test_as_a_fallback_it_leaves_decisions_alone() -> None:
    script = Script(compile_lua(policy(ONE_RULE), "dye", fallback=True).source)
    assert script.run(SPOOFED, decided=True).lines == tuple(SPOOFED)
    assert ("x-lane", b"canary") in script.run([("agent", b"pc")]).lines


def test_as_a_fallback_it_works_at_a_hop_too() -> None:
    script = Script(compile_lua(policy(), "carry", fallback=True).source)
    only_header = [("x-lane", b"canary")]
    assert script.run(only_header, decided=True).lines == tuple(only_header)
    assert ("baggage", b"lane=canary") in script.run(only_header).lines


def test_metadata_tells_the_decision() -> None:
    one = policy(ONE_RULE)
    answer = Script(compile_lua(one, "dye", metadata=True).source).run([("agent", b"pc")])
    assert (answer.lane, answer.rule, answer.policy) == ("canary", "pc-users", one.digest)


def test_without_a_sticky_key_buckets_are_drawn() -> None:
    dice = policy("""
        rules:
        - name: dice
          split: {by: [{cookie: uid}], weights: {canary: 2500, base: 7500}, otherwise: random}
        """)
    script = compile_lua(dice, "dye", metadata=True).source

    def draws() -> list[str | None]:
        worker = Script(script)
        return [worker.run([]).lane for _ in range(2000)]

    one, other = draws(), draws()
    assert 400 < one.count("canary") < 600  # five standard deviations
    assert one != other  # workers do not throw the same dice


def test_a_key_of_any_length_falls_into_its_bucket() -> None:
    spread = policy("""
        rules:
        - name: r
          split: {by: [{header: u}], weights: {canary: 3333, base: 6667}}
        """)
    script, engine = Script(compile_lua(spread, "dye", metadata=True).source), Engine(spread)
    for length in range(1, 200):
        key = bytes((length * 7 + i * 31) % 223 + 32 for i in range(length))
        lines = [("u", key)]
        assert script.run(lines).lane == engine.dye(Request(lines)).lane


HOSTILE = [
    ("baggage", b",", b""),
    ("baggage", b" ,", b""),
    ("baggage", b"lane", b""),
    ("baggage", b"lane=x,", b""),
    ("baggage", b"lane=canary;p,a,", b""),
    ("baggage", b"lane ", b""),
    ("baggage", b" ", b"lane=x"),
    ("baggage", b" ", b",lane"),
    ("cookie", b";", b""),
    ("cookie", b"x", b"uid=x"),
    ("cookie", b" ", b"uid=x"),
    ("cookie", b"xuid=", b""),
    ("cookie", b"uid", b""),
    (":path", b"?", b""),
    (":path", b"?&", b""),
    (":path", b"?v=1&", b""),
    (":path", b"?%", b""),
    (":path", b"?%41", b""),
    (":authority", b":", b""),
    (":authority", b"]", b":"),
    ("v", b"x", b""),
]


@pytest.mark.parametrize(("name", "part", "end"), HOSTILE)
def test_work_grows_with_the_request_and_no_faster(name: str, part: bytes, end: bytes) -> None:
    spec = """
        edge: {client: accept, accept: [canary]}
        rules:
        - name: r
          match:
          - {cookies: {uid: {exact: x}}}
          - {query: {v: {exact: x}}}
          - {host: {exact: x}}
          - {headers: {v: {regex: '(x|xx)*y'}}}
          lane: canary
        """
    script = Script(compile_lua(policy(spec), "dye").source)
    few, many = (script.steps([(name, part * count + end)]) for count in (1_000, 8_000))
    assert many <= 9 * few


def test_no_piece_ends_in_a_call_of_lua_itself() -> None:
    # LuaJIT does not compile such a tail call: `return (find(...))` is none.
    builtins = "byte|char|find|format|gsub|lower|match|rep|sub|tonumber|tostring|random"
    tail = re.compile(rf"return (?:{builtins})\([^\n]*\)(?: end)?$", re.MULTILINE)
    for piece in files("colorfast.lua").joinpath("pieces").iterdir():
        assert tail.search(piece.read_text()) is None, piece.name
