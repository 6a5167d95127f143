"""A real Envoy that gets its configuration from Istio's engine by ADS."""

import contextlib
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from lab.istio.cluster import named, service, workload
from lab.istio.tools import environment, program, write

from colorfast.envoy.bootstrap import bootstrap, cluster
from helpers.processes import wait_until

Json = dict[str, Any]

NAMESPACE: Final = "edge"
LABELS: Final = {"app": "proxy"}
HOST: Final = "app.example.com"
LANES: Final = ("base", "canary")

_WITHIN: Final = 30.0
_STOCK: Final = {
    # Filters that only Istio's own build of Envoy has.
    "PILOT_ENABLE_METADATA_EXCHANGE": "false",
    "PILOT_ENABLE_ALPN_FILTER": "false",
}


def free_port() -> int:
    """A port that nothing listens at now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def cluster_with_a_gateway(port: int, upstreams: Path, header: str) -> Iterator[Json]:
    """A gateway at *port*, and a service whose lanes are at Unix sockets in *upstreams*."""
    api = "networking.istio.io/v1"
    yield named("v1", "Namespace", NAMESPACE, None)
    yield workload("proxy", NAMESPACE, LABELS, port)
    yield service("proxy", NAMESPACE, LABELS, port, "http")
    open_at = {"number": port, "name": "http", "protocol": "HTTP"}
    server = {"port": open_at, "bind": "127.0.0.1", "hosts": ["*"]}
    yield named(api, "Gateway", "proxy", NAMESPACE, spec={"selector": LABELS, "servers": [server]})
    entry = {
        "hosts": [HOST],
        "location": "MESH_INTERNAL",
        "resolution": "STATIC",
        "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
        "endpoints": [
            {"address": f"unix://{upstreams / lane}", "labels": {"version": lane}} for lane in LANES
        ],
    }
    yield named(api, "ServiceEntry", "app", NAMESPACE, spec=entry)
    subsets = [{"name": lane, "labels": {"version": lane}} for lane in LANES]
    spec = {"host": HOST, "subsets": subsets}
    yield named(api, "DestinationRule", "app", NAMESPACE, spec=spec)
    canary = {"match": [{"headers": {header: {"exact": "canary"}}}], "route": [_to("canary")]}
    routes = [{"name": "canary", **canary}, {"name": "base", "route": [_to("base")]}]
    spec = {"hosts": ["*"], "gateways": [f"{NAMESPACE}/proxy"], "http": routes}
    yield named(api, "VirtualService", "app", NAMESPACE, spec=spec)


def _to(lane: str) -> Json:
    return {"destination": {"host": HOST, "subset": lane, "port": {"number": 80}}}


class ControlPlane:
    """Istio's engine in a process that serves ADS; ``apply`` is what ``kubectl apply`` is."""

    def __init__(self, process: "subprocess.Popen[bytes]", file: Path, log: Path) -> None:
        self._process = process
        self._file = file
        self._log = log

    @property
    def address(self) -> str:
        """Where proxies connect to."""
        return self._log.read_text().partition("serving ")[2].split()[0]

    def apply(self, objects: Sequence[Json], *, outcome: str = "updated") -> None:
        """Have *objects* in place of those before; *outcome* is ``refused`` for invalid ones."""
        before = self._log.read_text().count(outcome)
        write(self._file, objects)
        self._process.send_signal(signal.SIGHUP)
        wait_until(lambda: self._log.read_text().count(outcome) > before, outcome, within=_WITHIN)


@contextlib.contextmanager
def control_plane(folder: Path, objects: Sequence[Json]) -> Iterator[ControlPlane]:
    """Serve *objects* until the block ends."""
    file, mesh, log = folder / "objects.yaml", folder / "mesh.yaml", folder / "istio.log"
    write(file, objects)
    mesh.write_text("enableAutoMtls: false\n")  # there is nobody to give certificates
    command = [*program("istio-render"), "-mesh", str(mesh), "-serve", "127.0.0.1:0", str(file)]
    env = {**environment(), **_STOCK}
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out, env=env) as one:
        try:
            wait_until(lambda: "serving " in log.read_text(), "it serves", within=_WITHIN)
            yield ControlPlane(one, file, log)
        finally:
            one.kill()


def dynamic(admin: str, control_plane: str) -> Json:
    """An Envoy that asks *control_plane*, ``host:port``, for everything, as the gateway's."""
    config = bootstrap(
        admin=admin, listeners=[], clusters=[cluster("xds", control_plane, protocol="http2")]
    )
    ads = {"ads": {}, "resource_api_version": "V3"}
    grpc = [{"envoy_grpc": {"cluster_name": "xds"}}]
    source = {"api_type": "GRPC", "transport_api_version": "V3", "grpc_services": grpc}
    metadata = {"NAMESPACE": NAMESPACE, "LABELS": LABELS}
    metadata |= {"ISTIO_VERSION": "1.31.0", "CLUSTER_ID": "Kubernetes"}
    return config | {
        "node": {
            "id": f"router~127.0.0.1~proxy-0.{NAMESPACE}~{NAMESPACE}.svc.cluster.local",
            "cluster": "proxy",
            "metadata": metadata,
        },
        "dynamic_resources": {"lds_config": ads, "cds_config": ads, "ads_config": source},
    }
