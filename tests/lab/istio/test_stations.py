"""Every object that ``colorfast compile`` writes for Istio, at each place that it can be for."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import pytest
from lab.istio.cluster import (
    authentication,
    gateway_api_gateway,
    gateway_class,
    istio_gateway,
    namespace,
    service,
    waypoint,
    workload,
)
from lab.istio.reading import TUNNELS, Json, differences, filters, managers
from lab.istio.tools import analyze, effects, render, validate

from colorfast.envoy import Fallback
from colorfast.k8s import (
    TARGETS,
    Backend,
    Place,
    Placement,
    Target,
    TargetOptions,
    Version,
    compile_target,
)
from colorfast.k8s.targets._chains import chain_of
from colorfast.policy import Gateway, load_policy
from colorfast.wasm import plugin_config

pytestmark = pytest.mark.usefixtures("istio")

POLICY = load_policy(
    "apiVersion: colorfast.dev/v1alpha1\nkind: LanePolicy\nmetadata: {name: shop}\nspec:\n"
    '  lanes: [base, canary, "pr-*"]\n'
    "  rules:\n"
    "  - {name: pc, match: [{headers: {agent: {exact: pc}}, path: {regex: '/a.+'}}], lane: canary}\n"
    "  - {name: some, split: {by: [{cookie: uid}], weights: {canary: 500, base: 9500}}}\n"
).policy
LABELS = (("app", "proxy"),)
NAME = "proxy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """One object in a namespace of its own."""

    target: Target
    backend: Backend
    fallback: Fallback | None
    place: Place
    by_reference: bool

    @property
    def namespace(self) -> str:
        named = "by-reference" if self.by_reference else self.place
        return f"{self.target}-{self.backend}-{self.fallback or 'alone'}-{named}"

    @property
    def options(self) -> TargetOptions:
        refers = self.by_reference or self.place == "waypoint"
        placement = Placement(
            place=self.place,
            namespace=self.namespace,
            selector=() if refers else LABELS,
            gateway=NAME if refers else None,
        )
        return TargetOptions(
            placement=placement,
            backend=self.backend,
            fallback=self.fallback,
            istio=Version(1, 29) if self.target == "wasmplugin" else Version(1, 31),
        )

    @property
    def proxies(self) -> list[str]:
        kinds = [self.place] if self.place != "sidecar" else ["sidecar-inbound", "sidecar-outbound"]
        return [f"{kind}:{self.namespace}/{NAME}" for kind in kinds]

    def generated(self) -> tuple[Json, ...]:
        objects, _ = compile_target(POLICY, self.target, self.options)
        return objects

    def cluster(self) -> Iterator[Json]:
        waypoints = NAME if self.place == "waypoint" else None
        yield namespace(self.namespace, waypoints)
        yield from authentication(self.namespace, waypoints)
        gateway = Gateway(name=NAME, namespace=self.namespace, hosts=("*.test",), selector=LABELS)
        if self.place == "waypoint":
            yield from waypoint(NAME, self.namespace)
            yield service("app", self.namespace, {"app": "app"}, 8080, "http")
            yield workload("app", self.namespace, {"app": "app"}, 8080)
        elif self.by_reference:
            yield from gateway_api_gateway(gateway)
        elif self.place == "gateway":
            yield from istio_gateway(gateway)
        else:
            yield workload(NAME, self.namespace, dict(LABELS), 8080)
            yield service(NAME, self.namespace, dict(LABELS), 8080, "http")


PLACES: list[tuple[Place, bool]] = [
    ("gateway", False),
    ("gateway", True),
    ("sidecar", False),
    ("waypoint", False),
]
WAYS: list[tuple[Target, Backend, Fallback | None]] = [
    *((target, b, None) for target in TARGETS for b in TARGETS[target].carries),
    ("envoyfilter", "extproc", "lua"),
    ("envoyfilter", "extproc", "native"),
]
STATIONS = [
    Station(target=target, backend=backend, fallback=fallback, place=place, by_reference=by)
    for target, backend, fallback in WAYS
    for place, by in PLACES
    if target != "extensionpolicy"  # Envoy Gateway's
]
OTHER = Station(
    target="trafficextension", backend="lua", fallback=None, place="sidecar", by_reference=False
)
"""Whose proxies are not to be touched by the others."""
AUTHENTICATION = ("envoy.filters.http.jwt_authn", "envoy.filters.http.rbac")
ROUTED = ("envoy.filters.http.fault", "envoy.filters.http.router")
"""Filters with settings of routes: all that a client's sidecar has."""
each_station = pytest.mark.parametrize("station", STATIONS, ids=lambda one: one.namespace)


