"""LanePolicy and LaneMesh as resources of a cluster: their CustomResourceDefinitions.

``python -m colorfast.k8s.crds`` writes them to ``k8s/crds``.
"""

from colorfast.k8s.crds._crd import GROUP, RESOURCES, Resource, crd

__all__ = ["GROUP", "RESOURCES", "Resource", "crd"]
