"""How an object says which proxies it is for, and what it is called."""

from colorfast.envoy import Json
from colorfast.k8s._objects import slug
from colorfast.k8s.targets._options import Placement, TargetOptions

_GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"
"""The label of a Gateway's pods (GEP-1762)."""


def object_name(options: TargetOptions) -> str:
    """One name a place, so that another backend replaces what was there."""
    placement = options.placement
    chosen = "-".join(value for _, value in placement.selector)
    return slug(f"colorfast-{placement.station}-{placement.gateway or chosen or placement.place}")


def selected(placement: Placement, *, refs: bool, key: str) -> Json:
    """The field that selects the proxies; none at all means the whole namespace.

    With *refs* a Gateway is named by reference; without, by the label of its pods. *key* is the
    field of the label selector.
    """
    if placement.gateway is not None and refs:
        gateway = {
            "group": "gateway.networking.k8s.io",
            "kind": "Gateway",
            "name": placement.gateway,
        }
        return {"targetRefs": [gateway]}
    labels = dict(placement.selector)
    if placement.gateway is not None:
        labels = {_GATEWAY_NAME: placement.gateway}
    if not labels:
        return {}
    inner = "labels" if key == "workloadSelector" else "matchLabels"
    return {key: {inner: labels}}
