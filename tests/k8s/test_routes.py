"""Lane routes: where a request of each lane is sent, by whichever API says it."""

from dataclasses import replace
from typing import Any

import pytest
import re2

from colorfast.k8s import gateway_api_routes, istio_routes
from colorfast.lane import LaneSet
from colorfast.policy import (
    External,
    Gateway,
    Mesh,
    Service,
    lane_targets,
    load_policy,
)

POLICY = load_policy(
    "apiVersion: colorfast.dev/v1alpha1\nkind: LanePolicy\nmetadata: {name: x}\nspec:\n"
    '  lanes: [base, canary, blue, a.b_c, "pr-*"]\n'
    "  parents: {pr-42: canary, blue: canary}\n"
).policy
FRONT = Service(
    name="front",
    namespace="shop",
    port=8000,
    lanes=("base", "canary", "pr-42", "a.b_c"),
    calls=("back", "side"),
)
BACK = Service(
    name="back",
    namespace="stock",
    lanes=("base", "canary"),
    lane_labels=(("base", (("version", "v1"),)), ("canary", (("version", "v2"),))),
    calls=("side",),
)
SIDE = Service(name="side", namespace="stock", lanes=("base", "pr-7"))
MESH = Mesh(
    name="m",
    entry="front",
    services=(FRONT, BACK, SIDE),
    gateways=(
        Gateway(
            name="gw",
            namespace="istio-system",
            hosts=("shop.example.com",),
            selector=(("istio", "ingressgateway"),),
        ),
    ),
    external=(External(host="pay.example.org"), External(host="*.example.net", port=8080)),
)
STRICT = replace(MESH, strict=LaneSet(("blue", "pr-*")))
TWO_ENTRIES = replace(
    MESH,
    gateways=(
        *MESH.gateways,
        replace(MESH.gateways[0], hosts=("side.example.com",), entry="side"),
    ),
)
"""One Gateway object: which of its hosts a request is for tells where it goes."""
LANES = [None, "base", "canary", "blue", "a.b_c", "pr-42", "pr-7", "pr-999"]
REFUSED = "refused"


def objects(mesh: Mesh, kind: str, *, api: str = "istio") -> dict[str, Any]:
    routes = istio_routes if api == "istio" else gateway_api_routes
    return {one["metadata"]["name"]: one for one in routes(POLICY, mesh) if one["kind"] == kind}


def admits(match: dict[str, str], lane: str | None) -> bool:
    if lane is None:
        return False
    ((how, value),) = match.items()
    return lane == value if how == "exact" else lane.startswith(value)


def sent_by_istio(http: list[dict[str, Any]], lane: str | None) -> str:
    """The subset, as Istio picks it: the first route of which a match holds."""
    for route in http:
        matches = [one["headers"]["x-lane"] for one in route.get("match", [])]
        if matches and not any(admits(match, lane) for match in matches):
            continue
        if "directResponse" in route:
            assert route["directResponse"]["status"] == 503
            return REFUSED
        (destination,) = route["route"]
        return str(destination["destination"]["subset"])
    raise AssertionError("no route")


def sent_by_gateway_api(rules: list[dict[str, Any]], lane: str | None) -> str:
    """The Service. The API prefers rules with header matches, then the first."""
    for rule in rules:
        headers = [header for match in rule.get("matches", []) for header in match["headers"]]
        for header in headers:
            pattern = header["value"]
            if header.get("type") != "RegularExpression":
                pattern = re2.escape(pattern)
            if lane is not None and re2.fullmatch(pattern, lane):
                return str(rule["backendRefs"][0]["name"])
        if not headers:
            return str(rule["backendRefs"][0]["name"])
    raise AssertionError("no rule")


@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize("mesh", [MESH, STRICT], ids=["falls back", "strict"])
def test_a_lane_is_sent_to_the_version_that_it_leads_to(mesh: Mesh, lane: str | None) -> None:
    services = objects(mesh, "VirtualService")
    subsets = {
        each["spec"]["host"]: {s["name"]: s["labels"] for s in each["spec"]["subsets"]}
        for each in objects(mesh, "DestinationRule").values()
    }
    for service in mesh.services:
        http = services[f"{service.name}-lanes"]["spec"]["http"]
        sent = sent_by_istio(http, lane)
        targets = lane_targets(POLICY, mesh, service, lane)
        if not targets:
            assert sent == REFUSED
        else:
            assert subsets[service.host][sent] == dict(service.labels_of(targets[0]))


