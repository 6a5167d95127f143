"""Kubernetes: filters and lane routes as objects, and what is wrong with objects that are there.

``targets`` puts a station's filters into a cluster, ``routes`` sends a lane to its versions, and
``build`` writes both for a whole mesh. ``manifests`` reads objects of others, ``lint`` judges them,
``importers`` brings other systems' lanes here.
"""

from colorfast.k8s._build import ROUTES, BuildOptions, Built, Routes, build
from colorfast.k8s._errors import CODES as BUILD_CODES
from colorfast.k8s._folder import RECORD, Record, diff_folder, read_record, write_folder
from colorfast.k8s._objects import Json, Origin, slug
from colorfast.k8s._yaml import dump
from colorfast.k8s.importers import CODES as IMPORT_CODES
from colorfast.k8s.lint import CODES as LINT_CODES
from colorfast.k8s.routes import gateway_api_routes, istio_routes
from colorfast.k8s.targets import (
    BACKENDS,
    PLACES,
    TARGETS,
    Backend,
    Place,
    Placement,
    Target,
    TargetOptions,
    Version,
    compile_target,
)
from colorfast.policy import Codes

CODES: Codes = {**BUILD_CODES, **LINT_CODES, **IMPORT_CODES}
"""Every code of this room: its level and its title."""

__all__ = [
    "BACKENDS",
    "CODES",
    "PLACES",
    "RECORD",
    "ROUTES",
    "TARGETS",
    "Backend",
    "BuildOptions",
    "Built",
    "Json",
    "Origin",
    "Place",
    "Placement",
    "Record",
    "Routes",
    "Target",
    "TargetOptions",
    "Version",
    "build",
    "compile_target",
    "diff_folder",
    "dump",
    "gateway_api_routes",
    "istio_routes",
    "read_record",
    "slug",
    "write_folder",
]
