"""Everything that a mesh needs, as files: one object a file, the same bytes every time."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

from colorfast.envoy import Fallback
from colorfast.k8s._objects import Json
from colorfast.k8s._yaml import dump
from colorfast.k8s.routes import gateway_api_routes, istio_routes
from colorfast.k8s.targets import (
    Backend,
    Placement,
    Target,
    TargetOptions,
    Version,
    compile_target,
)
from colorfast.k8s.targets._versions import NEWEST_ISTIO
from colorfast.policy import Diagnostic, Mesh, Policy, check_fit

Routes: TypeAlias = Literal["istio", "gateway-api"]
"""Which API the lane routes are written in."""

ROUTES: tuple[Routes, ...] = get_args(Routes)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """What is chosen once for a whole mesh."""

    routes: Routes = "istio"
    dye: Backend = "extproc"
    """What decides at the gateways."""
    fallback: Fallback | None = "lua"
    """What decides there while the service fails."""
    carry: Backend = "lua"
    """What carries the dye at every hop. The service would cost each hop a round trip."""
    service: str = TargetOptions().service
    image: str = TargetOptions().image
    istio: Version = NEWEST_ISTIO
    waypoint: str | None = None
    """The name that the waypoints have, one in each namespace with services: they carry the dye.
    None where every pod has a sidecar, which does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """Files by their names, and what is to be said about them."""

    files: dict[str, str]
    diagnostics: tuple[Diagnostic, ...]


def build(policy: Policy, mesh: Mesh, options: BuildOptions) -> Built:
    """The filters of every gateway and every hop, and the lane routes.

    Raises InvalidInput when *policy* does not fit *mesh*, or cannot be said with *options*, and
    ValueError for options that do not go together.
    """
    if options.waypoint is not None and options.routes != "gateway-api":
        # Aggregate clusters and header removal are the client's sidecar's in the Istio API.
        raise ValueError("waypoints route by HTTPRoutes: --waypoint goes with --routes gateway-api")
    check_fit(policy, mesh)
    routes = istio_routes if options.routes == "istio" else gateway_api_routes
    objects = list(routes(policy, mesh))
    found: list[Diagnostic] = []
    for target, station in _stations(mesh, options):
        made, warnings = compile_target(policy, target, station, part_of=mesh.name)
        objects += made
        found += warnings
    files = {file_name(each): dump([each]) for each in objects}
    return Built(files=dict(sorted(files.items())), diagnostics=tuple(dict.fromkeys(found)))


def file_name(manifest: Json) -> str:
    """``<folder>/<kind>-<name>.yaml``, the folder being the namespace."""
    metadata = manifest["metadata"]
    name = f"{manifest['kind'].lower()}-{metadata['name']}.yaml"
    return f"{metadata['namespace']}/{name}"


def _stations(mesh: Mesh, options: BuildOptions) -> Iterator[tuple[Target, TargetOptions]]:
    common = TargetOptions(service=options.service, image=options.image, istio=options.istio)
    for gateway in mesh.gateways:
        placement = Placement(
            place="gateway",
            namespace=gateway.namespace,
            selector=() if options.routes == "gateway-api" else gateway.selector,
            gateway=gateway.name if options.routes == "gateway-api" else None,
        )
        fallback = options.fallback if options.dye == "extproc" else None
        chosen = replace(common, placement=placement, backend=options.dye, fallback=fallback)
        yield _target(options.dye, options.istio), chosen
    for namespace in dict.fromkeys(service.namespace for service in mesh.services):
        yield (
            _target(options.carry, options.istio),
            replace(common, placement=_hop(namespace, options.waypoint), backend=options.carry),
        )


def _hop(namespace: str, waypoint: str | None) -> Placement:
    if waypoint is None:
        return Placement(place="sidecar", namespace=namespace)
    return Placement(place="waypoint", namespace=namespace, gateway=waypoint)


def _target(backend: Backend, istio: Version) -> Target:
    if backend == "wasm":
        return "trafficextension" if istio >= Version(1, 30) else "wasmplugin"
    return "envoyfilter"
