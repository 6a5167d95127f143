"""Routes that change while an Envoy runs: files that it watches, one a listener."""

import asyncio
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from colorfast.envoy import Json
from colorfast.mesh._errors import not_ready
from colorfast.mesh._http import get
from colorfast.mesh._layout import GATEWAY
from colorfast.mesh._mesh import RunningMesh
from colorfast.mesh.release._routes import ReleasePlan
from colorfast.mesh.release._scenes import InForce
from colorfast.policy import Workload

_TYPE: Final = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
_POLL: Final = 0.05
_BOUND: Final = 15.0
"""Seconds that every Envoy has to take new routes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchingPlan(ReleasePlan):
    """The same with routes in files, which are written whenever a configuration is made."""

    number: int = 0
    """Which routes these are, counted from 0: the version that Envoy knows them by."""

    def gateway(self) -> Json:
        """The entrances, their routes in a file."""
        return self._watching(GATEWAY, ReleasePlan.gateway(self))

    def sidecar(self, workload: Workload) -> Json:
        """A hop, its routes in files."""
        return self._watching(workload.name, ReleasePlan.sidecar(self, workload))

    def _watching(self, name: str, config: Json) -> Json:
        for listener in config["static_resources"]["listeners"]:
            for chain in listener["filter_chains"]:
                manager = chain["filters"][0]["typed_config"]
                path = _file(self, name, manager["stat_prefix"])
                routes = manager.pop("route_config")
                _write(path, self.number, routes)
                source = {"path_config_source": {"path": str(path)}, "resource_api_version": "V3"}
                manager["rds"] = {"config_source": source, "route_config_name": routes["name"]}
        # Who asks for routes has to say who it is, even where it asks a file.
        return {"node": {"id": name, "cluster": self.mesh.name}} | config


async def reroute(running: RunningMesh, now: InForce) -> None:
    """Give every Envoy the routes of *now*, and wait until it has them.

    Raises ColorfastError (CF613).
    """
    assert isinstance(running.plan, WatchingPlan)  # noqa: S101 (whoever prepared it said so)
    plan = running.plan = replace(running.plan, now=now, number=running.plan.number + 1)
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


async def _has(plan: WatchingPlan, name: str) -> bool:
    reply = await get(
        "http://localhost/config_dump?resource=dynamic_route_configs",
        socket=plan.layout.admin(name),
    )
    if reply.status != 200:
        return False
    configs = json.loads(reply.text).get("configs", ())
    found = {one["route_config"]["name"]: one.get("version_info") for one in configs}
    managers = (GATEWAY,) if name == GATEWAY else ("inbound", "outbound")
    files = (_file(plan, name, manager) for manager in managers)
    return found == dict(_version(json.loads(file.read_text())) for file in files)


def _file(plan: WatchingPlan, name: str, manager: str) -> Path:
    return plan.layout.folder / "config" / f"{name}.{manager}.routes"


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