@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize("mesh", [MESH, STRICT], ids=["falls back", "strict"])
def test_the_gateway_api_sends_it_there_too(mesh: Mesh, lane: str | None) -> None:
    routes = objects(mesh, "HTTPRoute", api="gateway")
    services = objects(mesh, "Service", api="gateway")
    for service in mesh.services:
        backend = sent_by_gateway_api(routes[f"{service.name}-lanes"]["spec"]["rules"], lane)
        targets = lane_targets(POLICY, mesh, service, lane)
        selector = services[backend]["spec"].get("selector")
        assert selector == (dict(service.pods_of(targets[0])) if targets else None)


def test_a_gateway_leads_to_the_entry_in_the_same_way() -> None:
    services = objects(STRICT, "VirtualService")
    entrance = services["gw-front"]["spec"]
    assert entrance["hosts"] == ["shop.example.com"]
    assert entrance["gateways"] == ["istio-system/gw"]
    inside = services["front-lanes"]["spec"]["http"]
    without_names = [[{**route, "name": ""} for route in routes] for routes in (inside,)]
    assert [{**route, "name": ""} for route in entrance["http"]] == without_names[0]


@pytest.mark.parametrize(("api", "kind"), [("istio", "VirtualService"), ("gateway", "HTTPRoute")])
def test_a_gateway_may_lead_to_another_entry(api: str, kind: str) -> None:
    made = objects(TWO_ENTRIES, kind, api=api)
    assert {"gw-front", "gw-side"} <= made.keys()
    assert made["gw-side"]["metadata"]["namespace"] == "stock"
    assert "front" not in str(made["gw-side"]["spec"])


def test_the_backups_of_a_gateway_are_those_of_all_its_entries() -> None:
    filters = objects(replace(TWO_ENTRIES, fallback="endpoints"), "EnvoyFilter")
    patches = str(filters["gw-lane-backups"]["spec"]["configPatches"])
    assert "gw-front.canary" in patches
    assert "gw-side.pr-7" in patches


@pytest.mark.parametrize(
    ("api", "kind", "list_of"),
    [("istio", "VirtualService", "http"), ("gateway", "HTTPRoute", "rules")],
)
def test_no_two_routes_have_the_same_name(api: str, kind: str, list_of: str) -> None:
    names = [
        route["name"]
        for one in objects(STRICT, kind, api=api).values()
        for route in one["spec"][list_of]
    ]
    assert len(names) == len(set(names)) > len(LANES)


def test_the_last_route_takes_every_other_request() -> None:
    for one in objects(STRICT, "VirtualService").values():
        *_, last = one["spec"]["http"]
        assert "match" not in last


def test_nothing_is_told_to_strangers() -> None:
    services = objects(MESH, "VirtualService")
    entries = objects(MESH, "ServiceEntry")
    assert entries.keys() == {n for n in services if n.startswith("external-")}
    assert len(entries) == 2
    for name, entry in entries.items():
        assert entry["spec"]["location"] == "MESH_EXTERNAL"
        (route,) = services[name]["spec"]["http"]
        assert route["headers"]["request"]["remove"] == ["x-lane", "baggage"]


def test_who_falls_back_by_endpoints_leads_to_an_aggregate_of_subsets() -> None:
    filters = [
        one
        for one in istio_routes(POLICY, replace(MESH, fallback="endpoints"))
        if one["kind"] == "EnvoyFilter"
    ]
    places = {(one["metadata"]["namespace"], one["metadata"]["name"]) for one in filters}
    assert places == {
        ("istio-system", "gw-lane-backups"),
        ("shop", "m-lane-backups"),
        ("stock", "m-lane-backups"),
    }
    for one in filters:
        patches = one["spec"]["configPatches"]
        added = {p["patch"]["value"]["name"] for p in patches if p["applyTo"] == "CLUSTER"}
        led = {
            p["patch"]["value"]["route"]["cluster"] for p in patches if p["applyTo"] == "HTTP_ROUTE"
        }
        assert added == led != set()


def test_a_lane_that_is_strict_has_no_backup() -> None:
    mesh = replace(
        STRICT, fallback="endpoints", strict=LaneSet(("canary", "blue", "pr-*", "a.b_c"))
    )
    assert [one for one in istio_routes(POLICY, mesh) if one["kind"] == "EnvoyFilter"] == []


def test_every_object_says_whose_it_is() -> None:
    for one in (*istio_routes(POLICY, STRICT), *gateway_api_routes(POLICY, STRICT)):
        labels = one["metadata"]["labels"]
        assert labels["app.kubernetes.io/managed-by"] == "colorfast"
        assert labels["app.kubernetes.io/part-of"] == "m"
        assert one["metadata"]["annotations"] == {"colorfast.dev/policy-digest": POLICY.digest}
