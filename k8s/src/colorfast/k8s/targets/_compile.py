"""Which object carries a station: one table."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from colorfast.envoy import Json
from colorfast.k8s._objects import Origin
from colorfast.k8s.targets import (
    _envoyfilter,
    _extensionpolicy,
    _trafficextension,
    _wasmplugin,
)
from colorfast.k8s.targets._options import Backend, TargetOptions
from colorfast.policy import Diagnostic, InvalidInput, Policy

Target: TypeAlias = Literal["envoyfilter", "trafficextension", "wasmplugin", "extensionpolicy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """How a target is made, and what stands against it."""

    carries: tuple[Backend, ...]
    """The backends that it can carry, the usual one first."""
    build: Callable[[Policy, Origin, TargetOptions], tuple[Json, ...]]
    problems: Callable[[Policy, TargetOptions], Iterator[Diagnostic]]


TARGETS: dict[Target, _Way] = {
    "envoyfilter": _Way(
        carries=("extproc", "lua", "native"),
        build=_envoyfilter.envoy_filter,
        problems=_envoyfilter.problems,
    ),
    "trafficextension": _Way(
        carries=("lua", "wasm"),
        build=_trafficextension.traffic_extension,
        problems=_trafficextension.problems,
    ),
    "wasmplugin": _Way(
        carries=("wasm",), build=_wasmplugin.wasm_plugin, problems=_wasmplugin.problems
    ),
    "extensionpolicy": _Way(
        carries=("extproc", "lua", "wasm"),
        build=_extensionpolicy.extension_policy,
        problems=_extensionpolicy.problems,
    ),
}
"""Every target."""


def compile_target(
    policy: Policy, target: Target, options: TargetOptions, *, part_of: str | None = None
) -> tuple[tuple[Json, ...], tuple[Diagnostic, ...]]:
    """The objects that put a station into a cluster, and the warnings about them.

    Raises InvalidInput when the target, the control plane or the backend cannot do it.
    """
    way = TARGETS[target]
    found = tuple(way.problems(policy, options))
    if any(one.level == "error" for one in found):
        raise InvalidInput(found)
    origin = Origin(part_of=part_of or policy.name, digest=policy.digest)
    return way.build(policy, origin, options), found
