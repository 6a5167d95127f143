"""An imported policy decides as the other system does."""

import random
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml
from importers import higress
from importers.test_goldens import imported

from colorfast.k8s.importers import dump, import_text, importer, percentage_bucket
from colorfast.policy import Engine, Mesh, Policy, Request, load_mesh, load_policy

CASES = Path(__file__).with_name("cases")
REQUESTS = 3000


def policies(name: str, **options: tuple[str, ...]) -> list[Policy]:
    return [
        load_policy(dump([one])).policy
        for one in imported(CASES / name, **options).documents
        if one["kind"] == "LanePolicy"
    ]


def the_mesh(name: str) -> Mesh:
    [one] = [one for one in imported(CASES / name).documents if one["kind"] == "LaneMesh"]
    return load_mesh(dump([one]))


def request(path: str = "/", source_ip: str = "192.0.2.1", **headers: str) -> Request:
    lines = [(":method", "GET"), (":path", path), (":authority", "shop.example.com")]
    lines = [line for line in lines if line[0][1:] not in headers]
    named = {"method": ":method", "authority": ":authority"}
    lines += [(named.get(k, k.replace("_", "-")), v) for k, v in headers.items()]
    return Request(((name, value.encode()) for name, value in lines), source_ip)


def lane(policy: Policy, asked: Request) -> str | None:
    return Engine(policy).dye(asked).lane


# Higress.

ROLES = ["user", "viewer", "admin", "USER", ""]
SESSIONS = ["x1", "x", "x11", "y1", "", "x\N{LATIN SMALL LETTER E WITH ACUTE}"]
VERSIONS = ["2.0", "12.0", "2", "2.", ""]
AGENTS = ["Chrome", "Mozilla Edge/1", "curl", "chrome"]
REGIONS = ["eu-1", "eu", "us-eu-", "eu-"]
PLANS = ["free", "", "trial", "pro", "free2", "tria"]


def drawn(rng: random.Random) -> Request:
    def maybe(values: list[str]) -> str | None:
        return rng.choice(values) if rng.random() < 0.6 else None

    headers = {"role": maybe(ROLES), "user_agent": maybe(AGENTS), "region": maybe(REGIONS)}
    session, plan, version = maybe(SESSIONS), maybe(PLANS), maybe(VERSIONS)
    cookies = [f"session={session}"] * (session is not None) + [f"plan={plan}"] * (plan is not None)
    given = {name: value for name, value in headers.items() if value is not None}
    if cookies:
        given["cookie"] = "; ".join(rng.sample(cookies, len(cookies)))
    return request("/" if version is None else f"/?a=1&v={version}", **given)


def test_higress_condition_groups_decide_alike() -> None:
    [policy] = policies("higress-conditions.yaml")
    config = yaml.safe_load((CASES / "higress-conditions.yaml").read_text())
    rng = random.Random(7)
    seen = set()
    for _ in range(REQUESTS):
        asked = drawn(rng)
        expected = higress.tag(config, asked)
        assert lane(policy, asked) == expected, asked.headers
        seen.add(expected)
    assert seen == {"base", "gray", "beta", "alpha"}


OPERATORS = {
    "equal": ["ab"],
    "not_equal": ["ab"],
    "prefix": ["ab"],
    "in": ["ab", "b"],
    "not_in": ["ab", "b", "", "aé"],
    "regex": ["b.?$"],
}
VALUES = ["ab", "a", "b", "", "abc", "ba", "aé", "é", "ABC", "a b", "xab", "ab\t"]


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("source", ["header", "cookie", "parameter"])
def test_every_operator_of_higress_means_the_same(operator: str, source: str) -> None:
    condition = {
        "conditionType": source, "key": "k", "operator": operator, "value": OPERATORS[operator],
    }  # fmt: skip
    config: dict[str, Any] = {
        "conditionGroups": [
            {"headerName": "x-t", "headerValue": "hit", "logic": "and", "conditions": [condition]}
        ]
    }
    [document] = import_text(importer("higress"), yaml.safe_dump(config), file="c").documents
    policy = load_policy(dump([document])).policy
    quoted = [value.replace(" ", "%20").replace("\t", "%09") for value in VALUES]
    plain = [value.strip() if source == "cookie" else value for value in VALUES]
    asked = [request()]
    match source:
        case "header":
            asked += [request(k=value) for value in plain]
        case "cookie":
            asked += [request(cookie=f"j=1; k={value}") for value in plain]
        case _:
            asked += [request(f"/?k={value}") for value in quoted]
    for one in asked:
        assert lane(policy, one) == higress.tag(config, one), (one.headers, document)


