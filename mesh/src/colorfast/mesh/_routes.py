"""The path that a lane takes through a mesh."""

from colorfast.policy import Mesh, Policy, Service, lane_targets

REFUSED = "(refused)"
"""The path of a request whose strict lane lacks a service on the way."""


def path_of(policy: Policy, mesh: Mesh, lane: str | None) -> str:
    """The path of a request of *lane*, as the sample apps tell it while every pod is ready."""
    path = _path_from(policy, mesh, mesh.service(mesh.entry), lane)
    return REFUSED if REFUSED in path else path


def _path_from(policy: Policy, mesh: Mesh, service: Service, lane: str | None) -> str:
    targets = lane_targets(policy, mesh, service, lane)
    if not targets:
        return REFUSED
    hop = f"-> {service.name}(version: {targets[0]})"
    onwards = (_path_from(policy, mesh, mesh.service(name), lane) for name in service.calls)
    return " ".join((hop, *onwards))
