"""LanePolicy and LaneMesh as resources: the definitions follow the models that read the files."""

from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from colorfast.k8s import dump
from colorfast.k8s.crds import RESOURCES, Resource, crd

ROOT = Path(__file__).parents[2]
EVERY = pytest.mark.parametrize("resource", RESOURCES, ids=lambda one: one.kind)


def schema_of(resource: Resource) -> dict[str, Any]:
    (version,) = crd(resource)["spec"]["versions"]
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return schema


def files(kind: str) -> list[Path]:
    paths = [*ROOT.glob("examples/*.yaml"), *ROOT.glob("k8s/examples/*.yaml")]
    return [path for path in paths if f"kind: {kind}\n" in path.read_text()]


@EVERY
def test_the_file_is_fresh(resource: Resource) -> None:
    path = ROOT / "k8s" / "crds" / f"{resource.plural}.yaml"
    assert path.read_text() == dump([crd(resource)]), "run: python -m colorfast.k8s.crds"


def test_there_is_no_other_file() -> None:
    names = {path.stem for path in (ROOT / "k8s" / "crds").glob("*.yaml")}
    assert names - {"kustomization"} == {resource.plural for resource in RESOURCES}


@EVERY
def test_kubernetes_own_schema_takes_it(resource: Resource) -> None:
    kubernetes_validate.validate(crd(resource), "1.34", strict=True)


@EVERY
def test_every_place_has_one_type_and_no_reference(resource: Resource) -> None:
    def walk(schema: dict[str, Any], path: str) -> None:
        open_ended = schema.get("x-kubernetes-preserve-unknown-fields")
        assert open_ended or isinstance(schema.get("type"), str), path
        assert not schema.keys() & {"$ref", "anyOf", "default", "title"}, path
        # Of logic a structural schema admits what says nothing about types.
        assert all(one.keys() == {"required"} for one in schema.get("oneOf", [])), path
        assert not {"properties", "additionalProperties"} <= schema.keys(), path
        for name, inner in schema.get("properties", {}).items():
            walk(inner, f"{path}.{name}")
        for key in ("items", "additionalProperties"):
            if key in schema:
                walk(schema[key], f"{path}.{key}")

    walk(schema_of(resource), resource.kind)


@EVERY
def test_it_takes_every_example(resource: Resource) -> None:
    paths = files(resource.kind)
    assert paths
    for path in paths:
        jsonschema.validate(yaml.safe_load(path.read_text()), schema_of(resource))


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("LanePolicy", {}),
        ("LanePolicy", {"lanes": []}),
        ("LanePolicy", {"lanes": ["Canary"]}),
        ("LanePolicy", {"lanes": ["base"], "edge": {"client": "ask"}}),
        ("LanePolicy", {"lanes": ["base"], "rules": [{"lane": "base"}]}),
        ("LanePolicy", {"lanes": ["base"], "rules": [{"name": "a", "match": [{"path": "/"}]}]}),
        ("LanePolicy", {"lanes": ["base"], "rules": [{"name": "a", "match": [{"path": {}}]}]}),
        ("LaneMesh", {"entry": "a"}),
        ("LaneMesh", {"entry": "a", "services": {"a": {}}}),
        ("LaneMesh", {"entry": "a", "services": {"a": {"lanes": ["base"], "port": 0}}}),
        ("LaneMesh", {"entry": "a", "services": {"a": {"lanes": ["base"]}}, "fallback": "none"}),
    ],
)
def test_it_refuses_what_a_schema_can_tell(kind: str, spec: dict[str, Any]) -> None:
    (resource,) = [one for one in RESOURCES if one.kind == kind]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"spec": spec}, schema_of(resource))