VECTORS = {"alice": 7, "bob": 50, "user-1": 94, "user-2": 87, "10001": 57, "张三": 44, "": 52}


@pytest.mark.parametrize(("user", "bucket"), VECTORS.items())
def test_percentages_are_those_of_higress(user: str, bucket: int) -> None:
    assert percentage_bucket(user.encode()) == bucket == higress.percentage(user)


def test_users_that_are_named_stay_on_their_side_of_a_percentage() -> None:
    users = tuple(user for user in VECTORS if user)
    first, _ = policies("higress-shares.yaml", users=users)
    for user in users:
        expected = "gray" if VECTORS[user] < 60 else "base"
        assert lane(first, request(x_user_id=user)) == expected


@pytest.mark.parametrize(("percent", "expected"), [(50, "base"), (51, "gray")])
def test_a_percentage_takes_what_is_below_it(percent: int, expected: str) -> None:
    condition = {
        "conditionType": "cookie", "key": "uid", "operator": "percentage", "value": [percent],
    }  # fmt: skip
    group = {"headerName": "x-t", "headerValue": "gray", "logic": "or", "conditions": [condition]}
    config = {"defaultTagKey": "x-t", "defaultTagVal": "base", "conditionGroups": [group]}
    text = yaml.safe_dump(config)
    [document] = import_text(importer("higress", users=["bob"]), text, file="c").documents
    asked = request(cookie="uid=bob")
    assert higress.tag(config, asked) == expected
    assert lane(load_policy(dump([document])).policy, asked) == expected


def test_a_percentage_takes_as_many_others() -> None:
    first, _ = policies("higress-shares.yaml")
    lanes = [lane(first, request(x_user_id=f"u{number}")) for number in range(4000)]
    assert 0.57 < lanes.count("gray") / 4000 < 0.63


def test_weights_of_higress_are_drawn_for_each_request() -> None:
    first, _ = policies("higress-shares.yaml")
    lanes = [lane(first, request(x_request_id=str(number))) for number in range(4000)]
    assert 0.27 < lanes.count("gray") / 4000 < 0.33
    assert 0.17 < lanes.count("blue") / 4000 < 0.23


def test_a_header_that_is_there_stays_as_it_does_in_higress() -> None:
    [policy] = policies("higress-conditions.yaml")
    assert lane(policy, request(x_mse_tag="gray", region="eu-1")) == "gray"


# ASM.


def test_asm_rules_match_as_its_virtual_service_does() -> None:
    [policy] = policies("asm-permissive.yaml")
    tester = {"x_user_group": "testers"}
    assert policy.header == "version"
    assert lane(policy, request("/api/x?q=1", **tester)) == "s2"
    assert lane(policy, request("/api", authority="eu.shop.example.com:443", **tester)) == "s2"
    assert lane(policy, request("/api", authority="example.com", **tester)) is None
    assert lane(policy, request("/web", **tester)) is None
    assert lane(policy, request(cookie="a=1;tester=yes")) is None  # offline
    assert policy.baseline == "s1"


def test_asm_lanes_are_told_apart_by_their_labels() -> None:
    mesh = the_mesh("asm-permissive.yaml")
    assert dict(mesh.service("mocka").lane_labels)["s2"] == (("version", "v2"),)
    assert mesh.service("mockb").lanes == ("s1",)


def test_asm_weights_and_hash_partitions_are_shares() -> None:
    [weighted] = policies("asm-weighted.yaml")
    lanes = [lane(weighted, request("/mock", x_request_id=str(number))) for number in range(4000)]
    assert 0.22 < lanes.count("green") / 4000 < 0.28
    by_header = {policy.header: policy for policy in policies("asm-hash.yaml")}
    host = "demo.com"
    lanes = [
        lane(by_header["appver-a"], request(authority=host, x_user_id=str(number)))
        for number in range(4000)
    ]
    assert 0.08 < lanes.count("v2") / 4000 < 0.12
    assert lane(by_header["appver-a"], request(authority=host)) is None


