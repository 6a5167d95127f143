"""Istio's TrafficExtension: a Lua script or a Wasm plugin, without patching Envoy.

It takes one extension and no other filters, so what the chains strip natively around a filter is
not there: a script has no way to fail that would let a spoofed lane through, and a plugin that has
died closes (FAIL_CLOSE) where a client's lane is worth nothing.
"""

from collections.abc import Iterator

from colorfast.envoy import Json
from colorfast.k8s._objects import Origin
from colorfast.k8s.targets._errors import cannot_carry, too_old
from colorfast.k8s.targets._options import Place, TargetOptions
from colorfast.k8s.targets._places import object_name, selected
from colorfast.k8s.targets._plugin import fail_strategy, plugin
from colorfast.k8s.targets._versions import Version
from colorfast.lua import compile_lua
from colorfast.policy import Diagnostic, InvalidInput, Policy

_API = "extensions.istio.io/v1alpha1"
_SINCE = Version(1, 30)

MODES: dict[Place, str] = {
    "gateway": "CLIENT",
    "sidecar": "CLIENT_AND_SERVER",
    "waypoint": "SERVER",
}
"""Which traffic of a proxy it is for; a gateway is the client of what it leads to."""


def problems(policy: Policy, options: TargetOptions) -> Iterator[Diagnostic]:
    """What stands against it."""
    if options.istio < _SINCE:
        yield too_old(
            policy,
            "TrafficExtension",
            f"Istio {_SINCE}",
            str(options.istio),
            fix="use --to envoyfilter for Lua, --to wasmplugin for Wasm",
        )
    if options.backend not in ("lua", "wasm"):
        yield cannot_carry(
            policy,
            f"a TrafficExtension cannot carry {options.backend}",
            why="it holds a Lua script or a Wasm plugin",
            fix="use --backend lua or --backend wasm, or --to envoyfilter",
        )


def traffic_extension(policy: Policy, origin: Origin, options: TargetOptions) -> tuple[Json, ...]:
    """``extensions.istio.io/v1alpha1`` TrafficExtension. Raises InvalidInput."""
    placement = options.placement
    # AUTHN: ahead of Istio's own filters, as far as an extension can be.
    spec = selected(placement, refs=True, key="selector")
    spec |= {"phase": "AUTHN", "match": [{"mode": MODES[placement.place]}]}
    spec |= _lua(policy, options) if options.backend == "lua" else _wasm(policy, options)
    name = object_name(options)
    return (
        origin.manifest(_API, "TrafficExtension", name, placement.namespace, placement.station)
        | {"spec": spec},
    )


def _lua(policy: Policy, options: TargetOptions) -> Json:
    script = compile_lua(policy, options.placement.station)
    if script.diagnostics:
        raise InvalidInput(script.diagnostics)
    return {"lua": {"inlineCode": script.source}}


def _wasm(policy: Policy, options: TargetOptions) -> Json:
    return {
        "wasm": {
            "url": options.image,
            "failStrategy": fail_strategy(policy, options),
            "pluginName": f"colorfast.{options.placement.station}",
            "pluginConfig": plugin(policy, options),
        }
    }
