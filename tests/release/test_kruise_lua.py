"""Our scripts for OpenKruise Rollouts: what its own get wrong, and what they must go on doing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lupa.lua51 import LuaError
from release.kruise import run

Rule = dict[str, Any]

LANE = [{"headers": [{"type": "Exact", "name": "x-lane", "value": "canary"}]}]
NAMED = "shop.shop.svc.cluster.local"


def to(host: str = "shop", subset: str | None = None, weight: int | None = None) -> Rule:
    destination: Rule = {"host": host}
    if subset is not None:
        destination["subset"] = subset
    return {"destination": destination} | ({} if weight is None else {"weight": weight})


def rule(*routes: Rule, name: str = "primary", **more: Any) -> Rule:
    return {"name": name, **more, "route": list(routes)}


def routed(*rules: Rule, hosts: tuple[str, ...] = ("shop",), **given: Any) -> list[Rule]:
    http: list[Rule] = run("virtual_service", {"hosts": list(hosts), "http": list(rules)}, **given)[
        "http"
    ]
    return http


def weights(one: Rule) -> dict[str, int]:
    names = (
        f"{each['destination']['host']}/{each['destination'].get('subset', '')}"
        for each in one["route"]
    )
    return dict(zip(names, (each["weight"] for each in one["route"]), strict=True))


# What Kruise's scripts get wrong, one by one.


@given(
    st.lists(st.integers(0, 100), min_size=1, max_size=5).filter(any),
    st.integers(0, 100),
)
def test_1_nothing_is_lost_to_rounding(shares: list[int], canary: int) -> None:
    own = [to(subset=f"s{index}", weight=share) for index, share in enumerate(shares)]
    (made,) = routed(rule(*own), weight=canary)
    found = weights(made)
    assert sum(found.values()) == sum(shares)
    assert abs(found["shop/canary"] - sum(shares) * canary / 100) <= 0.5 + 1e-9


def test_1_other_hosts_keep_their_weights() -> None:
    (made,) = routed(rule(to(weight=60), to("other", weight=40)), weight=50)
    assert weights(made) == {"shop/": 30, "other/": 40, "shop/canary": 30}


def test_2_two_subsets_of_one_host_get_one_canary() -> None:
    own = rule(to(subset="v1", weight=40), to(subset="v2", weight=40), to("other", weight=20))
    (made,) = routed(own, weight=20)
    assert weights(made) == {"shop/v1": 32, "shop/v2": 32, "other/": 20, "shop/canary": 16}


@pytest.mark.parametrize(
    "other",
    [{"redirect": {"uri": "/"}}, {"directResponse": {"status": 404}}, {"delegate": {"name": "x"}}],
)
@pytest.mark.parametrize("step", [{"weight": 20}, {"matches": LANE}])
def test_3_a_rule_without_a_route_stays(other: Rule, step: Rule) -> None:
    made = routed({"name": "other", **other}, rule(to()), **step)
    assert made[0] == {"name": "other", **other}
    assert len(made) == (2 if "weight" in step else 3)


def test_4_a_virtual_service_for_tcp_has_weights_and_no_matches() -> None:
    spec = {"hosts": ["shop"], "tcp": [{"route": [to()]}]}
    assert run("virtual_service", spec, matches=LANE) == spec
    (made,) = run("virtual_service", spec, weight=20)["tcp"]
    assert weights(made) == {"shop/": 80, "shop/canary": 20}


def test_4_a_destination_rule_without_subsets_gets_its_first() -> None:
    made = run("destination_rule", {"host": "shop"})
    assert made["subsets"] == [{"name": "canary", "labels": {"istio.service.tag": "gray"}}]


def test_5_a_service_of_another_namespace_is_another_service() -> None:
    own = rule(to("shop", weight=50), to("shop.other.svc.cluster.local", weight=50))
    (made,) = routed(own, weight=20)
    assert weights(made) == {"shop/": 40, "shop.other.svc.cluster.local/": 50, "shop/canary": 10}


@pytest.mark.parametrize(
    "more",
    [
        {"hosts": (NAMED,)},
        {"hosts": ("x",), "annotations": {"colorfast.dev/kruise-namespace": "shop"}},
    ],
    ids=["its host", "its annotation"],
)
def test_5_its_full_name_is_the_service(more: Any) -> None:
    (made,) = routed(rule(to(NAMED)), weight=20, **more)
    assert weights(made) == {f"{NAMED}/": 80, f"{NAMED}/canary": 20}


def test_6_rules_by_path_are_weighted_too() -> None:
    admin = rule(to(), name="admin", match=[{"uri": {"prefix": "/admin"}}])
    assert [weights(one) for one in routed(admin, weight=20)] == [{"shop/": 80, "shop/canary": 20}]
    both = routed(admin, rule(to()), weight=20)
    assert [weights(one) for one in both] == [{"shop/": 80, "shop/canary": 20}] * 2


def test_6_a_virtual_service_of_another_service_is_an_error_and_not_silence() -> None:
    with pytest.raises(LuaError, match="leads to shop"):
        routed(rule(to("other")), weight=20)


@pytest.mark.parametrize(
    ("modifier", "expected"),
    [
        (
            {"set": [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]},
            {"set": {"a": "1", "b": "2"}},
        ),
        ({"add": [{"name": "a", "value": "1"}]}, {"add": {"a": "1"}}),
        ({"remove": ["a", "b"]}, {"remove": ["a", "b"]}),
    ],
)
def test_7_several_headers_are_set_or_none(modifier: Rule, expected: Rule) -> None:
    made = routed(rule(to()), matches=LANE, requestHeaderModifier=modifier)
    assert made[0]["headers"] == {"request": expected}
    assert "headers" not in made[1]


# What is wanted besides.


def test_a_lane_gets_a_rule_of_its_own_with_the_settings_of_the_one_behind_it() -> None:
    own = rule(to(subset="base"), timeout="3s")
    port = {"number": 8000}
    own["route"][0]["destination"]["port"] = port
    lane, rest = routed(own, matches=LANE)
    assert rest == own
    assert lane == {
        "name": "primary-canary",
        "timeout": "3s",
        "match": [{"headers": {"x-lane": {"exact": "canary"}}}],
        "route": [{"destination": {"host": "shop", "subset": "canary", "port": port}}],
    }


def test_rules_have_names_of_their_own() -> None:
    paths = [rule(to(), match=[{"uri": {"prefix": path}}]) for path in ("/a", "/b")]
    for one in paths:
        del one["name"]
    names = [one.get("name") for one in routed(*paths, rule(to()), matches=LANE)]
    assert names == ["rule-1-canary", None, "rule-2-canary", None, "primary-canary", "primary"]


def test_matches_keep_their_order() -> None:
    first = {"headers": [{"name": "x-lane", "value": "a"}]}
    second = {"queryParams": [{"name": "q", "type": "RegularExpression", "value": "b.*"}]}
    third = {"path": {"type": "PathPrefix", "value": "/c"}}
    lane, _ = routed(rule(to()), matches=[first, second, third])
    assert lane["match"] == [
        {"headers": {"x-lane": {"exact": "a"}}},
        {"queryParams": {"q": {"regex": "b.*"}}},
        {"uri": {"prefix": "/c"}},
    ]


def test_a_path_and_a_lane_are_both_wanted() -> None:
    admin = rule(to(), match=[{"uri": {"prefix": "/admin"}}])
    lane, _ = routed(admin, matches=LANE)
    assert lane["match"] == [
        {"uri": {"prefix": "/admin"}, "headers": {"x-lane": {"exact": "canary"}}}
    ]


@pytest.mark.parametrize("step", [{"weight": 20}, {"matches": LANE}])
def test_the_rule_of_another_lane_stays(step: Rule) -> None:
    blue = rule(to(subset="blue"), name="blue", match=[{"headers": {"x-lane": {"exact": "blue"}}}])
    made = routed(blue, rule(to(subset="base")), **step)
    assert made[0] == blue


def test_a_lane_that_falls_back_to_the_baseline_is_not_the_canary() -> None:
    blue = rule(to(), name="blue", match=[{"headers": {"x-lane": {"exact": "blue"}}}])
    made = routed(blue, rule(to()), matches=LANE)
    assert [one["name"] for one in made] == ["blue", "primary-canary", "primary"]


def test_a_canary_service_has_no_subset() -> None:
    made = routed(rule(to(subset="base")), weight=20, canaryService="shop-canary")
    assert weights(made[0]) == {"shop/base": 80, "shop-canary/": 20}


def test_the_full_size_is_all_of_it() -> None:
    (made,) = routed(rule(to()), weight=-1)
    assert weights(made) == {"shop/": 0, "shop/canary": 100}


def test_a_subset_is_named_and_labelled_by_annotations() -> None:
    annotations = {
        "colorfast.dev/kruise-subset": "v2",
        "colorfast.dev/kruise-labels": "version=v2,track=new",
    }
    made = run("destination_rule", {"host": "shop", "subsets": []}, annotations=annotations)
    assert made["subsets"] == [{"name": "v2", "labels": {"version": "v2", "track": "new"}}]
    (weighted,) = routed(rule(to()), weight=20, annotations=annotations)
    assert weights(weighted) == {"shop/": 80, "shop/v2": 20}


def test_a_subset_that_is_there_is_not_written_twice() -> None:
    subsets = [{"name": "canary", "labels": {"version": "v2"}}]
    assert run("destination_rule", {"host": "shop", "subsets": subsets})["subsets"] == subsets
