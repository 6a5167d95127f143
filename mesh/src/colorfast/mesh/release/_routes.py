"""Routes that can change while an Envoy runs: files that it watches, one a listener."""

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from colorfast.envoy import Json
from colorfast.envoy.bootstrap import route
from colorfast.mesh._configs import Plan
from colorfast.mesh._errors import not_ready
from colorfast.mesh._http import get
from colorfast.mesh._layout import GATEWAY
from colorfast.mesh._mesh import RunningMesh
from colorfast.policy import Service, Workload
from colorfast.release import ServiceRoutes

_TYPE: Final = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
_SUFFIX: Final = ".routes"
_POLL: Final = 0.05
_BOUND: Final = 15.0
"""Seconds that every Envoy has to take new routes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePlan(Plan):
    """The configuration of a mesh whose workloads are versions."""

    routes: Mapping[str, ServiceRoutes]
    """Where requests go at each service of the release."""
    lane: str
    number: int = 0
    """Which routes these are, counted from 0: the version that Envoy knows them by."""

    def gateway(self) -> Json:
        """The entrance, its routes in a file."""
        return self._watching(GATEWAY, Plan.gateway(self))

    def sidecar(self, workload: Workload) -> Json:
        """A hop, its routes in files."""
        return self._watching(workload.name, Plan.sidecar(self, workload))

    def _routes(self, prefix: str, service: Service) -> list[Json]:
        to = self.routes.get(service.name)
        base = to.base[0][0] if to else self.policy.baseline
        made = [route(f"{prefix}.{service.name}", f"{service.name}.{base}")]
        if to is not None and to.lane is not None:
            name, headers = f"{prefix}.{service.name}.{self.lane}", {self.policy.header: self.lane}
            made.insert(0, route(name, f"{service.name}.{to.lane}", headers=headers))
        return made

    def _clusters(self, service: Service) -> list[Json]:
        return [self._workload(Workload(service=service, lane=one)) for one in service.lanes]

    def _watching(self, name: str, config: Json) -> Json:
        for listener in config["static_resources"]["listeners"]:
            for chain in listener["filter_chains"]:
                manager = chain["filters"][0]["typed_config"]
                file = f"{name}.{manager['stat_prefix']}{_SUFFIX}"
                path = self.layout.folder / "config" / file
                routes = manager.pop("route_config")
                _write(path, self.number, routes)
                source = {"path_config_source": {"path": str(path)}, "resource_api_version": "V3"}
                manager["rds"] = {"config_source": source, "route_config_name": routes["name"]}
        # Who asks for routes has to say who it is, even where it asks a file.
        return {"node": {"id": name, "cluster": self.mesh.name}} | config


async def reroute(running: RunningMesh, routes: Mapping[str, ServiceRoutes], number: int) -> None:
    """Give every Envoy *routes*, and wait until it has them. Raises ColorfastError (CF613)."""
    assert isinstance(running.plan, ReleasePlan)  # noqa: S101 (whoever prepared it said so)
    plan = running.plan = replace(running.plan, routes=routes, number=number)
    plan.gateway()
    for workload in running.mesh.workloads:
        if workload.name in running.envoys:
            plan.sidecar(workload)
    for name, envoy in running.envoys.items():
        try:
            async with asyncio.timeout(_BOUND):
                while not await _has(plan, name):  # noqa: ASYNC110 (another process sets no event)
                    await asyncio.sleep(_POLL)
        except TimeoutError:
            raise not_ready(name, _BOUND, envoy.log) from None


async def _has(plan: ReleasePlan, name: str) -> bool:
    reply = await get(
        "http://localhost/config_dump?resource=dynamic_route_configs",
        socket=plan.layout.admin(name),
    )
    if reply.status != 200:
        return False
    configs = json.loads(reply.text).get("configs", ())
    found = {one["route_config"]["name"]: one.get("version_info") for one in configs}
    files = (plan.layout.folder / "config").glob(f"{name}.*{_SUFFIX}")
    return found == dict(_version(json.loads(file.read_text())) for file in files)


def _version(response: Json) -> tuple[str, str]:
    (routes,) = response["resources"]
    return routes["name"], response["version_info"]


def _write(path: Path, number: int, routes: Json) -> None:
    """Envoy looks again when a file is moved here, and never sees half of one.

    Routes that stay are not written: Envoy would not take their new version for one.
    """
    resources = [{"@type": _TYPE} | routes]
    if path.exists() and json.loads(path.read_text())["resources"] == resources:
        return
    part = path.with_suffix(".part")
    response = {"version_info": str(number), "resources": resources}
    part.write_text(json.dumps(response), encoding="utf-8")
    os.replace(part, path)  # noqa: PTH105 (Path.replace says the same and hides that it is atomic)
