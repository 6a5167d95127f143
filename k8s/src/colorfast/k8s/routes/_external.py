"""Hosts outside of the mesh: requests to them say nothing about lanes.

Envoy can take headers off a request that it can read, so this is for plain HTTP, or for HTTPS that
the sidecar originates. What an application encrypts itself only the application can keep in.
"""

from collections.abc import Iterator

from colorfast.k8s._objects import Json, slug
from colorfast.k8s.routes._plan import Plan, route_name
from colorfast.policy import External

_API = "networking.istio.io/v1"


def external_hosts(plan: Plan) -> Iterator[Json]:
    """A ServiceEntry and a VirtualService for each external host."""
    for external in plan.mesh.external:
        yield _service_entry(plan, external)
        yield _virtual_service(plan, external)


def _name(external: External) -> str:
    return slug(f"external-{external.host.replace('*', 'any').replace('.', '-')}")


def _service_entry(plan: Plan, external: External) -> Json:
    namespace = plan.entry.namespace
    wildcard = external.host.startswith("*")
    return plan.manifest(_API, "ServiceEntry", _name(external), namespace) | {
        "spec": {
            "hosts": [external.host],
            "location": "MESH_EXTERNAL",
            # There is no address to look up for a wildcard: the client's own choice stands.
            "resolution": "NONE" if wildcard else "DNS",
            "ports": [{"number": external.port, "name": "http", "protocol": "HTTP"}],
        }
    }


def _virtual_service(plan: Plan, external: External) -> Json:
    destination = {"host": external.host, "port": {"number": external.port}}
    name = _name(external)
    # baggage goes as a whole: its other members are not for strangers either.
    headers = {"request": {"remove": [plan.policy.header, "baggage"]}}
    route = {
        "name": route_name(name, "no-lane"),
        "headers": headers,
        "route": [{"destination": destination}],
    }
    return plan.manifest(_API, "VirtualService", name, plan.entry.namespace) | {
        "spec": {"hosts": [external.host], "http": [route]}
    }
