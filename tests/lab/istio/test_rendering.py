"""Istio's config engine takes every object that we generate, and does with it what we mean."""

from collections.abc import Iterator
from functools import cache

import pytest
from lab.istio.cases import CASES, Case
from lab.istio.reading import Json, differences, filters, managers, routes_of
from lab.istio.tools import effects, render

from colorfast.k8s.targets._chains import chain_of

pytestmark = pytest.mark.usefixtures("istio")

KINDS = {
    "GATEWAY": "gateway",
    "SIDECAR_INBOUND": "sidecar-inbound",
    "SIDECAR_OUTBOUND": "sidecar-outbound",
}
"""Which proxies have what an EnvoyFilter's context is about."""

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@cache
def rendered(name: str) -> Json:
    case = next(case for case in CASES if case.name == name)
    return render(case.objects, case.proxies, ambient=case.ambient)


def patched(case: Case) -> Iterator[tuple[str, Json, str]]:
    """Every patch as effects are named, with what it is in and the kind of proxy that it is for."""
    for one in case.generated:
        if one["kind"] == "EnvoyFilter":
            at = f"EnvoyFilter {one['metadata']['namespace']}/{one['metadata']['name']}"
            for number, patch in enumerate(one["spec"]["configPatches"]):
                kind = KINDS[patch["match"]["context"]]
                if case.ambient and kind == "sidecar-inbound":
                    kind = "waypoint"  # whose listeners count as inbound
                if patch["applyTo"] == "CLUSTER":
                    kind = kind.partition("-")[0]  # directions of a sidecar share their clusters
                yield f"{at} patch {number}", one, kind


@cache
def effects_of(name: str) -> dict[str, list[str]]:
    case = next(case for case in CASES if case.name == name)
    return effects(case.objects, case.proxies, ambient=case.ambient)


@each_case
def test_every_object_and_every_patch_changes_some_proxy(case: Case) -> None:
    found = effects_of(case.name)
    assert len(found) >= len(case.generated)
    assert {name for name, touched in found.items() if not touched} == set()


@each_case
def test_a_patch_touches_the_proxies_that_it_is_for_and_no_others(case: Case) -> None:
    found = effects_of(case.name)
    for name, one, kind in patched(case):
        for proxy in found[name]:
            assert proxy.startswith(kind), name
            assert f":{one['metadata']['namespace']}/" in proxy, name


@each_case
def test_our_filters_are_ahead_of_all_others_in_their_order(case: Case) -> None:
    for proxy, rendering in rendered(case.name).items():
        options = case.station(proxy)
        if options.backend == "wasm":
            continue
        chain, _ = chain_of(case.policy, options)
        names = [one["name"] for one in chain.filters]
        seen = list(managers(rendering))
        assert seen, proxy
        for listener, manager in seen:
            assert filters(manager)[: len(names)] == names, (proxy, listener)
            assert filters(manager)[-1] == "envoy.filters.http.router"


@each_case
def test_what_envoy_is_sent_is_what_was_compiled(case: Case) -> None:
    for proxy, rendering in rendered(case.name).items():
        options = case.station(proxy)
        if options.backend == "wasm":
            continue
        chain, clusters = chain_of(case.policy, options)
        for _, manager in managers(rendering):
            for got, ours in zip(manager["http_filters"], chain.filters, strict=False):
                assert list(differences(got, ours)) == [], proxy
            early = manager.get("early_header_mutation_extensions")
            assert list(differences(early, list(chain.early))) == [], proxy
        sent = {one["name"]: one for one in rendering["clusters"]}
        for ours in clusters:
            assert list(differences(sent[ours["name"]], ours)) == [], proxy


def led(case: Case, one: Json) -> tuple[list[str], list[str]]:
    """The proxies that a VirtualService or HTTPRoute is for, and the hosts."""
    spec = one["spec"]
    # A sidecar routes what its own pod sends, a waypoint what Services of its namespace get.
    own = f"waypoint:{one['metadata']['namespace']}/"
    inside = [proxy for proxy in case.hops if proxy.startswith(("sidecar-outbound:", own))]
    if one["kind"] == "VirtualService":
        at = [f"gateway:{each}" for each in spec.get("gateways", ())]
        return at or inside, spec["hosts"]
    (parent,) = spec["parentRefs"]
    if parent.get("kind") == "Service":
        host = f"{parent['name']}.{one['metadata']['namespace']}.svc.cluster.local"
        return inside, [host]
    return [f"gateway:{parent['namespace']}/{parent['name']}"], spec["hostnames"]


@each_case
def test_lane_routes_are_in_our_order_under_our_names(case: Case) -> None:
    tried = 0
    for one in case.generated:
        if one["kind"] not in ("VirtualService", "HTTPRoute"):
            continue
        routes = one["spec"].get("http") or one["spec"]["rules"]
        proxies, hosts = led(case, one)
        for proxy in proxies:
            for host in hosts:
                names = [one["name"] for one in routes_of(rendered(case.name)[proxy], host)]
                assert names == [route["name"] for route in routes], (proxy, host)
                tried += 1
    assert tried >= len(case.mesh.services) + len(case.mesh.gateways)


def test_a_strict_lane_that_is_not_deployed_is_told_so() -> None:
    case = next(case for case in CASES if case.name == "istio-everything")
    refused = [
        (route["name"], route["direct_response"]["status"])
        for routes in rendered(case.name)["gateway:edge/partners"]["routes"]
        for host in routes["virtual_hosts"]
        for route in host["routes"]
        if "direct_response" in route
    ]
    assert refused == [("partners-mocka.pr-any", 503)]


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.mesh.external], ids=lambda case: case.name
)
def test_nothing_of_lanes_goes_to_hosts_outside(case: Case) -> None:
    ((host, proxies),) = (
        (one["spec"]["hosts"][0], led(case, one)[0])
        for one in case.generated
        if one["kind"] == "VirtualService" and one["metadata"]["name"].startswith("external-")
    )
    assert host == case.mesh.external[0].host
    assert proxies
    for proxy in proxies:
        (route,) = routes_of(rendered(case.name)[proxy], host)
        assert route["request_headers_to_remove"] == [case.policy.header, "baggage"]
