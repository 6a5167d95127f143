"""One real Envoy with a listener for each thing to be tried, and an upstream for each lane."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from colorfast.envoy import (
    Chain,
    ExtProcOptions,
    Fallback,
    Json,
    bootstrap,
    ext_proc_chain,
    extproc_cluster,
    fallback_chain,
)
from colorfast.policy import Policy
from colorfast.wasm import path as wasm_module
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
    before: tuple[Json, ...] = ()
    """Filters in front of those of Colorfast."""
    behind: tuple[Json, ...] = ()
    """Filters between those of Colorfast and the router."""
    manager: Json = field(default_factory=dict)
    """More of the connection manager's settings."""
    lane_settings: Mapping[str, Json] = field(default_factory=dict)
    """More of a lane's route, by lane."""
    fallback: Fallback | None = None
    """What dyes where the service has not."""

    def listener(self, folder: Path) -> Json:
        chain = self._chain()
        host = bootstrap.virtual_host(self.name, [*self.routes, *self._lanes()])
        manager = bootstrap.connection_manager(self.name, [host], chain)
        config = manager["typed_config"] | self.manager
        *ours, router = config["http_filters"]
        config["http_filters"] = [*self.before, *ours, *self.behind, router]
        manager["typed_config"] = config
        return bootstrap.listener(self.name, f"unix:{folder}/{self.name}.in", manager)

    def _chain(self) -> Chain:
        if self.fallback is None:
            return ext_proc_chain(self.policy, self._options)
        module = str(wasm_module()) if self.fallback == "wasm" else None
        return fallback_chain(self.policy, self._options, self.fallback, module=module)

    def cluster(self) -> Json:
        return extproc_cluster(self._options)

    @property
    def _options(self) -> ExtProcOptions:
        defaults: dict[str, Any] = {"message_timeout": PATIENT, "cluster": f"ep.{self.name}"}
        return ExtProcOptions(target=self.target, **(defaults | self.options))

    def _lanes(self) -> Iterator[Json]:
        header, baseline = self.policy.header, self.policy.baseline
        for lane in self.policy.lanes.patterns:
            if lane != baseline:
                one = bootstrap.route(f"{self.name}.{lane}", lane, headers={header: lane})
                yield one | self.lane_settings.get(lane, {})
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
    folder: Path, ways: Iterable[Way], *, protocol: Literal["http", "http2"] = "http"
) -> Iterator[Gateway]:
    """An Envoy with *ways*. Upstreams, called as the lanes, are whoever listens in *folder*."""
    ways = tuple(ways)
    lanes = sorted({lane for way in ways for lane in way.policy.lanes.patterns})
    upstreams = [_upstream(lane, folder, protocol) for lane in lanes]
    config = bootstrap.bootstrap(
        admin=f"unix:{folder}/admin",
        listeners=[way.listener(folder) for way in ways],
        clusters=[*upstreams, *(way.cluster() for way in ways)],
    )
    # Native filters find lanes by their grammar: longer programs than Envoy takes by default.
    layer = {"name": "static", "static_layer": {"re2.max_program_size.error_level": 32768}}
    with running_envoy(config | {"layered_runtime": {"layers": [layer]}}):
        yield Gateway(folder)


def _upstream(name: str, folder: Path, protocol: str) -> Json:
    config = bootstrap.cluster(name, f"unix:{folder}/{name}")
    options = {
        # Upstreams give an idle connection up after half a minute: Envoy has to be first.
        "common_http_protocol_options": {"idle_timeout": "10s"},
        "explicit_http_config": {f"{protocol}_protocol_options": {}},
    }
    return config | {"typed_extension_protocol_options": bootstrap.http_options(options)}


@contextmanager
def echo_gateway(folder: Path, ways: Iterable[Way]) -> Iterator[Gateway]:
    """An Envoy with *ways*, and upstreams that answer with their lane and the request's head."""
    ways = tuple(ways)
    with ExitStack() as stack:
        for lane in sorted({lane for way in ways for lane in way.policy.lanes.patterns}):
            stack.enter_context(echo_upstream(folder / lane, lane))
        yield stack.enter_context(running_gateway(folder, ways))