# KT.


@pytest.mark.parametrize(
    ("value", "subset"),
    [("a.b", "a.b"), ("a.b.c", "a.b.c"), ("a.d.e.f", "a.d"), ("a.d.e.f.g", "a.d.e.f.g")],
)
def test_kt_goes_up_the_levels_to_what_is_deployed(value: str, subset: str) -> None:
    [policy] = policies("kt-levels.yaml")
    deployed = set(the_mesh("kt-levels.yaml").service("app").lanes)
    chosen = lane(policy, request(ali_env_mark=value))
    assert chosen is not None
    assert next(one for one in policy.fallbacks(chosen) if one in deployed) == subset


def test_kt_baselines_may_have_levels_and_have_no_parent() -> None:
    text = """
    kind: VirtualEnvironment
    spec: {envLabel: {name: env, splitter: "/", defaultSubset: dev/main}}
    ---
    {kind: Deployment, spec: {template: {metadata: {labels: {env: dev/main}}}}}
    ---
    {kind: Deployment, spec: {template: {metadata: {labels: {env: dev/main/x}}}}}
    """
    [document] = import_text(importer("kt"), textwrap.dedent(text), file="c").documents
    policy = load_policy(dump([document])).policy
    assert policy.baseline == "dev-main"
    assert policy.fallbacks("dev-main-x") == ("dev-main-x", "dev-main")


def test_kt_values_that_nobody_has_lead_nowhere() -> None:
    [policy] = policies("kt-levels.yaml")
    assert lane(policy, request(ali_env_mark="b.x")) is None


def test_kt_aliases_find_the_lane_in_a_cookie() -> None:
    [policy] = policies("kt-levels.yaml")
    assert lane(policy, request(cookie="x=1; ali-env=a.b; y=2")) == "a.b"
    assert lane(policy, request(cookie="x=1; ali-env=aXb; y=2")) is None
    assert lane(policy, request(ali_env_mark="a", cookie="ali-env=a.b")) == "a"


# Polaris.


def test_polaris_rules_match_by_priority_and_mode() -> None:
    [policy] = policies("polaris-group.yaml")
    here = "10.0.0.1"
    assert lane(policy, request("/?v=new", here, user="1")) == "gray"
    # A parameter that is absent, or blank, is not different from "old".
    for path in ("/?v=old", "/", "/?v="):
        assert lane(policy, request(path, here, user="1", x_request_id="1")) in ("base", "gray")
        assert Engine(policy).dye(request(path, here, user="1")).rule == "later"
    assert lane(policy, request(cookie="uid=t-1")) == "blue"
    assert lane(policy, request(method="PATCH")) == "blue"
    assert Engine(policy).dye(request(cookie="uid=at-1")).rule == "later"


def test_polaris_rules_that_cannot_be_said_are_parked() -> None:
    [policy] = policies("polaris-group.yaml")
    assert {one.name for one in policy.rules if not one.enabled} == {"warm", "custom", "off"}


def test_polaris_services_and_strict_lanes_are_in_the_mesh() -> None:
    mesh = the_mesh("polaris-group.yaml")
    assert [one.name for one in mesh.services] == ["orderservice", "stock"]
    assert "blue" in mesh.strict
    assert "gray" not in mesh.strict


# Kruise.


def test_kruise_matches_are_and_inside_and_or_between() -> None:
    [policy] = policies("kruise-end-to-end.yaml")
    assert lane(policy, request("/?beta=on", agent="pc", version="v3")) == "canary"
    for one in (
        request("/", agent="pc", version="v3"),
        request("/?beta=on", agent="pc", version="v30"),
        request("/?beta=on", agent="pc"),
    ):
        assert Engine(policy).dye(one).rule == "mockb-step-1"
    assert Engine(policy).dye(request("/canary/x")).rule == "mocks"


def test_kruise_steps_are_rules_and_one_is_on() -> None:
    [policy] = policies("kruise-end-to-end.yaml")
    steps = {one.name: one.enabled for one in policy.rules}
    assert steps == {"mocks": True, "mockb-step-1": True, "mockb-step-2": False}
    lanes = [lane(policy, request(x_request_id=str(number))) for number in range(4000)]
    assert 0.03 < lanes.count("canary") / 4000 < 0.07
