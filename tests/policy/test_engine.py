"""The engine against the explainer: an index and plain iteration must never disagree."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colorfast.policy import Engine, Request, Split, Verdict, explain
from helpers.policies import from_data, policy

NAMES = ["a", "b", "c"]
VALUES = ["x", "y", "X", "xy", "", "é"]
texts = st.sampled_from(VALUES)
flags = st.booleans()
matchers = st.one_of(
    st.fixed_dictionaries({"exact": texts}, optional={"ignoreCase": flags, "not": flags}),
    st.fixed_dictionaries({"in": st.lists(texts, min_size=1, max_size=3)}, optional={"not": flags}),
    st.fixed_dictionaries({"prefix": texts}, optional={"ignoreCase": flags, "not": flags}),
    st.fixed_dictionaries({"suffix": texts}, optional={"not": flags}),
    st.fixed_dictionaries({"contains": texts}, optional={"ignoreCase": flags}),
    st.fixed_dictionaries({"regex": st.sampled_from(["x+", "[xy]*", "(?i)X.*"])}),
    st.fixed_dictionaries({"present": flags}, optional={"not": flags}),
)
named = st.dictionaries(st.sampled_from(NAMES), matchers, min_size=1, max_size=2)
entries = st.dictionaries(st.sampled_from(["headers", "cookies", "query"]), named, min_size=1)
splits = st.builds(
    lambda keys, share: {
        "by": keys,
        "weights": {"canary": share, "base": 10_000 - share},
        "otherwise": "base",
    },
    st.lists(
        st.sampled_from([{"header": "a"}, {"cookie": "b"}, "sourceIp"]), min_size=1, max_size=2
    ),
    st.integers(0, 10_000),
)
outcomes = st.one_of(
    st.fixed_dictionaries({"lane": st.sampled_from(["base", "canary", "blue"])}),
    st.fixed_dictionaries({"split": splits}),
)


@st.composite
def policies(draw: st.DrawFn) -> dict[str, Any]:
    rules = draw(st.lists(st.tuples(st.lists(entries, max_size=2), outcomes, flags), max_size=12))
    return {
        "lanes": ["base", "canary", "blue"],
        "default": draw(st.sampled_from(["base", None])),
        "edge": draw(st.sampled_from([{}, {"client": "accept", "accept": ["canary"]}])),
        "rules": [
            {"name": f"r{i}", "enabled": on, **({"match": match} if match else {}), **outcome}
            for i, (match, outcome, on) in enumerate(rules)
        ],
    }


wire_values = st.sampled_from([value.encode() for value in VALUES]) | st.binary(max_size=4)
lines = st.lists(
    st.tuples(st.sampled_from([*NAMES, "x-lane"]), wire_values)
    | st.tuples(st.just("cookie"), st.sampled_from([b"a=x", b"b=y; a=", b" c=X;b", b"=x;;"]))
    | st.tuples(st.just("baggage"), st.sampled_from([b"lane=canary", b"k=1, lane=base;p", b",,"]))
    | st.tuples(st.just(":path"), st.sampled_from([b"/?a=x&b=%58", b"/p?a=%zz&&c", b"?", b""])),
    max_size=8,
)


@settings(max_examples=300, deadline=None)
@given(policies(), lines, st.sampled_from(["", "10.0.0.1", "not an address"]))
def test_the_index_decides_as_plain_iteration_does(
    spec: dict[str, Any], request_lines: list[tuple[str, bytes]], source_ip: str
) -> None:
    loaded = from_data(spec)
    request = Request(request_lines, source_ip)
    assert Engine(loaded).dye(request) == explain(loaded, request).outcome


@settings(max_examples=100, deadline=None)
@given(lines)
def test_carrying_twice_is_carrying_once(request_lines: list[tuple[str, bytes]]) -> None:
    engine = Engine(policy())
    first = engine.carry(Request(request_lines))
    touched = {name for name, _ in first.sets}
    after = [line for line in request_lines if line[0] not in touched] + list(first.sets)
    second = engine.carry(Request(after))
    assert second.lane == first.lane
    assert all(write in after for write in second.sets)


def test_a_thousand_header_names_cost_a_look_up_each_way() -> None:
    rules = [
        {"name": f"r{i}", "match": [{"headers": {f"h{i}": {"exact": "1"}}}], "lane": "canary"}
        for i in range(1000)
    ]
    engine = Engine(from_data({"lanes": ["base", "canary"], "rules": rules}))
    assert engine.dye(Request([("h999", b"1"), ("h500", b"1")])).rule == "r500"
    assert engine.dye(Request([("h999", b"2")])).rule is None


def test_without_a_sticky_key_random_draws_a_bucket() -> None:
    loaded = policy("""
        rules:
        - name: dice
          split: {by: [{cookie: uid}], weights: {canary: 2500, base: 7500}, otherwise: random}
        """)
    for bucket, lane in ((0, "canary"), (2499, "canary"), (2500, "base"), (9999, "base")):
        assert Engine(loaded, draw=lambda below, b=bucket: b).dye(Request([])).lane == lane  # type: ignore[misc]


def test_raising_the_first_weight_never_moves_a_user_back() -> None:
    def lanes(weight: int) -> list[str | None]:
        loaded = policy(f"""
            rules:
            - name: r
              split: {{by: [{{header: u}}], weights: {{canary: {weight}, base: {10_000 - weight}}}}}
            """)
        engine = Engine(loaded)
        return [engine.dye(Request([("u", b"user-%d" % i)])).lane for i in range(2000)]

    before, after = lanes(1000), lanes(3000)
    assert all(new == "canary" for old, new in zip(before, after, strict=True) if old == "canary")
    assert 100 < before.count("canary") < 300
    assert 500 < after.count("canary") < 700


def test_a_salt_of_its_own_makes_a_cohort_of_its_own() -> None:
    def canaries(salt: str) -> set[int]:
        loaded = policy(f"""
            rules:
            - name: r
              split: {{by: [{{header: u}}], salt: {salt}, weights: {{canary: 5000, base: 5000}}}}
            """)
        engine = Engine(loaded)
        return {i for i in range(1000) if engine.dye(Request([("u", b"%d" % i)])).lane == "canary"}

    assert 150 < len(canaries("one") & canaries("two")) < 350


def test_the_explainer_names_the_bucket_and_what_was_not_reached() -> None:
    loaded = policy(
        """
        rules:
        - {name: off, enabled: false, lane: canary}
        - {name: no, match: [{headers: {a: {exact: x}}}], lane: canary}
        - {name: yes, split: {by: [{header: u}], weights: {canary: 1, base: 9999}}}
        - {name: late, lane: canary}
        """.replace("name: yes", "name: 'yes'")
        .replace("name: no,", "name: 'no',")
        .replace("name: off", "name: 'off'")
    )
    told = explain(loaded, Request([("u", b"1")]))
    assert [trace.verdict for trace in told.rules] == [
        Verdict.PARKED,
        Verdict.NOT_MATCHED,
        Verdict.MATCHED,
        Verdict.NOT_REACHED,
    ]
    assert told.split is not None
    assert told.split.bucket is not None
    gives = loaded.rules[2].gives
    assert isinstance(gives, Split)
    assert gives.lane_of(told.split.bucket) == told.outcome.lane


def test_the_digest_tells_policies_apart_and_nothing_else() -> None:
    one, same, other = policy("default: base"), policy("default: base  # why"), policy()
    assert one.digest == same.digest != other.digest


def test_fallbacks_go_by_parents_and_end_at_the_baseline() -> None:
    loaded = policy("lanes: [base, canary, 'pr-*']\nparents: {pr-42: canary}")
    assert loaded.fallbacks("pr-42") == ("pr-42", "canary", "base")
    assert loaded.fallbacks("pr-7") == ("pr-7", "base")
    assert loaded.fallbacks("base") == ("base",)


@given(
    line=st.lists(
        st.sampled_from([b"a=", b"ba=", b"=", b";", b" ", b"\t", b"x", b"a", b"b=1"]), max_size=30
    ).map(b"".join),
    name=st.sampled_from([b"a", b"b", b"ba", b""]),
)
def test_one_cookie_is_found_as_all_are(line: bytes, name: bytes) -> None:
    every = Request([("cookie", line)]).cookies.get(name)
    assert Request([("cookie", line)]).cookie(name) == every


@pytest.mark.parametrize("kind", ["prefix", "suffix", "contains", "exact"])
def test_an_absent_header_does_not_hold_nothing(kind: str) -> None:
    rule = {"name": "a", "match": [{"headers": {"h": {kind: ""}}}], "lane": "canary"}
    engine = Engine(from_data({"lanes": ["base", "canary"], "rules": [rule]}))
    assert engine.decide(Request([])) == (None, None)
    assert engine.decide(Request([("h", b"")])) == ("canary", "a")
