"""The Envoys of a mesh."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from colorfast.envoy import Json
from colorfast.mesh import DEFAULT_MESH, DEFAULT_POLICY, Layout
from colorfast.mesh._configs import Plan
from colorfast.policy import Mesh, load_mesh, load_policy
from helpers import releases
from helpers.envoys import validate

MESH = load_mesh(DEFAULT_MESH.read_text())
EXAMPLES = Path(__file__).parents[2] / "examples"


def plan(mesh: Mesh) -> Plan:
    names = [workload.name for workload in mesh.workloads]
    layout = Layout(
        folder=Path("/tmp/never-made"),
        gateway=10000,
        inbound={name: 11000 + index for index, name in enumerate(names)},
        outbound={name: 12000 + index for index, name in enumerate(names)},
    )
    policy = load_policy(DEFAULT_POLICY.read_text()).policy
    return Plan(mesh=mesh, policy=policy, layout=layout, message_timeout=1)


def every(key: str, data: Any) -> Iterator[Any]:
    """The values of *key*, however deep they are."""
    if isinstance(data, dict):
        if key in data:
            yield data[key]
        data = list(data.values())
    if isinstance(data, list | tuple):
        for item in data:
            yield from every(key, item)


def all_configs() -> list[Json]:
    made = plan(MESH)
    return [made.gateway(), *(made.sidecar(workload) for workload in MESH.workloads)]


@pytest.mark.parametrize("index", range(1 + len(MESH.workloads)))
def test_envoy_takes_every_configuration(index: int) -> None:
    validate(all_configs()[index])


def test_route_names_are_unique_and_lead_to_a_cluster() -> None:
    for config in all_configs():
        routes = [route for some in every("routes", config) for route in some]
        names = [route["name"] for route in routes]
        assert len(set(names)) == len(names)
        clusters = {cluster["name"] for cluster in config["static_resources"]["clusters"]}
        assert {route["route"]["cluster"] for route in routes} <= clusters


def test_a_gateway_dyes_and_sidecars_carry_at_both_listeners() -> None:
    gateway, *sidecars = [
        [filters[0]["name"] for filters in every("http_filters", config)]
        for config in all_configs()
    ]
    assert gateway == ["colorfast.dye"]
    assert all(names == ["colorfast.carry"] * 2 for names in sidecars)


def test_the_gateway_knows_further_entrances_by_their_hosts() -> None:
    text = releases.mesh_text(releases.TWO_ENTRANCES, "", locked=False, entrances="ab")
    gateway = plan(load_mesh(text)).gateway()
    (hosts,) = every("virtual_hosts", gateway)
    assert [(host["name"], *host["domains"]) for host in hosts] == [("a", "*"), ("b", "b", "b:80")]
    validate(gateway)


@pytest.mark.parametrize("name", ["mesh.yaml", "shop.yaml"])
def test_the_examples_are_what_the_demo_runs(name: str) -> None:
    assert (EXAMPLES / name).read_text() == DEFAULT_MESH.with_name(name).read_text()
