"""The real Argo Rollouts controller, and what its users type."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from brokers.process import free_ports
from lab.kube import build
from lab.kube._api import Json
from lab.kube._play import Phase
from lab.kube._record import State, Watches
from lab.kube._rig import Cluster
from lab.kube._traffic import ready

from colorfast.release import Change, Controller

_FOLDER: Final = "manifests/crds"
_KINDS: Final = ("rollout", "experiment", "analysis-run", "analysis-template")
_KINDS_OF_ALL: Final = ("cluster-analysis-template",)

_PHASES: Final[dict[str, Phase]] = {"Healthy": "idle", "Paused": "waiting"}


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
            "kubeconfig": str(self._cluster.quiet_kubeconfig()),
            "namespace": "argo-rollouts",
            "leader-elect": "false",
            "metricsPort": str(metrics),
            "healthzPort": str(health),
            # Releases in a hurry, many at once.
            "qps": "400",
            "burst": "800",
            "loglevel": "warn",
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

    def restart(self) -> None:
        """End it, and start it again."""
        self.stop()
        self.start()

    def command(self, line: str) -> None:
        """``kubectl argo rollouts VERB -n NAMESPACE NAME``: what the plugin sends."""
        typed = re.fullmatch(r"kubectl argo rollouts (\S+) -n (\S+) (\S+)", line)
        assert typed is not None, line
        verb, namespace, name = typed.groups()
        path = _path(namespace, name)
        status = {"abort": True} if verb == "abort" else self._promotion(path)
        self._cluster.api.patch(f"{path}/status", {"status": status})

    def abort(self, change: Change) -> None:
        """``kubectl argo rollouts abort``."""
        self.command(f"kubectl argo rollouts abort -n {change.service.namespace} {change.name}")

    def retry(self, change: Change) -> None:
        """``kubectl argo rollouts retry rollout``."""
        path = _path(change.service.namespace, change.name)
        self._cluster.api.patch(f"{path}/status", {"status": {"abort": False}})

    def _promotion(self, path: str) -> Json:
        """Of a Rollout that does not pause, the plugin skips the step that it is at."""
        thing = self._cluster.api.get(path)
        status = thing["status"]
        if status.get("pauseConditions"):
            return {"pauseConditions": None}
        steps = len(thing["spec"]["strategy"]["canary"]["steps"])
        index = min(status.get("currentStepIndex", 0) + 1, steps)
        return {"pauseConditions": None, "currentStepIndex": index}

    def phase(self, state: State, change: Change) -> Phase:
        """What the controller says of what is applied now."""
        thing = state.of("Rollout")[change.service.namespace, change.name]
        status = thing["status"]
        if status["observedGeneration"] != str(thing["metadata"]["generation"]):
            return "moving"
        if status.get("abort"):
            # Before that its routes go back and forth.
            return "aborted" if status["phase"] == "Degraded" else "moving"
        return _PHASES.get(status["phase"], "moving")

    def knows(self, state: State, change: Change) -> bool:
        """It writes its routes first, then what it has seen."""
        status = state.of("Rollout")[change.service.namespace, change.name]["status"]
        here = sum(ready(state, change, version) for version in (change.old, change.new))
        return int(status.get("readyReplicas", 0)) == here


@contextmanager
def running_argo(cluster: Cluster, watches: Watches) -> Iterator[Argo]:
    """The controller until the block ends, with its kinds."""
    define(cluster)
    watches.add("Rollout", "/apis/argoproj.io/v1alpha1/rollouts")
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
