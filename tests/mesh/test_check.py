"""Whether a mesh fits its policy."""

import pytest

from colorfast.mesh import DEFAULT_MESH, DEFAULT_POLICY, check_mesh
from colorfast.policy import ColorfastError, Mesh, Service, load_mesh, load_policy

POLICY = load_policy(DEFAULT_POLICY.read_text()).policy


def mesh(**services: Service) -> Mesh:
    return Mesh(name="m", entry="a", services=tuple(services.values()))


def test_the_default_mesh_lets_the_dye_survive_a_hop_without_canary() -> None:
    loaded = load_mesh(DEFAULT_MESH.read_text())
    deployed = {service.name: service.lanes for service in loaded.services}
    assert deployed == {
        "mocka": ("base", "canary"),
        "mockb": ("base",),
        "mockc": ("base", "canary"),
    }
    assert loaded.service("mocka").calls == ("mockb",)
    assert {service.app for service in loaded.services} == {"aiohttp", "requests"}
    check_mesh(loaded, POLICY)


def test_every_service_needs_the_baseline() -> None:
    with pytest.raises(ColorfastError, match="a is not deployed in base"):
        check_mesh(mesh(a=Service(name="a", lanes=("canary",))), POLICY)


def test_a_deployed_lane_must_be_one_of_the_policy() -> None:
    with pytest.raises(ColorfastError, match="no lane of policy shop"):
        check_mesh(mesh(a=Service(name="a", lanes=("base", "blue"))), POLICY)
