"""Pods without a kubelet: an object in the API server, and the service as a process of its own."""

import itertools
import json
import os
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import yaml
from brokers.process import running
from lab.kube._api import Json
from lab.kube._rig import Cluster

ROOT: Final = Path(__file__).parents[3]
LABELS: Final = {
    "app.kubernetes.io/name": "colorfast",
    "app.kubernetes.io/component": "extproc",
}
ADMIN_PORT: Final = 8081

_WORKER: Final = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_NUMBERS: Final = itertools.count(2 + _WORKER * 16_000)
"""Of pods, and so of addresses: workers share a machine, and none answers at another's."""


def namespace(cluster: Cluster, name: str) -> None:
    """Make a namespace with the service account and the Role of ``k8s/kustomize/base``."""
    cluster.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    for file in ("serviceaccount.yaml", "role.yaml"):
        text = (ROOT / "k8s" / "kustomize" / "base" / file).read_text()
        for one in yaml.safe_load_all(text):
            one["metadata"]["namespace"] = name
            for subject in one.get("subjects", ()):
                subject["namespace"] = name
            cluster.api.apply(one)


def policy(space: str, spec: Json, name: str = "shop") -> Json:
    """A LanePolicy as an object."""
    return {
        "apiVersion": "colorfast.dev/v1alpha1",
        "kind": "LanePolicy",
        "metadata": {"name": name, "namespace": space},
        "spec": {"lanes": ["base", "canary"], **spec},
    }


class Pod:
    """``colorfast serve`` at an address of its own, with the token of the service's account."""

    def __init__(self, cluster: Cluster, space: str, *options: str, name: str = "shop") -> None:
        number = next(_NUMBERS)
        self.name = f"colorfast-{number}"
        self.address = f"10.244.{number // 250}.{number % 250 + 1}"
        self.space = space
        self.folder = cluster.folder / f"{space}-{self.name}"
        self.folder.mkdir()
        self._cluster = cluster
        self._command = ["--policy", f"k8s://{space}/{name}", *options]
        self._stack = ExitStack()
        self._config = self.folder / "kubeconfig"

    def start(self, *, ready: bool = True) -> None:
        """Make the pod, run the service, and wait until it serves."""
        self._announce()
        token = self._cluster.token(self.space, "colorfast")
        self._config = self._cluster.kubeconfig(token, self.space)
        self.restart(ready=ready)

    def restart(self, *, ready: bool = True) -> None:
        """Run the service again, after ``stop``."""
        program = [str(ROOT / ".venv" / "bin" / "colorfast"), "serve", *self._command]
        program += ["--listen", f"{self.address}:50051", "--drain-delay", "0"]
        program += ["--admin", f"{self.address}:{ADMIN_PORT}"]
        env = {**os.environ, "KUBECONFIG": str(self._config)}
        condition = self._is_ready if ready else lambda: True
        self._stack.enter_context(running("service", program, self.folder, condition, env=env))

    def stop(self) -> None:
        """End the process; the pod stays in the API server."""
        self._stack.close()

    def shown(self) -> Any:
        """What ``/policy`` says."""
        return json.loads(self._get("/policy"))

    def metric(self, sample: str) -> float:
        """The value of *sample*, a name with its labels, in ``/metrics``."""
        lines = [line.rpartition(" ") for line in self._get("/metrics").splitlines()]
        return float(next((value for name, _, value in lines if name == sample), 0.0))

    def log(self) -> str:
        """What the service has written so far."""
        return (self.folder / "service.log").read_text()

    def _get(self, path: str) -> str:
        url = f"http://{self.address}:{ADMIN_PORT}{path}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return str(answer.read().decode())

    def _is_ready(self) -> bool:
        with suppress(OSError):
            return bool(self._get("/readyz"))
        return False

    def _announce(self) -> None:
        port = {"name": "http-admin", "containerPort": ADMIN_PORT}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": self.name, "namespace": self.space, "labels": LABELS},
            "spec": {"containers": [{"name": "colorfast", "image": "colorfast", "ports": [port]}]},
        }
        self._cluster.api.apply(pod)
        status = {"phase": "Running", "podIP": self.address, "podIPs": [{"ip": self.address}]}
        self._cluster.api.patch(f"{self._cluster.api.path(pod)}/status", {"status": status})


@contextmanager
def serving(cluster: Cluster, space: str, *options: str) -> Iterator[Pod]:
    """A pod that serves ``shop`` of the namespace *space* until the block ends."""
    pod = Pod(cluster, space, *options)
    try:
        pod.start()
        yield pod
    finally:
        pod.stop()
