"""One LanePolicy: load it, find what is wrong with it, and decide by it."""

from colorfast.policy._dfa import Dfa, compile_dfa
from colorfast.policy._engine import Engine
from colorfast.policy._errors import (
    CODES,
    Codes,
    ColorfastError,
    Diagnostic,
    InvalidInput,
    Level,
    finding,
)
from colorfast.policy._explain import (
    ConditionTrace,
    Explanation,
    RuleTrace,
    SplitTrace,
    Verdict,
    describe,
    explain,
)
from colorfast.policy._fit import check_fit
from colorfast.policy._ir import (
    BUCKETS,
    Attribute,
    Condition,
    Edge,
    Entry,
    Kind,
    Policy,
    Rule,
    Share,
    Source,
    Split,
)
from colorfast.policy._load import Loaded, load_policy
from colorfast.policy._mesh import (
    APPS,
    App,
    External,
    Fallback,
    Gateway,
    Labels,
    Mesh,
    Protocol,
    Service,
    Workload,
)
from colorfast.policy._mesh_load import load_mesh
from colorfast.policy._mesh_model import MeshSpec
from colorfast.policy._model import SpecModel as PolicySpec
from colorfast.policy._outcome import Outcome
from colorfast.policy._reach import LaneRoute, lane_routes, lane_targets
from colorfast.policy._regex_limits import DfaError
from colorfast.policy._request import Request
from colorfast.policy._split import order_in_objects
from colorfast.policy._vectors import (
    Difference,
    Lines,
    Observed,
    VectorFile,
    VectorModel,
    differences,
    load_vectors,
    observe_reference,
    route_of,
)

__all__ = [
    "APPS",
    "BUCKETS",
    "CODES",
    "App",
    "Attribute",
    "Codes",
    "ColorfastError",
    "Condition",
    "ConditionTrace",
    "Dfa",
    "DfaError",
    "Diagnostic",
    "Difference",
    "Edge",
    "Engine",
    "Entry",
    "Explanation",
    "External",
    "Fallback",
    "Gateway",
    "InvalidInput",
    "Kind",
    "Labels",
    "LaneRoute",
    "Level",
    "Lines",
    "Loaded",
    "Mesh",
    "MeshSpec",
    "Observed",
    "Outcome",
    "Policy",
    "PolicySpec",
    "Protocol",
    "Request",
    "Rule",
    "RuleTrace",
    "Service",
    "Share",
    "Source",
    "Split",
    "SplitTrace",
    "VectorFile",
    "VectorModel",
    "Verdict",
    "Workload",
    "check_fit",
    "compile_dfa",
    "describe",
    "differences",
    "explain",
    "finding",
    "lane_routes",
    "lane_targets",
    "load_mesh",
    "load_policy",
    "load_vectors",
    "observe_reference",
    "order_in_objects",
    "route_of",
]