def objects(*stations: Station) -> list[Json]:
    return [
        *map(gateway_class, ("istio", "istio-waypoint")),
        *(each for one in stations for each in (*one.cluster(), *one.generated())),
    ]


@cache
def rendered(station: Station) -> Json:
    return render(objects(station), station.proxies, ambient=station.place == "waypoint")


def ours(station: Station) -> Iterator[tuple[str, Json]]:
    """The HTTP connection managers that requests pass, with their proxies."""
    for proxy in station.proxies:
        found = [manager for _, manager in managers(rendered(station)[proxy])]
        assert found, proxy
        yield from ((proxy, manager) for manager in found)


@each_station
def test_each_object_and_patch_has_an_effect_in_its_proxies_alone(station: Station) -> None:
    both = dict.fromkeys((station, OTHER))
    proxies = [proxy for one in both for proxy in one.proxies]
    found = effects(objects(*both), proxies, ambient=station.place == "waypoint")
    mine = {name: touched for name, touched in found.items() if f" {station.namespace}/" in name}
    assert mine
    assert {name for name, touched in mine.items() if not touched} == set()
    assert {proxy for touched in mine.values() for proxy in touched} == set(station.proxies)


@pytest.mark.parametrize(
    "station", [s for s in STATIONS if s.target == "envoyfilter"], ids=lambda one: one.namespace
)
def test_an_envoyfilter_puts_the_chain_ahead_of_everything(station: Station) -> None:
    chain, clusters = chain_of(POLICY, station.options)
    for proxy, manager in ours(station):
        first = manager["http_filters"][: len(chain.filters)]
        assert list(differences(first, list(chain.filters))) == []
        early = manager.get("early_header_mutation_extensions")
        assert list(differences(early, list(chain.early))) == []
        sent = {one["name"]: one for one in rendered(station)[proxy]["clusters"]}
        for cluster in clusters:
            assert list(differences(sent[cluster["name"]], cluster)) == []


@pytest.mark.parametrize(
    "station", [s for s in STATIONS if s.target != "envoyfilter"], ids=lambda one: one.namespace
)
def test_an_extension_is_ahead_of_istios_authentication(station: Station) -> None:
    begin = f"extensions.istio.io/trafficextension/{station.namespace}."
    for proxy, manager in ours(station):
        names = filters(manager)
        (mine,) = [number for number, name in enumerate(names) if name.startswith(begin)]
        others = AUTHENTICATION if not proxy.startswith("sidecar-outbound") else ROUTED
        assert mine < min(map(names.index, others)), proxy


@pytest.mark.parametrize(
    "station", [s for s in STATIONS if s.backend == "wasm"], ids=lambda one: one.namespace
)
def test_a_plugin_gets_its_configuration(station: Station) -> None:
    for proxy in station.proxies:
        (extension,) = rendered(station)[proxy]["extensions"]
        config = extension["typed_config"]["config"]
        wanted = plugin_config(POLICY, station.options.placement.station)
        assert json.loads(config["configuration"]["value"]) == json.loads(wanted)


@pytest.mark.parametrize(
    "station", [s for s in STATIONS if s.place == "waypoint"], ids=lambda one: one.namespace
)
def test_a_waypoints_tunnel_is_left_alone(station: Station) -> None:
    (proxy,) = station.proxies
    every = managers(rendered(station)[proxy], tunnels=True)
    tunnels = [manager for name, manager in every if name in TUNNELS]
    assert tunnels
    for tunnel in tunnels:
        assert [name for name in filters(tunnel) if "colorfast" in name] == []


def test_istioctl_has_nothing_against_any_of_them() -> None:
    assert validate([each for one in STATIONS for each in one.generated()]) == []
    assert analyze(objects(*STATIONS)) == []
