"""Stands in for the kubelets: pods that a controller made are soon ready.

They are bound to no node, which no release controller asks for, and so are gone when they are deleted.
"""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Final

from lab.kube import build
from lab.kube._api import Json, Refused
from lab.kube._rig import Cluster

DELAY: Final = 0.2
"""Seconds from a pod's being there to its being ready."""

_GONE: Final = (Refused, OSError)


def define_routes(cluster: Cluster) -> None:
    """Define the kinds of Istio's routes."""
    file = "kubernetes/customresourcedefinitions.gen.yaml"
    kinds = ("VirtualService", "DestinationRule")
    for one in build.definitions("crds", build.ISTIO_API, file):
        if one["spec"]["names"]["kind"] in kinds:
            cluster.define(one)


class Nodes:
    """Has room for every pod. Not for pods that nobody controls."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._numbers = itertools.count(1)

    def start(self) -> None:
        """Look after pods from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Look after no pod any more. The API server must be there."""
        self._stopping.set()
        with suppress(*_GONE):  # an event, for a watch that waits for one
            self._cluster.api.apply(_bell())
        self._thread.join(10.0)

    def set_ready(self, namespace: str, pod: str, *, ready: bool) -> None:
        """Report the pod as ready, or not."""
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}"
        self._report(path, self._cluster.api.get(path), ready=ready)

    def _run(self) -> None:
        while not self._stopping.is_set():
            with suppress(*_GONE):
                for event in self._cluster.api.watch("/api/v1/pods"):
                    if self._stopping.is_set():
                        return
                    if event["type"] == "ADDED":
                        self._look_after(event["object"])
            self._stopping.wait(0.2)

    def _look_after(self, pod: Json) -> None:
        metadata = pod["metadata"]
        if "ownerReferences" not in metadata:
            return
        if not pod.get("status", {}).get("podIP"):
            path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
            timer = threading.Timer(DELAY, self._report, (path, pod), {"ready": True})
            timer.daemon = True
            timer.start()

    def _report(self, path: str, pod: Json, *, ready: bool) -> None:
        number = next(self._numbers)
        address = f"10.245.{number // 250}.{number % 250 + 1}"
        names = ("Initialized", "PodScheduled", "Ready", "ContainersReady")
        status: dict[str, Any] = {
            "phase": "Running",
            "conditions": [
                _condition(one, holds=ready or one in ("Initialized", "PodScheduled"))
                for one in names
            ],
            "containerStatuses": [_container(one, ready) for one in pod["spec"]["containers"]],
        }
        if not pod.get("status", {}).get("podIP"):
            status |= {"podIP": address, "podIPs": [{"ip": address}], "startTime": _now()}
        with suppress(*_GONE):
            self._cluster.api.patch(f"{path}/status", {"status": status})


@contextmanager
def running_nodes(cluster: Cluster) -> Iterator[Nodes]:
    """Nodes until the block ends."""
    nodes = Nodes(cluster)
    nodes.start()
    try:
        yield nodes
    finally:
        nodes.stop()


def _bell() -> Json:
    containers = [{"name": "none", "image": "none"}]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bell"}}
    return {**pod, "spec": {"containers": containers}}


def _condition(kind: str, *, holds: bool = True) -> Json:
    return {"type": kind, "status": str(holds), "lastTransitionTime": _now()}


def _container(container: Json, ready: bool) -> Json:
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": container["image"],
        "restartCount": 0,
        "ready": ready,
        "started": True,
        "state": {"running": {"startedAt": _now()}},
    }


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
