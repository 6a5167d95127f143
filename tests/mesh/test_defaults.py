"""The mesh that the demo runs when it is given none."""

from colorfast.mesh import DEFAULT_MESH, DEFAULT_POLICY
from colorfast.policy import check_fit, load_mesh, load_policy

POLICY = load_policy(DEFAULT_POLICY.read_text()).policy


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
    check_fit(POLICY, loaded)
