"""Envoy Gateway's EnvoyExtensionPolicy: the service, a script or the plugin at a Gateway.

Envoy Gateway builds the filter. It cannot say which headers the service is sent, so it is sent all
of them, nor which it may write; and it runs filters of its own in front. What it writes is routed
on all the same: the service asks for another route with its answer.
"""

from collections.abc import Iterator

from colorfast.envoy import Json
from colorfast.envoy.bootstrap import host_and_port
from colorfast.k8s._objects import Origin
from colorfast.k8s.targets._errors import cannot_carry, cannot_say, too_old
from colorfast.k8s.targets._options import Backend, TargetOptions
from colorfast.k8s.targets._places import object_name
from colorfast.k8s.targets._plugin import fail_strategy, plugin
from colorfast.k8s.targets._versions import Version
from colorfast.lua import compile_lua
from colorfast.policy import Attribute, Diagnostic, InvalidInput, Policy, Source

_API = "gateway.envoyproxy.io/v1alpha1"

SINCE: dict[Backend, Version] = {
    "extproc": Version(1, 1),
    "wasm": Version(1, 1),
    "lua": Version(1, 4),
}
"""The first release that carries a backend."""

_ATTRIBUTES = Version(1, 3)
"""The first release that can send the service attributes, which sourceIp needs."""

_SOURCE_ADDRESS = "source.address"


def problems(policy: Policy, options: TargetOptions) -> Iterator[Diagnostic]:
    """What stands against it, and what the operator has to see to."""
    if options.placement.place != "gateway" or options.placement.gateway is None:
        yield cannot_carry(
            policy,
            "an EnvoyExtensionPolicy is for a Gateway",
            fix="use --station gateway with --gateway NAME",
        )
    if options.backend not in SINCE:
        yield cannot_carry(
            policy,
            f"an EnvoyExtensionPolicy cannot carry {options.backend}",
            fix="use --backend extproc, lua or wasm",
        )
    elif options.envoy_gateway < SINCE[options.backend]:
        yield _too_old(policy, options, options.backend, SINCE[options.backend])
    if options.fallback is not None:
        yield cannot_carry(
            policy,
            "an EnvoyExtensionPolicy has no fallback",
            why="its extensions all run, whatever the one before has done",
            fix="leave --fallback out",
        )
    if (
        options.backend == "extproc"
        and _needs_address(policy)
        and options.envoy_gateway < _ATTRIBUTES
    ):
        yield _too_old(policy, options, "sourceIp with extproc", _ATTRIBUTES)
    if options.backend == "lua":
        yield cannot_say(
            policy,
            "Envoy Gateway tries scripts in a Lua that is not Envoy's",
            why="that Lua does not know LuaJIT's 64-bit numbers, which splits are computed with",
            fix="set luaValidation: Disabled in the EnvoyProxy object",
        )


def _too_old(policy: Policy, options: TargetOptions, what: str, since: Version) -> Diagnostic:
    return too_old(
        policy,
        what,
        f"Envoy Gateway {since}",
        str(options.envoy_gateway),
        fix="upgrade it",
    )


def extension_policy(policy: Policy, origin: Origin, options: TargetOptions) -> tuple[Json, ...]:
    """``gateway.envoyproxy.io/v1alpha1`` EnvoyExtensionPolicy. Raises InvalidInput."""
    placement = options.placement
    target = {
        "group": "gateway.networking.k8s.io",
        "kind": "Gateway",
        "name": placement.gateway,
    }
    build = {"extproc": _ext_proc, "lua": _lua, "wasm": _wasm}[options.backend]
    spec = {"targetRefs": [target]} | build(policy, options)
    name = object_name(options)
    return (
        origin.manifest(_API, "EnvoyExtensionPolicy", name, placement.namespace, placement.station)
        | {"spec": spec},
    )


def _ext_proc(policy: Policy, options: TargetOptions) -> Json:
    host, port = host_and_port(options.service)
    name, _, namespace = host.removesuffix(".svc.cluster.local").partition(".")
    backend: Json = {"name": name, "port": port}
    if namespace and namespace != options.placement.namespace:
        # Another namespace must allow it by a ReferenceGrant.
        backend["namespace"] = namespace
    config: Json = {
        "backendRefs": [backend],
        "messageTimeout": f"{options.message_timeout * 1000:.0f}ms",
        "failOpen": True,
        "processingMode": {"request": {}},
    }
    if _needs_address(policy):
        config["processingMode"] = {"request": {"attributes": [_SOURCE_ADDRESS]}}
    return {"extProc": [config]}


def _lua(policy: Policy, options: TargetOptions) -> Json:
    script = compile_lua(policy, options.placement.station)
    if script.diagnostics:
        raise InvalidInput(script.diagnostics)
    return {"lua": [{"type": "Inline", "inline": script.source}]}


def _wasm(policy: Policy, options: TargetOptions) -> Json:
    name = f"colorfast.{options.placement.station}"
    return {
        "wasm": [
            {
                "name": name,
                "rootID": name,
                "code": _code(options.image),
                "config": plugin(policy, options),
                "failOpen": fail_strategy(policy, options) == "FAIL_OPEN",
            }
        ]
    }


def _code(image: str) -> Json:
    if image.startswith("oci://"):
        return {"type": "Image", "image": {"url": image.removeprefix("oci://")}}
    return {"type": "HTTP", "http": {"url": image}}


def _needs_address(policy: Policy) -> bool:
    return Attribute(Source.SOURCE_IP) in policy.reads()
