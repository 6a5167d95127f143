"""Istio's EnvoyFilter: any filter, in any proxy.

istiod puts what INSERT_FIRST inserts in front of everything, one patch after the other: the patches
of a chain stand here from the last filter to the first. A filter that dyes must be ahead of all
filters that have per-route settings, which would otherwise be those of the undyed route.
"""

from collections.abc import Iterator

from colorfast.envoy import Chain, Json
from colorfast.k8s._objects import Origin
from colorfast.k8s.targets._chains import chain_of, chain_problems
from colorfast.k8s.targets._errors import cannot_carry, too_old
from colorfast.k8s.targets._options import Place, Placement, TargetOptions
from colorfast.k8s.targets._places import object_name, selected
from colorfast.k8s.targets._versions import Version
from colorfast.policy import Diagnostic, Policy

_API = "networking.istio.io/v1alpha3"
_MANAGER = "envoy.filters.network.http_connection_manager"
_MANAGER_TYPE = (
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3."
    "HttpConnectionManager"
)

CONTEXTS: dict[Place, tuple[str, ...]] = {
    "gateway": ("GATEWAY",),
    # Inbound for what the application sees and forwards, outbound for where it is routed.
    "sidecar": ("SIDECAR_INBOUND", "SIDECAR_OUTBOUND"),
    # istiod has no context of waypoints that it heeds; their listeners count as inbound.
    "waypoint": ("SIDECAR_INBOUND",),
}
"""Which listeners of a proxy are patched."""

PRIORITY = 10
"""Behind EnvoyFilters that have no priority: inserted last, it stands first."""

_TARGET_REFS = Version(1, 27)
"""Istio that heeds an EnvoyFilter's ``targetRefs``; older ones patch the whole namespace."""


def problems(policy: Policy, options: TargetOptions) -> Iterator[Diagnostic]:
    """What stands against it."""
    if options.backend == "wasm" or options.fallback == "wasm":
        yield cannot_carry(
            policy,
            "an EnvoyFilter cannot fetch the Wasm plugin",
            why="the proxy would need it as a file",
            fix="use --to trafficextension or --to wasmplugin",
        )
    if options.placement.place == "waypoint" and options.istio < _TARGET_REFS:
        yield too_old(
            policy,
            "an EnvoyFilter for a waypoint",
            f"Istio {_TARGET_REFS}",
            str(options.istio),
            fix="use --to wasmplugin",
        )
    yield from chain_problems(policy, options)


def envoy_filter(policy: Policy, origin: Origin, options: TargetOptions) -> tuple[Json, ...]:
    """``networking.istio.io/v1alpha3`` EnvoyFilter."""
    placement = options.placement
    chain, clusters = chain_of(policy, options)
    contexts = CONTEXTS[placement.place]
    patches = [
        *(_cluster(cluster, context) for cluster in clusters for context in _users(contexts)),
        *(patch for context in contexts for patch in _filters(chain, context, placement)),
    ]
    spec = selected(placement, refs=options.istio >= _TARGET_REFS, key="workloadSelector")
    spec |= {"priority": PRIORITY, "configPatches": patches}
    name = object_name(options)
    return (
        origin.manifest(_API, "EnvoyFilter", name, placement.namespace, placement.station)
        | {"spec": spec},
    )


def _users(contexts: tuple[str, ...]) -> tuple[str, ...]:
    """One context of a proxy is enough: its listeners share the clusters."""
    return contexts[-1:]


def _cluster(cluster: Json, context: str) -> Json:
    return {
        "applyTo": "CLUSTER",
        "match": {"context": context},
        "patch": {"operation": "ADD", "value": cluster},
    }


def _filters(chain: Chain, context: str, placement: Placement) -> Iterator[Json]:
    match = {"context": context, "listener": _listener(placement)}
    if chain.early:
        manager = {"@type": _MANAGER_TYPE, "early_header_mutation_extensions": list(chain.early)}
        yield {
            "applyTo": "NETWORK_FILTER",
            "match": match,
            "patch": {
                "operation": "MERGE",
                "value": {"name": _MANAGER, "typed_config": manager},
            },
        }
    for one in reversed(chain.filters):
        yield {
            "applyTo": "HTTP_FILTER",
            "match": match,
            "patch": {"operation": "INSERT_FIRST", "value": one},
        }


def _listener(placement: Placement) -> Json:
    listener: Json = {"filterChain": {"filter": {"name": _MANAGER}}}
    if placement.place == "waypoint":
        # Without a name the tunnel's own listener, connect_terminate, would be patched too.
        return {"name": "main_internal"} | listener
    return listener
