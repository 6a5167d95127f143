"""The Envoys of a mesh as configuration: one gateway, one sidecar a workload."""

from dataclasses import dataclass

from colorfast.envoy import (
    NEWEST,
    EnvoyVersion,
    ExtProcOptions,
    Json,
    Station,
    ext_proc_chain,
    extproc_cluster,
)
from colorfast.envoy.bootstrap import (
    aggregate,
    bootstrap,
    cluster,
    connection_manager,
    listener,
    refusal,
    route,
    virtual_host,
)
from colorfast.mesh._layout import GATEWAY, Layout
from colorfast.mesh._ports import LOOPBACK
from colorfast.policy import LaneRoute, Mesh, Policy, Service, Workload, lane_routes

_APP = "app"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that the configuration of a mesh follows from."""

    mesh: Mesh
    policy: Policy
    layout: Layout
    message_timeout: float
    envoy: EnvoyVersion = NEWEST
    """The release that is to read it."""
    drops: frozenset[str] = frozenset()
    """Services whose applications do not pass the dye on."""

    def gateway(self) -> Json:
        """The entrances: dye, then route to a version of the service that is asked for.

        That is the mesh's entry unless the request names another entrance as its host.
        """
        entries = [self.mesh.service(name) for name in self.mesh.entrances]
        dye = self._options("dye")
        hosts = [
            virtual_host(
                entry.name,
                self._routes(GATEWAY, entry),
                domains=("*",) if entry.name == self.mesh.entry else _hosts(entry),
            )
            for entry in entries
        ]
        manager = connection_manager(GATEWAY, hosts, ext_proc_chain(self.policy, dye), edge=True)
        return bootstrap(
            admin=f"unix:{self.layout.admin(GATEWAY)}",
            listeners=[listener(GATEWAY, f"{LOOPBACK}:{self.layout.gateway}", manager)],
            clusters=[
                *(each for entry in entries for each in self._clusters(entry)),
                extproc_cluster(dye),
            ],
        )

    def sidecar(self, workload: Workload) -> Json:
        """A hop: carries the dye into the application, and out of it to what it calls."""
        carry = self._options("carry")
        chain = ext_proc_chain(self.policy, carry)
        called = [self.mesh.service(name) for name in workload.service.calls]
        to_app = virtual_host(_APP, [route(_APP, _APP)])
        to_others = [
            virtual_host(service.name, self._routes("outbound", service), domains=_hosts(service))
            for service in called
        ]
        ports = {
            "inbound": self.layout.inbound[workload.name],
            "outbound": self.layout.outbound[workload.name],
        }
        hosts = {"inbound": [to_app], "outbound": to_others}
        return bootstrap(
            admin=f"unix:{self.layout.admin(workload.name)}",
            listeners=[
                listener(
                    name,
                    f"{LOOPBACK}:{ports[name]}",
                    connection_manager(name, hosts[name], chain),
                )
                for name in ("inbound", "outbound")
            ],
            clusters=[
                cluster(_APP, f"unix:{self.layout.app(workload)}"),
                *(each for service in called for each in self._clusters(service)),
                extproc_cluster(carry),
            ],
        )

    def _options(self, station: Station) -> ExtProcOptions:
        return ExtProcOptions(
            station=station,
            envoy=self.envoy,
            target=f"unix:{self.layout.service}",
            message_timeout=self.message_timeout,
        )

    def _routes(self, prefix: str, service: Service) -> list[Json]:
        """Exceptions first, then the baseline for everybody else."""
        exceptions = [
            self._exception(prefix, service, each)
            for each in lane_routes(self.policy, self.mesh, service)
        ]
        baseline = f"{service.name}.{self.policy.baseline}"
        return [*exceptions, route(f"{prefix}.{service.name}", baseline)]

    def _exception(self, prefix: str, service: Service, lane: LaneRoute) -> Json:
        name, header = f"{prefix}.{service.name}.{lane.lane}", self.policy.header
        if lane.targets:
            target = _cluster_of(service, lane.targets)
            return route(name, target, headers={header: lane.lane})
        text = f"{service.name} has no version for the lane of this request, which is strict\n"
        return refusal(name, text, header=header, lanes=lane.lane)

    def _clusters(self, service: Service) -> list[Json]:
        backed_up = dict.fromkeys(
            each.targets
            for each in lane_routes(self.policy, self.mesh, service)
            if len(each.targets) > 1
        )
        return [
            *(self._workload(Workload(service=service, lane=lane)) for lane in service.lanes),
            *(
                aggregate(_cluster_of(service, targets), [f"{service.name}.{t}" for t in targets])
                for targets in backed_up
            ),
        ]

    def _workload(self, workload: Workload) -> Json:
        address = f"{LOOPBACK}:{self.layout.inbound[workload.name]}"
        # A static endpoint counts as ready until something looks at it.
        watched = self.mesh.fallback == "endpoints"
        return cluster(workload.name, address, protocol="as-downstream", watched=watched)


def _hosts(service: Service) -> tuple[str, str]:
    return service.name, f"{service.name}:80"


def _cluster_of(service: Service, targets: tuple[str, ...]) -> str:
    return f"{service.name}.{'|'.join(targets)}"
