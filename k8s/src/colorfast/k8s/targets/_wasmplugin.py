"""Istio's WasmPlugin: the plugin for releases that have no TrafficExtension."""

from collections.abc import Iterator

from colorfast.envoy import Json
from colorfast.k8s._objects import Origin
from colorfast.k8s.targets._errors import cannot_carry, cannot_say, too_old
from colorfast.k8s.targets._options import TargetOptions
from colorfast.k8s.targets._places import object_name, selected
from colorfast.k8s.targets._plugin import fail_strategy, plugin
from colorfast.k8s.targets._trafficextension import MODES
from colorfast.k8s.targets._versions import Version
from colorfast.policy import Diagnostic, Policy

_API = "extensions.istio.io/v1alpha1"
_TARGET_REFS = Version(1, 22)
_SUPERSEDED = Version(1, 30)


def problems(policy: Policy, options: TargetOptions) -> Iterator[Diagnostic]:
    """What stands against it, or speaks for another target."""
    if options.backend != "wasm":
        yield cannot_carry(
            policy,
            f"a WasmPlugin cannot carry {options.backend}",
            fix="use --backend wasm, or --to envoyfilter",
        )
    if options.placement.place == "waypoint" and options.istio < _TARGET_REFS:
        yield too_old(
            policy,
            "a WasmPlugin for a waypoint",
            f"Istio {_TARGET_REFS}",
            str(options.istio),
            fix="use a sidecar",
        )
    if options.istio >= _SUPERSEDED:
        yield cannot_say(
            policy,
            f"Istio {options.istio} turns a WasmPlugin into a TrafficExtension",
            fix="use --to trafficextension",
        )


def wasm_plugin(policy: Policy, origin: Origin, options: TargetOptions) -> tuple[Json, ...]:
    """``extensions.istio.io/v1alpha1`` WasmPlugin. Raises InvalidInput."""
    placement = options.placement
    spec = selected(placement, refs=options.istio >= _TARGET_REFS, key="selector")
    spec |= {
        "url": options.image,
        "phase": "AUTHN",
        "failStrategy": fail_strategy(policy, options),
        "match": [{"mode": MODES[placement.place]}],
        "pluginName": f"colorfast.{placement.station}",
        "pluginConfig": plugin(policy, options),
    }
    name = object_name(options)
    return (
        origin.manifest(_API, "WasmPlugin", name, placement.namespace, placement.station)
        | {"spec": spec},
    )
