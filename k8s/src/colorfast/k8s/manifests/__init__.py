"""Manifests of a cluster: files, folders and stdin, every value with its place."""

from colorfast.k8s.manifests._comments import Ignore
from colorfast.k8s.manifests._documents import MAX_DEPTH, MAX_NODES, Document, read_documents
from colorfast.k8s.manifests._kinds import WORKLOADS, Kind
from colorfast.k8s.manifests._manifest import Manifest, Skip, manifests_of
from colorfast.k8s.manifests._node import Literal, Node
from colorfast.k8s.manifests._read import (
    MAX_BYTES,
    MAX_KEPT,
    PATCH,
    STDIN,
    TEMPLATE,
    Bundle,
    read_manifests,
)
from colorfast.k8s.manifests._scalars import resolve

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_KEPT",
    "MAX_NODES",
    "PATCH",
    "STDIN",
    "TEMPLATE",
    "WORKLOADS",
    "Bundle",
    "Document",
    "Ignore",
    "Kind",
    "Literal",
    "Manifest",
    "Node",
    "Skip",
    "manifests_of",
    "read_documents",
    "read_manifests",
    "resolve",
]
