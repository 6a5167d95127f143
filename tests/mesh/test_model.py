"""What a LaneMesh may say."""

import pytest

from colorfast.mesh import (
    DEFAULT_MESH,
    DEFAULT_POLICY,
    Mesh,
    Service,
    check_mesh,
    load_mesh,
)
from colorfast.policy import ColorfastError, load_policy

HEAD = "apiVersion: colorfast.dev/v1alpha1\nkind: LaneMesh\nmetadata: {name: m}\n"
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


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        ("", "spec is missing"),
        ("spec: {services: {a: {lanes: [base]}}}", "entry is missing"),
        ("spec: {entry: a, services: {a: {}}}", "lanes is missing"),
        ("spec: {entry: b, services: {a: {lanes: [base]}}}", "no service 'b'"),
        ("spec: {entry: a, services: {a: {lanes: [base], calls: [b]}}}", "no service 'b'"),
        ("spec: {entry: a, services: {a: {lanes: [base], calls: [a]}}}", "a -> a never end"),
        ("spec: {entry: a, services: {a: {lanes: []}}}", "one lane or more"),
        ("spec: {entry: a, services: {a: {lanes: [base, base]}}}", "one lane or more"),
        ("spec: {entry: a, services: {a: {lanes: [Base]}}}", "'Base' is not a lane name"),
        ("spec: {entry: a, services: {a: {lanes: [base], app: php}}}", "no sample app 'php'"),
        ("spec: {entry: a.b, services: {a.b: {lanes: [base]}}}", "'a.b' cannot be a host name"),
        ("spec: {entry: a, service: {}, services: {}}", "'service' is not a key here"),
        ("spec: {entry: a, services: {a: {lanes: [base], lane: x}}}", "'lane' is not a key here"),
        ("spec: [", "<mesh>: "),
        ("spec: []", "<mesh>: "),
    ],
)
def test_a_mesh_that_cannot_be_is_refused(spec: str, what: str) -> None:
    with pytest.raises(ColorfastError) as caught:
        load_mesh(HEAD + spec)
    assert caught.value.code == "CF610"
    assert what in caught.value.what


def test_another_kind_of_file_is_refused() -> None:
    with pytest.raises(ColorfastError, match="LaneMesh"):
        load_mesh(DEFAULT_POLICY.read_text())


def test_calls_that_come_back_never_end() -> None:
    calls = {"a": "b", "b": "c", "c": "a"}
    services = {
        name: Service(name=name, lanes=("base",), calls=(call,)) for name, call in calls.items()
    }
    with pytest.raises(ValueError, match="a -> b -> c -> a never end"):
        mesh(**services)


def test_every_service_needs_the_baseline() -> None:
    with pytest.raises(ColorfastError, match="a is not deployed in base"):
        check_mesh(mesh(a=Service(name="a", lanes=("canary",))), POLICY)


def test_a_deployed_lane_must_be_one_of_the_policy() -> None:
    with pytest.raises(ColorfastError, match="no lane of policy shop"):
        check_mesh(mesh(a=Service(name="a", lanes=("base", "blue"))), POLICY)


def test_two_services_of_one_name_are_refused() -> None:
    twin = Service(name="a", lanes=("base",))
    with pytest.raises(ValueError, match="twice"):
        mesh(a=twin, b=twin)
