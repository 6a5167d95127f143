"""One real Envoy with a listener for each thing to be tried, and an upstream for each lane."""

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from colorfast.envoy import ExtProcOptions, Json, bootstrap, ext_proc_chain, extproc_cluster
from colorfast.envoy.bootstrap import Protocol
from colorfast.policy import Policy
from helpers.envoys import echo_upstream, get, running_envoy

PATIENT = 20.0
"""A message timeout that a living service never needs, however busy the machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A listener called *name* that asks the service at *target*, with a route for each lane."""

    name: str
    policy: Policy
    target: str
    options: dict[str, Any] = field(default_factory=dict)
    """More of ``ExtProcOptions``."""
    routes: tuple[Json, ...] = ()
    """Routes to be tried before those of the lanes."""
    filters: tuple[Json, ...] = ()
    """Filters behind those of Colorfast."""
    manager: Json = field(default_factory=dict)
    """More of the connection manager's settings."""

    def listener(self, folder: Path) -> Json:
        chain = ext_proc_chain(self.policy, self._options)
        host = bootstrap.virtual_host(self.name, [*self.routes, *self._lanes()])
        manager = bootstrap.connection_manager(self.name, [host], chain)
        config = manager["typed_config"] | self.manager
        config["http_filters"][-1:-1] = self.filters
        manager["typed_config"] = config
        return bootstrap.listener(self.name, f"unix:{folder}/{self.name}.in", manager)

    def cluster(self) -> Json:
        return extproc_cluster(self._options)

    @property
    def _options(self) -> ExtProcOptions:
        defaults = {"message_timeout": PATIENT, "cluster": f"ep.{self.name}"}
        return ExtProcOptions(target=self.target, **(defaults | self.options))

    def _lanes(self) -> Iterator[Json]:
        header, baseline = self.policy.header, self.policy.baseline
        for lane in self.policy.lanes.patterns:
            if lane != baseline:
                yield bootstrap.route(f"{self.name}.{lane}", lane, headers={header: lane})
        yield bootstrap.route(self.name, baseline)


@dataclass(frozen=True, slots=True)
class Gateway:
    """An Envoy that runs."""

    folder: Path

    def listener(self, name: str) -> str:
        """The path of a listener's socket."""
        return f"{self.folder}/{name}.in"

    def stats(self, name: str) -> dict[str, int]:
        """The ext_proc counters of the listener *name*."""
        prefix = f"http.{name}.ext_proc.colorfast."
        text = get(f"{self.folder}/admin", f"/stats?format=json&filter=^{prefix}")[1]
        rows = json.loads(text)["stats"]
        return {row["name"].removeprefix(prefix): row["value"] for row in rows if "value" in row}


@contextmanager
def running_gateway(
    folder: Path, ways: Iterable[Way], *, protocol: Protocol = "http1"
) -> Iterator[Gateway]:
    """An Envoy with *ways*. Upstreams, called as the lanes, are whoever listens in *folder*."""
    ways = tuple(ways)
    lanes = sorted({lane for way in ways for lane in way.policy.lanes.patterns})
    upstreams = [
        bootstrap.cluster(lane, f"unix:{folder}/{lane}", protocol=protocol) for lane in lanes
    ]
    config = bootstrap.bootstrap(
        admin=f"unix:{folder}/admin",
        listeners=[way.listener(folder) for way in ways],
        clusters=[*upstreams, *(way.cluster() for way in ways)],
    )
    with running_envoy(config):
        yield Gateway(folder)


@contextmanager
def echo_gateway(folder: Path, ways: Iterable[Way]) -> Iterator[Gateway]:
    """An Envoy with *ways*, and upstreams that answer with their lane and the request's head."""
    ways = tuple(ways)
    with ExitStack() as stack:
        for lane in sorted({lane for way in ways for lane in way.policy.lanes.patterns}):
            stack.enter_context(echo_upstream(folder / lane, lane))
        yield stack.enter_context(running_gateway(folder, ways))
