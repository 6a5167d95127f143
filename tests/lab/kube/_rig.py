"""A control plane without nodes: etcd and kube-apiserver, and what watches them, on loopback.

To be run in a network namespace of its own: some of these listen on every address.
"""

import json
import os
import secrets
import subprocess
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from brokers.process import Ended, free_ports, running
from lab.kube import build
from lab.kube._api import Api, Json, Refused

from helpers.processes import wait_until

WITHIN: Final = 150.0
"""Seconds that anything may take before a test gives it up."""

CONTROLLERS: Final = (
    "deployment-controller",
    "replicaset-controller",
    "endpointslice-controller",
    "serviceaccount-controller",
    "namespace-controller",
    "garbage-collector-controller",
)

QUIET: Final = "quiet"
EVENTS: Final = "events"

_RBAC: Final = "rbac.authorization.k8s.io/v1"

_MEMORY: Final = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
_ENVIRONMENT: Final = {"GOGC": "400", "GOMEMLIMIT": str(_MEMORY // 4)}
"""Of programs in Go: up to a quarter of it, there is more memory than time."""

_HURRY: Final = {"kube-api-qps": "400", "kube-api-burst": "800"}
"""Of controllers whose own 20 requests a second are enough for one release, not for many at once."""

_COMING: Final = (OSError, Refused, KeyError, IndexError, TypeError)
"""What asking for something that is not there yet may raise."""


class Cluster:
    """An API server that can be stopped and started, and programs beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._token, self._quiet = (secrets.token_hex(16) for _ in range(2))
        self._stack = ExitStack()
        self._api_server: ExitStack | None = None
        self._etcd, self._port = 0, 0
        self.api: Api

    def start(self) -> None:
        """Start etcd and the API server."""
        self._make_keys()
        self._start_etcd()
        (self._port,) = free_ports(1)
        self.start_api_server()

    def close(self) -> None:
        """Stop everything; no process is left."""
        self.stop_api_server()
        self._stack.close()

    def start_api_server(self) -> None:
        """Start the API server, at the address where it was before."""
        server = ExitStack()
        certificate = self.folder / "certificates" / "apiserver.crt"

        def ready() -> bool:
            with suppress(OSError):
                url = f"https://127.0.0.1:{self._port}"
                self.api = Api(url, self._token, certificate.read_text())
                with suppress(Refused):
                    return bool(self.api.get("/readyz") == "ok")
            return False

        command = [str(build.binary("kube-apiserver")), *self._api_server_flags()]
        process = server.enter_context(
            running("kube-apiserver", command, self.folder, ready, env=_ENVIRONMENT)
        )
        # Asked to end, it would wait for everybody who watches.
        server.callback(process.kill)
        self._api_server = server

    def stop_api_server(self) -> None:
        """Stop the API server; etcd keeps what it knows."""
        if self._api_server is not None:
            self._api_server.close()
            self._api_server = None

    def run(self, name: str, *arguments: str, **environment: str) -> AbstractContextManager[Any]:
        """The program *name* (of ``build.PROGRAMS``) until the block ends."""
        command = [str(build.binary(name)), *arguments]
        env = {**_ENVIRONMENT, **environment}
        return running(name, command, self.folder, lambda: True, env=env)

    def start_controllers(self, controllers: Sequence[str] = CONTROLLERS) -> None:
        """Start some of Kubernetes' own controllers, until the cluster closes."""
        (port,) = free_ports(1)
        flags = {
            "kubeconfig": str(self.quiet_kubeconfig()),
            "bind-address": "127.0.0.1",
            "secure-port": str(port),
            "cert-dir": str(self.folder / "controllers"),
            "leader-elect": "false",
            "controllers": ",".join(controllers),
            "concurrent-deployment-syncs": "2",
            "concurrent-replicaset-syncs": "2",
            **_HURRY,
        }
        self._stack.enter_context(self.run("kube-controller-manager", *_flags(flags)))

    def kubeconfig(self, token: str = "", namespace: str = "default") -> Path:
        """A kubeconfig file for whoever has *token*; the administrator without one."""
        api = self.api.as_user(token) if token else self.api
        path = self.folder / f"kubeconfig-{secrets.token_hex(4)}"
        path.write_text(json.dumps(api.kubeconfig(namespace)))
        return path

    def quiet_kubeconfig(self) -> Path:
        """A kubeconfig file for a controller of kinds that are there by now, which tells nothing.

        It may do everything but write events: those are a tenth of all writes, and nobody reads them.
        """
        core = [one["name"] for one in self.api.get("/api/v1")["resources"]]
        groups = [one["name"] for one in self.api.get("/apis")["groups"]]
        everything = {"verbs": ["*"], "resources": ["*"]}
        rules = [
            everything | {"apiGroups": [""], "resources": [one for one in core if one != EVENTS]},
            everything | {"apiGroups": [one for one in groups if one != f"{EVENTS}.k8s.io"]},
            {"verbs": ["*"], "nonResourceURLs": ["*"]},
        ]
        role = {"apiVersion": _RBAC, "kind": "ClusterRole", "metadata": {"name": QUIET}}
        to = {"apiGroup": _RBAC.split("/")[0], "kind": "ClusterRole", "name": QUIET}
        whose = [{"apiGroup": to["apiGroup"], "kind": "User", "name": QUIET}]
        binding = {**role, "kind": "ClusterRoleBinding", "roleRef": to, "subjects": whose}
        self.api.apply({**role, "rules": rules}, binding)
        return self.kubeconfig(self._quiet)

    def token(self, namespace: str, account: str) -> str:
        """A token of the service account, as the kubelet gets it for a pod."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        return str(self.api.request("POST", path, body)["status"]["token"])

    def define(self, *definitions: Json) -> None:
        """Apply CustomResourceDefinitions, and wait until their kinds are served."""
        for one in self.api.apply(*definitions):
            path = self.api.path(one)
            until(partial(self._is_served, path), f"{path} is served")

    def _is_served(self, definition: str) -> bool:
        conditions = self.api.get(definition)["status"]["conditions"]
        return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)

    def _start_etcd(self) -> None:
        self._etcd, peers = free_ports(2)
        url, peer = (f"http://127.0.0.1:{port}" for port in (self._etcd, peers))
        flags = {
            "data-dir": str(self.folder / "etcd"),
            "listen-client-urls": url,
            "advertise-client-urls": url,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"default={peer}",
        }
        program = build.etcd()
        assert program is not None, "there is no etcd"

        def healthy() -> bool:
            with suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=1) as answer:
                return b"true" in answer.read()
            return False

        command = [program, *_flags(flags), "--unsafe-no-fsync"]
        self._stack.enter_context(running("etcd", command, self.folder, healthy, env=_ENVIRONMENT))

    def _make_keys(self) -> None:
        users = f'{self._token},admin,admin,"system:masters"\n{self._quiet},{QUIET},{QUIET}\n'
        (self.folder / "tokens.csv").write_text(users)
        command = ["openssl", "genrsa", "-out", str(self.folder / "accounts.key"), "2048"]
        subprocess.run(command, check=True, capture_output=True, timeout=WITHIN)

    def _api_server_flags(self) -> Sequence[str]:
        key = str(self.folder / "accounts.key")
        return _flags(
            {
                "etcd-servers": f"http://127.0.0.1:{self._etcd}",
                "bind-address": "127.0.0.1",
                "advertise-address": "127.0.0.1",
                "secure-port": str(self._port),
                "cert-dir": str(self.folder / "certificates"),
                "service-cluster-ip-range": "10.96.0.0/16",
                "token-auth-file": str(self.folder / "tokens.csv"),
                "authorization-mode": "RBAC",
                "service-account-issuer": "https://lab.example",
                "service-account-key-file": key,
                "service-account-signing-key-file": key,
                "endpoint-reconciler-type": "none",
                "disable-admission-plugins": "ServiceAccount,TaintNodesByCondition",
                # Who asks here is an administrator, and exempt from it.
                "enable-priority-and-fairness": "false",
                "max-requests-inflight": "0",
                "max-mutating-requests-inflight": "0",
            }
        )


@contextmanager
def running_cluster(folder: Path) -> Iterator[Cluster]:
    """A cluster until the block ends; on other ports if one was taken meanwhile."""
    for left in (2, 1, 0):
        cluster = Cluster(folder / f"try-{left}")
        cluster.folder.mkdir()
        try:
            cluster.start()
            break
        except Ended:
            cluster.close()
            if not left:
                raise
    try:
        yield cluster
    finally:
        cluster.close()


def until(condition: Callable[[], object], what: str, *, within: float = WITHIN) -> None:
    """Wait for *condition*, which may ask for what is not there yet."""

    def holds() -> bool:
        with suppress(*_COMING):
            return bool(condition())
        return False

    wait_until(holds, what, within=within)


def _flags(values: Mapping[str, str]) -> list[str]:
    return [f"--{name}={value}" for name, value in values.items()]
