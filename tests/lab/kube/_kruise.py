"""The real OpenKruise Rollouts controller, with its webhooks."""

import re
import shutil
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import yaml
from brokers.process import free_ports, running
from lab.kube import build
from lab.kube._api import Json
from lab.kube._rig import Cluster, until

from colorfast.release import Controller

_CONVERTED: Final = ("rollouts", "batchreleases")
"""Kinds that have two versions, between which the controller converts."""


class Kruise:
    """The controller, which runs."""

    name: Controller = "kruise"

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def command(self, line: str) -> None:
        """``kubectl patch ... --subresource status --type merge``: what it sends."""
        typed = re.fullmatch(
            r"kubectl patch rollouts\.rollouts\.kruise\.io -n (\S+) (\S+)"
            r" --subresource status --type merge -p '(.*)'",
            line,
        )
        assert typed is not None, line
        namespace, name, patch = typed.groups()
        self._cluster.api.patch(f"{_path(namespace, name)}/status", yaml.safe_load(patch))

    def until_idle(self, namespace: str, name: str) -> None:
        """Wait until it is Healthy."""
        self._until(namespace, name, "Healthy")

    def until_waiting(self, namespace: str, name: str) -> None:
        """Wait until a step is done, and it waits for somebody to go on."""
        self._until(namespace, name, "StepPaused")

    def until_either(self, namespace: str, name: str) -> None:
        """Wait for one of both."""
        self._until(namespace, name, "Healthy", "StepPaused")

    def _until(self, namespace: str, name: str, *wanted: str) -> None:
        def there() -> bool:
            status = self._cluster.api.get(_path(namespace, name))["status"]
            canary = status.get("canaryStatus", {})
            state = status["phase"]
            return (canary.get("currentStepState") if state == "Progressing" else state) in wanted

        until(there, f"{name} is {' or '.join(wanted)}")


@contextmanager
def running_kruise(cluster: Cluster) -> Iterator[Kruise]:
    """The controller until the block ends, with its kinds and webhooks."""
    webhook, metrics, health = free_ports(3)
    source = build.module("kruise", build.KRUISE)
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kruise-rollout"}}
    cluster.api.apply(space)
    cluster.define(*_definitions(source, webhook))
    cluster.api.apply(*_webhooks(source))
    shutil.copytree(source / "lua_configuration", cluster.folder / "lua_configuration")
    flags = {
        "kubeconfig": str(cluster.kubeconfig()),
        "metrics-bind-address": f"127.0.0.1:{metrics}",
        "health-probe-bind-address": f"127.0.0.1:{health}",
    }
    env = {
        "WEBHOOK_HOST": "127.0.0.1",
        "WEBHOOK_PORT": str(webhook),
        "WEBHOOK_CERT_DIR": str(cluster.folder / "kruise"),
        "POD_NAMESPACE": "kruise-rollout",
    }

    def ready() -> bool:
        url = f"http://127.0.0.1:{health}/readyz"
        with suppress(OSError), urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
        return False

    command = [str(build.binary("kruise-rollouts")), *(f"--{a}={b}" for a, b in flags.items())]
    with running("kruise-rollouts", command, cluster.folder, ready, env=env) as process:
        try:
            yield Kruise(cluster)
        finally:
            process.kill()


def _definitions(source: Path, webhook: int) -> Iterator[Json]:
    for file in sorted((source / "config" / "crd" / "bases").glob("*.yaml")):
        for one in yaml.safe_load_all(file.read_text()):
            one["metadata"].pop("creationTimestamp", None)
            one.pop("status", None)
            if one["metadata"]["name"].split(".")[0] in _CONVERTED:
                client = {"url": f"https://127.0.0.1:{webhook}/convert"}
                versions = ["v1", "v1beta1"]
                converting = {"conversionReviewVersions": versions, "clientConfig": client}
                one["spec"]["conversion"] = {"strategy": "Webhook", "webhook": converting}
            yield one


def _webhooks(source: Path) -> Iterator[Json]:
    """What kustomize makes of the controller's own configuration."""
    folder = source / "config" / "webhook"
    patches: dict[str, dict[str, Any]] = {}
    for patch in yaml.safe_load_all((folder / "patch_manifests.yaml").read_text()):
        patches[patch["kind"]] = {one["name"]: one for one in patch["webhooks"]}
    for one in yaml.safe_load_all((folder / "manifests.yaml").read_text()):
        name = f"kruise-rollout-{one['metadata']['name']}"
        own = patches.get(one["kind"], {})
        hooks = [{**hook, **own.get(hook["name"], {})} for hook in one["webhooks"]]
        yield {**one, "metadata": {"name": name}, "webhooks": hooks}


def _path(namespace: str, name: str) -> str:
    return f"/apis/rollouts.kruise.io/v1beta1/namespaces/{namespace}/rollouts/{name}"
