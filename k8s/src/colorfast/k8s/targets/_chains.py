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
    version_findings,
)
from colorfast.k8s.targets._options import TargetOptions
from colorfast.k8s.targets._versions import envoy_of
from colorfast.policy import Diagnostic, Policy


def chain_of(policy: Policy, options: TargetOptions) -> tuple[Chain, tuple[Json, ...]]:
    """The filters, and the clusters that they need.

    Raises InvalidInput for what the backend cannot express.
    """
    station = options.placement.station
    match options.backend:
        case "lua":
            return lua_chain(policy, LuaOptions(station=station)), ()
        case "native":
            return native_chain(policy, NativeOptions(station=station)).sound(), ()
        case "extproc" if options.fallback is not None:
            chain = fallback_chain(policy, options.extproc, options.fallback)
            return chain, (extproc_cluster(options.extproc),)
        case "extproc":
            return ext_proc_chain(policy, options.extproc), (extproc_cluster(options.extproc),)
        case "wasm":
            raise ValueError("a plugin comes by an object of its own")


def chain_problems(policy: Policy, options: TargetOptions) -> Iterator[Diagnostic]:
    """What the proxies of this Istio do not do, or do otherwise."""
    backends = {options.backend} | ({options.fallback} if options.fallback is not None else set())
    station = options.placement.station
    yield from version_findings(policy, station, backends, envoy_of(options.istio))
