"""A station's filters as Kubernetes objects, for each control plane that can carry them."""

from colorfast.k8s.targets._compile import TARGETS, Target, compile_target
from colorfast.k8s.targets._options import (
    BACKENDS,
    PLACES,
    Backend,
    Place,
    Placement,
    TargetOptions,
)
from colorfast.k8s.targets._versions import Version

__all__ = [
    "BACKENDS",
    "PLACES",
    "TARGETS",
    "Backend",
    "Place",
    "Placement",
    "Target",
    "TargetOptions",
    "Version",
    "compile_target",
]
