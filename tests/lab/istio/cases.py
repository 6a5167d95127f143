"""The folders of generated objects, each with the cluster that they are for."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import yaml
from lab.istio.cluster import cluster_of, deployment

from colorfast.k8s import BuildOptions, Placement, TargetOptions, Version
from colorfast.policy import Gateway, Mesh, Policy, load_mesh, load_policy

Json = dict[str, Any]

ROOT: Final = Path(__file__).parents[3]


@dataclass(frozen=True, kw_only=True)
class Case:
    """What ``colorfast build`` has written for a mesh."""

    name: str
    folder: Path
    """Where LaneMesh and LanePolicy are."""
    out: Path
    """Where the objects are."""

    @cached_property
    def mesh(self) -> Mesh:
        return load_mesh((self.folder / "mesh.yaml").read_text())

    @cached_property
    def policy(self) -> Policy:
        return load_policy((self.folder / "policy.yaml").read_text()).policy

    @cached_property
    def options(self) -> BuildOptions:
        path = self.folder / "options.txt"
        words = path.read_text().split() if path.exists() else []
        given: dict[str, Any] = dict(zip(words[::2], words[1::2], strict=True))
        chosen = {key.removeprefix("--"): value for key, value in given.items()}
        if version := chosen.pop("istio-version", None):
            chosen["istio"] = Version.parse(version)
        return BuildOptions(**chosen)

    @cached_property
    def generated(self) -> list[Json]:
        """Every object that was generated."""
        return [yaml.safe_load(path.read_text()) for path in sorted(self.out.rglob("*.yaml"))]

    @cached_property
    def objects(self) -> list[Json]:
        """These, and what the cluster has."""
        return [*cluster_of(self.mesh, self.options.routes, self.options.waypoint), *self.generated]

    @property
    def ambient(self) -> bool:
        """Whether the hops are waypoints."""
        return self.options.waypoint is not None

    @cached_property
    def gateways(self) -> dict[str, Gateway]:
        """The proxies of gateways."""
        return {f"gateway:{one.namespace}/{one.name}": one for one in self.mesh.gateways}

    @cached_property
    def hops(self) -> dict[str, str]:
        """The proxies of each service's baseline, and the service's name; or the waypoints, and
        the name of a service behind each."""
        if self.options.waypoint:
            name = self.options.waypoint
            return {
                f"waypoint:{one.namespace}/{name}": one.name for one in self.mesh.services[::-1]
            }
        return {
            f"sidecar-{way}:{one.namespace}/{deployment(one, self.policy.baseline)}": one.name
            for one in self.mesh.services
            for way in ("inbound", "outbound")
        }

    @cached_property
    def proxies(self) -> list[str]:
        """All of them."""
        return [*self.gateways, *self.hops]

    def station(self, proxy: str) -> TargetOptions:
        """What is to be found in *proxy*."""
        options = self.options
        at_gateway = proxy in self.gateways
        backend = options.dye if at_gateway else options.carry
        fallback = options.fallback if at_gateway and backend == "extproc" else None
        return TargetOptions(
            placement=Placement(place="gateway" if at_gateway else "sidecar"),
            backend=backend,
            fallback=fallback,
            service=options.service,
            image=options.image,
            istio=options.istio,
        )


def _golden(folder: Path) -> Case:
    return Case(name=folder.name, folder=folder, out=folder / "out")


EXAMPLE: Final = Case(
    name="example", folder=ROOT / "k8s/examples", out=ROOT / "k8s/examples/generated"
)
CASES: Final = (
    EXAMPLE,
    *(_golden(path.parent) for path in sorted((ROOT / "tests/golden/k8s").glob("*/mesh.yaml"))),
)
"""Every folder of objects that is built for a mesh."""
