"""The Envoy filters of a station, whatever object carries them."""

from collections.abc import Iterator

from colorfast.envoy import (
    Chain,
    Json,
    LuaOptions,
    NativeOptions,
    ext_proc_chain,
    extproc_cluster,
    fallback_chain,
    lua_chain,
    native_chain,
)
from colorfast.k8s.targets._errors import too_old
from colorfast.k8s.targets._options import TargetOptions
from colorfast.k8s.targets._versions import Version, envoy_of
from colorfast.policy import Diagnostic, InvalidInput, Policy


def chain_of(policy: Policy, options: TargetOptions) -> tuple[Chain, tuple[Json, ...]]:
    """The filters, and the clusters that they need.

    Raises InvalidInput for what the backend cannot express, or the proxies are too old for.
    """
    station = options.placement.station
    match options.backend:
        case "lua":
            return lua_chain(policy, LuaOptions(station=station)), ()
        case "native":
            return _native(policy, options), ()
        case "extproc" if options.fallback is not None:
            chain = fallback_chain(policy, options.extproc, options.fallback)
            return chain, (extproc_cluster(options.extproc),)
        case "extproc":
            return ext_proc_chain(policy, options.extproc), (extproc_cluster(options.extproc),)
        case "wasm":
            raise ValueError("a plugin comes by an object of its own")


def _native(policy: Policy, options: TargetOptions) -> Chain:
    compiled = native_chain(policy, NativeOptions(station=options.placement.station))
    found = tuple(_age(policy, options, compiled.requires.envoy))
    if found:
        raise InvalidInput(found)
    return compiled.sound()


def _age(policy: Policy, options: TargetOptions, envoy: str) -> Iterator[Diagnostic]:
    if envoy_of(options.istio) < Version.parse(envoy):
        yield too_old(
            policy,
            "the native backend",
            f"Envoy {envoy}",
            f"the {envoy_of(options.istio)} of Istio {options.istio}",
            fix="use extproc or lua",
        )
