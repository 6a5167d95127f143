"""Filters as Kubernetes objects: who carries what, since when, and in which order."""

from typing import Any

import pytest

from colorfast.envoy import ext_proc_chain
from colorfast.k8s import Placement, Target, TargetOptions, Version, compile_target
from colorfast.k8s.targets import Backend
from colorfast.policy import InvalidInput, load_policy

HEAD = "apiVersion: colorfast.dev/v1alpha1\nkind: LanePolicy\nmetadata: {name: shop}\nspec:\n"
POLICY = load_policy(
    HEAD + "  lanes: [base, canary]\n  rules:\n"
    "  - {name: pc, match: [{headers: {agent: {exact: pc}}}], lane: canary}\n"
).policy
BY_ADDRESS = load_policy(
    HEAD + "  lanes: [base, canary]\n  rules:\n"
    "  - {name: office, match: [{sourceIp: [10.0.0.0/8]}], lane: canary}\n"
).policy
BY_REGEX = load_policy(
    HEAD + "  lanes: [base, canary]\n  rules:\n"
    "  - {name: pc, match: [{headers: {agent: {regex: 'p.+'}}}], lane: canary}\n"
).policy
GATEWAY = Placement(selector=(("istio", "ingressgateway"),))
BY_NAME = Placement(gateway="shop", namespace="edge")
SIDECARS = Placement(place="sidecar", namespace="shop")
WAYPOINT = Placement(place="waypoint", namespace="shop", gateway="waypoint")


def made(target: Target, **options: Any) -> dict[str, Any]:
    ((one,), _) = compile_target(POLICY, target, TargetOptions(**options))
    return one


def inserted(one: dict[str, Any], context: str) -> list[str]:
    """The names of what istiod inserts in *context*, in the order in which they will run."""
    patches = [
        patch
        for patch in one["spec"]["configPatches"]
        if patch["applyTo"] == "HTTP_FILTER" and patch["match"]["context"] == context
    ]
    assert {patch["patch"]["operation"] for patch in patches} == {"INSERT_FIRST"}
    return [patch["patch"]["value"]["name"] for patch in reversed(patches)]


def test_an_envoyfilter_inserts_a_chain_in_its_order() -> None:
    options = TargetOptions(placement=GATEWAY)
    one = made("envoyfilter", placement=GATEWAY)
    chain = ext_proc_chain(POLICY, options.extproc)
    assert inserted(one, "GATEWAY") == [each["name"] for each in chain.filters]
    assert one["spec"]["workloadSelector"] == {"labels": {"istio": "ingressgateway"}}


def test_the_early_strip_is_merged_into_the_connection_manager() -> None:
    patches = made("envoyfilter", placement=GATEWAY)["spec"]["configPatches"]
    (merge,) = [patch for patch in patches if patch["applyTo"] == "NETWORK_FILTER"]
    config = merge["patch"]["value"]["typed_config"]
    assert config["early_header_mutation_extensions"][0]["name"] == "colorfast.edge.header"


def test_only_the_service_needs_a_cluster() -> None:
    for backend, clusters in [("extproc", 1), ("lua", 0), ("native", 0)]:
        one = made("envoyfilter", placement=GATEWAY, backend=backend)
        found = [p for p in one["spec"]["configPatches"] if p["applyTo"] == "CLUSTER"]
        assert len(found) == clusters


def test_a_sidecar_carries_in_both_directions_and_adds_its_cluster_once() -> None:
    one = made("envoyfilter", placement=SIDECARS, backend="extproc")
    assert inserted(one, "SIDECAR_INBOUND") == ["colorfast.carry"]
    assert inserted(one, "SIDECAR_OUTBOUND") == ["colorfast.carry"]
    clusters = [p for p in one["spec"]["configPatches"] if p["applyTo"] == "CLUSTER"]
    assert [p["match"]["context"] for p in clusters] == ["SIDECAR_OUTBOUND"]
    assert "workloadSelector" not in one["spec"]
    assert "targetRefs" not in one["spec"]


def test_a_gateway_is_named_by_reference_where_that_is_heeded() -> None:
    new = made("envoyfilter", placement=BY_NAME, istio=Version(1, 27))["spec"]
    assert new["targetRefs"][0]["name"] == "shop"
    old = made("envoyfilter", placement=BY_NAME, istio=Version(1, 26))["spec"]
    assert "targetRefs" not in old
    assert old["workloadSelector"] == {"labels": {"gateway.networking.k8s.io/gateway-name": "shop"}}


def test_a_waypoint_is_patched_where_its_requests_are() -> None:
    one = made("envoyfilter", placement=WAYPOINT, backend="lua")
    (patch,) = one["spec"]["configPatches"]
    assert patch["match"]["context"] == "SIDECAR_INBOUND"
    assert patch["match"]["listener"]["name"] == "main_internal"


