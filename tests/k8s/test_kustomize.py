"""How the service is deployed: what kustomize makes of it, held to Kubernetes' schemas and to us."""

import json
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from prometheus_client import generate_latest

from colorfast.cli._serve import serve_command
from colorfast.extproc import ObjectName
from colorfast.extproc._health import SERVICES
from colorfast.extproc._metrics import registry
from colorfast.policy import load_policy
from helpers.watchers import processor_of, watcher_of

K8S = Path(__file__).parents[2] / "k8s"
OVERLAYS = ("gateway", "sidecar", "object")
OF_OTHERS = ("istio.io", "monitoring.coreos.com")
"""API groups that Kubernetes itself has no schema for."""

KUBECTL = shutil.which("kubectl")
needs_kubectl = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not on this machine")
Object = dict[str, Any]


@cache
def built(folder: str) -> tuple[Object, ...]:
    assert KUBECTL is not None
    result = subprocess.run(
        [KUBECTL, "kustomize", str(K8S / "kustomize" / folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return tuple(yaml.safe_load_all(result.stdout))


def the(kind: str, *, folder: str = "overlays/gateway", name: str = "colorfast") -> Object:
    (one,) = [
        each for each in built(folder) if (each["kind"], each["metadata"]["name"]) == (kind, name)
    ]
    return one


def pod() -> Object:
    spec: Object = the("Deployment")["spec"]["template"]["spec"]
    return spec


def container() -> Object:
    (one,) = pod()["containers"]
    return dict(one)


@needs_kubectl
@pytest.mark.parametrize("folder", ["base", *(f"overlays/{name}" for name in OVERLAYS)])
def test_kubernetes_own_schemas_take_every_object(folder: str) -> None:
    own = [one for one in built(folder) if not one["apiVersion"].split("/")[0].endswith(OF_OTHERS)]
    assert len(own) >= 7
    for one in own:
        kubernetes_validate.validate(one, "1.34", strict=True)


@needs_kubectl
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_is_labelled_and_in_the_namespace(overlay: str) -> None:
    for one in built(f"overlays/{overlay}"):
        assert one["metadata"]["labels"]["app.kubernetes.io/name"] == "colorfast", one["kind"]
        assert one["kind"] == "Namespace" or one["metadata"]["namespace"] == "colorfast"


@needs_kubectl
@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("Service", ("spec", "selector")),
        ("PodDisruptionBudget", ("spec", "selector", "matchLabels")),
        ("NetworkPolicy", ("spec", "podSelector", "matchLabels")),
        ("PeerAuthentication", ("spec", "selector", "matchLabels")),
        ("AuthorizationPolicy", ("spec", "selector", "matchLabels")),
        ("Deployment", ("spec", "selector", "matchLabels")),
    ],
)
def test_what_selects_pods_selects_ours(kind: str, path: tuple[str, ...]) -> None:
    selector: Any = the(kind)
    for key in path:
        selector = selector[key]
    labels = the("Deployment")["spec"]["template"]["metadata"]["labels"]
    assert selector
    assert selector.items() <= labels.items()


@needs_kubectl
def test_the_pod_is_as_restricted_as_kubernetes_knows() -> None:
    security, inner = pod()["securityContext"], container()["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["runAsUser"] == security["runAsGroup"] == 65532
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert inner == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod()["automountServiceAccountToken"] is False


@needs_kubectl
def test_the_image_runs_as_that_user_by_its_number() -> None:
    user = re.findall(r"(?m)^USER (.+)$", (K8S / "Dockerfile").read_text())
    security = pod()["securityContext"]
    assert user == [f"{security['runAsUser']}:{security['runAsGroup']}"]


@needs_kubectl
def test_the_command_line_is_one_that_serve_takes() -> None:
    command, *arguments = container()["args"]
    assert command == "serve"
    policy = K8S / "kustomize" / "base" / "policy.yaml"
    mounted = [each.replace("/etc/colorfast/policy.yaml", str(policy)) for each in arguments]
    parsed = serve_command.make_context("serve", mounted).params
    ports = {each["name"]: each["containerPort"] for each in container()["ports"]}
    assert parsed["listen"] == f"0.0.0.0:{ports['grpc']}"
    assert parsed["admin"] == f"0.0.0.0:{ports['http-admin']}"
    waits = container()["lifecycle"]["preStop"]["sleep"]["seconds"]
    waits += parsed["drain_delay"] + parsed["grace"]
    assert waits < pod()["terminationGracePeriodSeconds"]


@needs_kubectl
def test_the_policy_is_mounted_as_a_folder_and_can_be_used() -> None:
    (mount,) = [each for each in container()["volumeMounts"] if each["name"] == "policy"]
    assert "subPath" not in mount
    data = the("ConfigMap", name="colorfast-policy")["data"]
    load_policy(data["policy.yaml"])
    assert f"--policy={mount['mountPath']}/policy.yaml" in container()["args"]


@needs_kubectl
def test_with_an_object_the_pod_follows_what_its_role_names() -> None:
    folder = "overlays/object"
    spec = the("Deployment", folder=folder)["spec"]["template"]["spec"]
    _, *arguments = spec["containers"][0]["args"]
    parsed = serve_command.make_context("serve", arguments).params
    name = ObjectName.parse(parsed["policy"])
    role = the("Role", folder=folder)
    assert role["metadata"]["namespace"] == name.namespace
    assert {one for rule in role["rules"] for one in rule["resourceNames"]} == {name.name}
    binding = the("RoleBinding", folder=folder)
    (subject,) = binding["subjects"]
    assert subject == {
        "kind": "ServiceAccount",
        "name": spec["serviceAccountName"],
        "namespace": name.namespace,
    }
    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert spec["automountServiceAccountToken"] is True
    assert [one["name"] for one in spec["volumes"]] == ["tmp"]
    written = {mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]}
    assert str(Path(parsed["policy_cache"]).parent) in written
    startup = spec["containers"][0]["startupProbe"]
    assert parsed["policy_wait"] < startup["periodSeconds"] * startup["failureThreshold"]
    assert not [one for one in built(folder) if one["metadata"]["name"] == "colorfast-policy"]


@needs_kubectl
def test_probes_ask_for_what_is_there() -> None:
    ports = {each["containerPort"] for each in container()["ports"]}
    for name in ("startupProbe", "readinessProbe"):
        assert container()[name]["grpc"]["port"] in ports
        assert container()[name]["grpc"]["service"] in SERVICES
    assert container()["livenessProbe"]["httpGet"]["path"] == "/healthz"


@needs_kubectl
def test_envoys_find_every_pod_and_speak_grpc_to_it() -> None:
    spec = the("Service")["spec"]
    assert spec["clusterIP"] == "None"
    (port,) = spec["ports"]
    assert (port["name"], port["appProtocol"]) == ("grpc", "grpc")


@needs_kubectl
def test_only_gateways_reach_it_unless_every_hop_shall() -> None:
    gateway, sidecar = (
        the("NetworkPolicy", folder=f"overlays/{name}") for name in ("gateway", "sidecar")
    )
    assert gateway["spec"]["ingress"][0]["from"][0]["podSelector"]["matchLabels"] == {
        "istio": "ingressgateway"
    }
    assert sidecar["spec"]["ingress"][0]["from"] == [{"namespaceSelector": {}}]
    for overlay, principals in [
        ("gateway", ["cluster.local/ns/istio-system/sa/istio-ingressgateway-service-account"]),
        ("sidecar", ["cluster.local/*"]),
    ]:
        policy = the("AuthorizationPolicy", folder=f"overlays/{overlay}")["spec"]
        assert policy["rules"][0]["from"][0]["source"]["principals"] == principals
    assert the("PeerAuthentication")["spec"]["mtls"]["mode"] == "STRICT"


def metrics(tmp_path: Path) -> set[str]:
    """The names of every sample that the service exposes."""
    policy = tmp_path / "policy.yaml"
    policy.write_text((K8S / "kustomize" / "base" / "policy.yaml").read_text())
    processor = processor_of(policy)
    text = generate_latest(registry(processor, watcher_of(policy, processor))).decode()
    types = dict(re.findall(r"(?m)^# TYPE (\S+) (\S+)", text))
    return {
        name + suffix
        for name, kind in types.items()
        for suffix in (("_bucket", "_sum", "_count") if kind == "histogram" else ("",))
    }


def test_every_metric_of_the_dashboard_is_exposed(tmp_path: Path) -> None:
    dashboard = json.loads(
        (K8S / "kustomize" / "components" / "prometheus" / "colorfast.json").read_text()
    )
    expressions = [t["expr"] for panel in dashboard["panels"] for t in panel["targets"]]
    named = {name for e in expressions for name in re.findall(r"\b(?:colorfast|process)_\w+", e)}
    assert len(named) >= 9
    assert named <= metrics(tmp_path)


def test_panels_of_the_dashboard_do_not_cover_each_other() -> None:
    dashboard = json.loads(
        (K8S / "kustomize" / "components" / "prometheus" / "colorfast.json").read_text()
    )
    cells = [
        (x, y)
        for panel in dashboard["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
