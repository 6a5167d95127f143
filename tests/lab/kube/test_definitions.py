"""The definitions before a real API server: it takes them, and objects by the loader's rules."""

import copy
from pathlib import Path

import pytest
import yaml
from lab.kube._api import Json, Refused
from lab.kube._pods import ROOT, policy
from lab.kube._rig import Cluster

from colorfast.extproc.kube import content_of
from colorfast.policy import (
    InvalidInput,
    differences,
    load_mesh,
    load_policy,
    load_vectors,
    observe_reference,
)

LANES = ["base", "canary"]
CORPUS = sorted((ROOT / "tests" / "conformance").glob("*.yaml"))
WRITTEN_ORDER = {"splits.yaml"}
"""Files about the order in which weights are written, which an API server does not keep."""


def mesh(space: str, spec: Json) -> Json:
    return policy(space, {}) | {"kind": "LaneMesh", "spec": spec}


def try_out(cluster: Cluster, thing: Json) -> Json:
    """*thing* as the API server would store it; nothing is stored. Raises Refused."""
    path = f"{cluster.api.path(thing)}?fieldManager=lab&dryRun=All&fieldValidation=Strict"
    stored: Json = cluster.api.patch(path, thing, "apply-patch+yaml")
    return stored


@pytest.mark.parametrize("kind", ["lanepolicies", "lanemeshes"])
def test_the_api_server_finds_nothing_wrong_with_a_definition(defined: Cluster, kind: str) -> None:
    base = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    status = defined.api.get(f"{base}/{kind}.colorfast.dev")["status"]
    conditions = {one["type"]: one["status"] for one in status["conditions"]}
    assert conditions["NamesAccepted"] == conditions["Established"] == "True"
    assert conditions.get("NonStructuralSchema", "False") == "False"


@pytest.mark.parametrize("file", CORPUS, ids=lambda path: path.stem)
def test_every_policy_of_the_corpus_decides_the_same_as_an_object(
    defined: Cluster, space: str, file: Path
) -> None:
    written = policy(space, {}, name="policy") | {
        "spec": yaml.safe_load(file.read_text())["policy"]
    }
    stored = try_out(defined, written)
    if file.name in WRITTEN_ORDER:
        return
    loaded = load_policy(content_of(stored).decode(), file="k8s://a/policy", by_path=True)
    vectors = load_vectors(file.read_text(), file=file.name, read=lambda _: "").vectors
    observed = [(one, observe_reference(loaded.policy, one)) for one in vectors]
    assert [one.name for one, seen in observed if differences(one, seen)] == []


@pytest.mark.parametrize(
    "file",
    [*(ROOT / "examples").glob("*.yaml"), *(ROOT / "k8s" / "examples").glob("*.yaml")],
    ids=lambda path: f"{path.parent.name}-{path.name}",
)
def test_every_example_is_taken(defined: Cluster, space: str, file: Path) -> None:
    thing = yaml.safe_load(file.read_text())
    if thing.get("kind") in ("LanePolicy", "LaneMesh"):
        thing["metadata"]["namespace"] = space
        try_out(defined, thing)


RULE = {"name": "a", "lane": "canary"}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"lanes": []}, "spec.lanes"),
        ({"baseline": "green"}, "baseline is not in lanes"),
        ({"default": "green"}, "default is not in lanes"),
        ({"edge": {"client": "ask"}}, "spec.edge.client"),
        ({"rules": [{"name": "a"}]}, "exactly one of lane and split"),
        ({"rules": [{**RULE, "split": {"by": ["sourceIp"], "weights": {"base": 10000}}}]}, "exactly one of lane and split"),
        ({"rules": [{"name": "a", "split": {"by": ["sourceIp"], "weights": {"base": 9999}}}]}, "weights do not sum"),
        ({"rules": [{**RULE, "match": [{"path": {"exact": "/", "prefix": "/"}}]}]}, "only one schema (oneOf)"),
        ({"rules": [{**RULE, "match": [{"method": {"ignoreCase": True}}]}]}, "only one schema (oneOf)"),
        ({"rules": [{**RULE, "match": [{"headers": {"a": {}}}]}]}, "only one schema (oneOf)"),
        ({"rules": [{**RULE, "match": [{"cookies": {"a": {"in": ["b"], "exact": "b"}}}]}]}, "only one schema (oneOf)"),
        ({"rules": [{**RULE, "match": [{"headers": {"baggage": {"exact": "a"}}}]}]}, "a rule cannot read baggage"),
        ({"rules": [{**RULE, "mtch": []}]}, "field not declared in schema"),
        ({"rulez": []}, "field not declared in schema"),
    ],
)  # fmt: skip
def test_what_the_server_refuses_the_loader_refuses(
    defined: Cluster, space: str, spec: Json, said: str
) -> None:
    thing = policy(space, {"lanes": LANES, **spec})
    with pytest.raises(Refused) as caught:
        try_out(defined, thing)
    assert said in caught.value.said
    with pytest.raises(InvalidInput):
        load_policy(yaml.safe_dump(thing))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"entry": "b"}, "entry is no service"),
        ({"services": {"a": {"lanes": LANES, "calls": ["c"]}}}, "a service calls one that is not"),
        ({"fallback": "maybe"}, "spec.fallback"),
    ],
)
def test_meshes_that_the_server_refuses_the_loader_refuses(
    defined: Cluster, space: str, spec: Json, said: str
) -> None:
    thing = mesh(space, {"entry": "a", "services": {"a": {"lanes": LANES}}, **spec})
    with pytest.raises(Refused) as caught:
        try_out(defined, thing)
    assert said in caught.value.said
    with pytest.raises(InvalidInput):
        load_mesh(yaml.safe_dump(thing))


def test_columns_show_what_the_status_says(defined: Cluster, space: str) -> None:
    thing = policy(space, {"default": "base"})
    defined.api.apply(thing)
    path = defined.api.path(thing)
    condition = {
        "type": "Accepted",
        "status": "False",
        "reason": "Invalid",
        "message": "no",
        "lastTransitionTime": "2026-11-21T12:00:00Z",
    }
    defined.api.patch(f"{path}/status", {"status": {"digest": "0123", "conditions": [condition]}})
    table = defined.api.table(path)
    names = [column["name"] for column in table["columnDefinitions"]]
    row = dict(zip(names, table["rows"][0]["cells"], strict=True))
    assert (row["Accepted"], row["Digest"], row["Reason"]) == ("False", "0123", "Invalid")


def test_a_file_of_what_the_server_holds_can_be_read(defined: Cluster, space: str) -> None:
    (stored,) = defined.api.apply(policy(space, {"default": "base"}))
    path = defined.api.path(stored)
    stored = defined.api.patch(f"{path}/status", {"status": {"digest": "0123"}})
    assert {"uid", "resourceVersion", "managedFields"} <= stored["metadata"].keys()
    loaded = load_policy(yaml.safe_dump(stored))
    again = load_policy(content_of(stored).decode())
    assert (loaded.policy.default, loaded.policy.digest) == ("base", again.policy.digest)


def test_the_status_is_no_way_to_change_the_policy(defined: Cluster, space: str) -> None:
    (stored,) = defined.api.apply(policy(space, {"default": "base"}))
    changed = copy.deepcopy(stored["spec"]) | {"default": "canary"}
    path = defined.api.path(stored)
    after = defined.api.patch(f"{path}/status", {"spec": changed, "status": {"digest": "1"}})
    assert after["spec"] == stored["spec"]
