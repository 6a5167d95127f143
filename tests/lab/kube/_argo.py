"""The real Argo Rollouts controller, and what its users type."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from brokers.process import free_ports
from lab.kube import build
from lab.kube._api import Json
from lab.kube._rig import Cluster, until

from colorfast.release import Controller

_FOLDER: Final = "manifests/crds"
_KINDS: Final = ("rollout", "experiment", "analysis-run", "analysis-template")
_KINDS_OF_ALL: Final = ("cluster-analysis-template",)


def define(cluster: Cluster) -> None:
    """Define the kinds of Argo Rollouts."""
    for kind in (*_KINDS, *_KINDS_OF_ALL):
        cluster.define(*build.definitions("argo", build.ARGO, f"{_FOLDER}/{kind}-crd.yaml"))


class Argo:
    """The controller: it can be stopped, and started again."""

    name: Controller = "argo-rollouts"

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._running: Any = None
        self._process: Any = None

    def start(self) -> None:
        """Start it."""
        metrics, health = free_ports(2)
        flags = {
            "kubeconfig": str(self._cluster.kubeconfig()),
            "namespace": "argo-rollouts",
            "leader-elect": "false",
            "metricsPort": str(metrics),
            "healthzPort": str(health),
        }
        self._running = self._cluster.run(
            "argo-rollouts", *(word for name, value in flags.items() for word in _flag(name, value))
        )
        self._process = self._running.__enter__()

    def stop(self) -> None:
        """End it at once, whatever it is doing."""
        running, self._running = self._running, None
        if running is not None:
            self._process.kill()
            running.__exit__(None, None, None)

    def get(self, namespace: str, name: str) -> Json:
        """The Rollout."""
        thing: Json = self._cluster.api.get(_path(namespace, name))
        return thing

    def command(self, line: str) -> None:
        """``kubectl argo rollouts VERB -n NAMESPACE NAME``: what the plugin sends."""
        typed = re.fullmatch(r"kubectl argo rollouts (\S+) -n (\S+) (\S+)", line)
        assert typed is not None, line
        verb, namespace, name = typed.groups()
        status = {"promote": {"pauseConditions": None}, "abort": {"abort": True}}[verb]
        self._cluster.api.patch(f"{_path(namespace, name)}/status", {"status": status})

    def until_idle(self, namespace: str, name: str) -> None:
        """Wait until it is Healthy."""
        self.until(namespace, name, "Healthy")

    def until_waiting(self, namespace: str, name: str) -> None:
        """Wait until it is Paused."""
        self.until(namespace, name, "Paused")

    def until_either(self, namespace: str, name: str) -> None:
        """Wait until it is Healthy or Paused."""
        self.until(namespace, name, "Healthy", "Paused")

    def until(self, namespace: str, name: str, *phases: str) -> None:
        """Wait until the controller says of what is applied now that it is in one of *phases*."""

        def there() -> bool:
            thing = self.get(namespace, name)
            status = thing["status"]
            current = status["observedGeneration"] == str(thing["metadata"]["generation"])
            return current and status["phase"] in phases

        until(there, f"{name} is {' or '.join(phases)}")


@contextmanager
def running_argo(cluster: Cluster) -> Iterator[Argo]:
    """The controller until the block ends, with its kinds and Kubernetes' own controllers."""
    define(cluster)
    cluster.api.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "argo-rollouts"}}
    )
    argo = Argo(cluster)
    argo.start()
    try:
        yield argo
    finally:
        argo.stop()


def _path(namespace: str, name: str) -> str:
    return f"/apis/argoproj.io/v1alpha1/namespaces/{namespace}/rollouts/{name}"


def _flag(name: str, value: str) -> tuple[str, ...]:
    return (f"--{name}={value}",)