@pytest.mark.parametrize("target", ["trafficextension", "wasmplugin"])
def test_a_plugin_that_died_lets_no_spoofed_lane_through(target: Target) -> None:
    closed = made(target, placement=GATEWAY, backend="wasm", istio=Version(1, 30))["spec"]
    opened = made(target, placement=SIDECARS, backend="wasm", istio=Version(1, 30))["spec"]
    assert closed.get("wasm", closed)["failStrategy"] == "FAIL_CLOSE"
    assert opened.get("wasm", opened)["failStrategy"] == "FAIL_OPEN"


def test_envoy_gateway_gets_a_reference_to_the_service() -> None:
    spec = made("extensionpolicy", placement=BY_NAME)["spec"]
    (config,) = spec["extProc"]
    assert config["backendRefs"] == [{"name": "colorfast", "port": 50051, "namespace": "colorfast"}]
    assert config["failOpen"] is True
    assert config["processingMode"] == {"request": {}}


def test_a_source_address_is_asked_for_only_where_a_rule_reads_it() -> None:
    ((one,), _) = compile_target(BY_ADDRESS, "extensionpolicy", TargetOptions(placement=BY_NAME))
    (config,) = one["spec"]["extProc"]
    assert config["processingMode"] == {"request": {"attributes": ["source.address"]}}


REFUSED: list[tuple[str, Target, dict[str, Any], str]] = [
    ("CF431", "trafficextension", {"backend": "lua", "istio": Version(1, 29)}, "Istio 1.30"),
    ("CF425", "envoyfilter", {"backend": "native", "istio": Version(1, 29)}, "cannot run native"),
    ("CF431", "envoyfilter", {"placement": WAYPOINT, "istio": Version(1, 26)}, "Istio 1.27"),
    ("CF431", "extensionpolicy", {"backend": "lua", "envoy_gateway": Version(1, 3)}, "1.4"),
    ("CF432", "trafficextension", {"backend": "extproc"}, "cannot carry extproc"),
    ("CF432", "wasmplugin", {"backend": "lua", "istio": Version(1, 29)}, "cannot carry lua"),
    ("CF432", "envoyfilter", {"backend": "wasm"}, "cannot fetch the Wasm plugin"),
    ("CF432", "envoyfilter", {"fallback": "wasm"}, "cannot fetch the Wasm plugin"),
    ("CF432", "extensionpolicy", {"backend": "native"}, "cannot carry native"),
    ("CF432", "extensionpolicy", {"fallback": "lua"}, "has no fallback"),
    ("CF432", "extensionpolicy", {"placement": SIDECARS}, "is for a Gateway"),
]


@pytest.mark.parametrize(("code", "target", "options", "what"), REFUSED)
def test_what_a_target_cannot_carry_is_refused(
    code: str, target: Target, options: dict[str, Any], what: str
) -> None:
    placement = BY_NAME if target == "extensionpolicy" else GATEWAY
    with pytest.raises(InvalidInput, match=what) as caught:
        compile_target(POLICY, target, TargetOptions(**{"placement": placement} | options))
    assert caught.value.code == code


def test_a_regex_makes_native_need_a_newer_proxy() -> None:
    options = TargetOptions(placement=GATEWAY, backend="native", istio=Version(1, 30))
    with pytest.raises(InvalidInput, match="CF426"):
        compile_target(BY_REGEX, "envoyfilter", options)


WARNED: list[tuple[Target, Placement, Backend]] = [
    ("wasmplugin", GATEWAY, "wasm"),
    ("extensionpolicy", BY_NAME, "lua"),
]


@pytest.mark.parametrize(("target", "placement", "backend"), WARNED)
def test_what_is_left_to_the_operator_is_said(
    target: Target, placement: Placement, backend: Backend
) -> None:
    options = TargetOptions(placement=placement, backend=backend)
    _, (warning,) = compile_target(POLICY, target, options)
    assert (warning.code, warning.level) == ("CF433", "warning")


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"place": "waypoint"}, "named by its Gateway"),
        ({"place": "sidecar", "gateway": "x"}, "--gateway goes with"),
        ({"gateway": "x", "selector": (("a", "b"),)}, "without --selector"),
    ],
)
def test_a_place_that_nothing_can_say_is_refused(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Placement(**fields)


@pytest.mark.parametrize(
    ("text", "version"), [("1.30", (1, 30)), ("v1.9.3", (1, 9)), ("1.31.0-rc.1", (1, 31))]
)
def test_versions_are_read_as_people_write_them(text: str, version: tuple[int, int]) -> None:
    assert Version.parse(text) == version


@pytest.mark.parametrize("text", ["", "1", "1.", "latest", "1.30.2 ", "1.x"])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a version"):
        Version.parse(text)
