"""Istio itself looks at the routes of releases: at each step they are valid, and lead where they say."""

from typing import Any

import pytest
from lab.istio.cluster import cluster_of
from lab.istio.tools import analyze, render, validate
from release.cases import CASES, State, key, release_of, states

pytestmark = pytest.mark.usefixtures("istio")

Json = dict[str, Any]

ISTIO = ("VirtualService", "DestinationRule")
GATEWAY = "gateway:istio-system/shop-gateway"
HOP = "sidecar-outbound:shop/mockb-base"


def routes(state: State) -> list[Json]:
    return [one for one in state.values() if one["kind"] in ISTIO]


def flaggers(case: str) -> list[Json]:
    """What Flagger writes for its Canaries while nothing is released."""
    made: list[Json] = []
    for change in release_of(case).changes if case.startswith("flagger") else ():
        name, namespace = f"{change.name}-flagger", change.service.namespace
        port = {"name": "http", "port": change.service.port}
        spec = {"selector": {"name": f"{change.name}-primary"}, "ports": [port]}
        to = {"destination": {"host": f"{name}-primary"}, "weight": 100}
        for api, kind, called, content in (
            ("v1", "Service", f"{name}-primary", spec),
            ("networking.istio.io/v1", "VirtualService", name, {"http": [{"route": [to]}]}),
        ):
            metadata = {"name": called, "namespace": namespace}
            made.append({"apiVersion": api, "kind": kind, "metadata": metadata, "spec": content})
    return made


def cluster(case: str, state: State) -> list[Json]:
    """Everything: what was there before, and what the release has written until now."""
    there = cluster_of(release_of(case).mesh, "istio", None)
    known = {key(one): one for one in (*there, *flaggers(case))}
    known |= {key(one): one for one in state.values() if one["kind"] in (*ISTIO, "Service")}
    return list(known.values())


@pytest.mark.parametrize("case", CASES)
def test_istioctl_has_nothing_to_say_at_any_step(case: str) -> None:
    before: list[Json] = []
    for folder, state in states(case):
        now = routes(state)
        if now == before:
            continue
        before = now
        said = [line for line in validate(now) if not line.endswith("is valid")]
        assert said == [], folder
        assert analyze(cluster(case, state)) == [], folder


def led(config: Any, host: str) -> list[tuple[str, str]]:
    """Lane and cluster of each route to *host*, in the order in which Envoy tries them."""
    if isinstance(config, list):
        return [one for each in config for one in led(each, host)]
    if not isinstance(config, dict):
        return []
    if config.get("name") == host and "domains" in config:
        return [
            (
                "".join(one["string_match"]["exact"] for one in route["match"].get("headers", ())),
                route["route"]["cluster"],
            )
            for route in config["routes"]
        ]
    return [one for each in config.values() for one in led(each, host)]


def test_what_is_in_no_lane_is_left_to_flagger_at_gateways_and_hops() -> None:
    case = "flagger-locked"
    _, state = next(each for each in states(case) if each[0] == "01-route")
    said = render(cluster(case, state), [GATEWAY, HOP])
    primary = "outbound|8000||mocka-flagger-primary.shop.svc.cluster.local"
    subset = "outbound|8000|{}|mocka.shop.svc.cluster.local"
    assert led(said, "shop.example.com:80") == [
        ("canary", subset.format("v2-0-7761fa94")),
        ("pr-42", subset.format("pr-42")),
        ("", primary),
    ]
    assert led(said, "mockc.stock.svc.cluster.local:9000")[-1] == (
        "",
        "outbound|9000||mockc-flagger-primary.stock.svc.cluster.local",
    )
