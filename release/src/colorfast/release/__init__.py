"""Releases of several services: what to do in which order, and whether that is safe."""

from colorfast.policy import Codes
from colorfast.release._errors import CODES as RELEASE_CODES
from colorfast.release._load import Loaded, load_release
from colorfast.release._model import (
    CONTROLLERS,
    PATTERNS,
    SHARES,
    STYLES,
    STYLES_OF,
    Analysis,
    Change,
    Controller,
    Finish,
    Json,
    Metric,
    Pattern,
    Release,
    Share,
    Stage,
    Sticky,
    Style,
)
from colorfast.release._plan import plan
from colorfast.release._render import plan_json, plan_mermaid, plan_text
from colorfast.release._steps import KINDS, WHOLE, Action, Kind, Plan, ServiceRoutes, Step
from colorfast.release.generate import CODES as GENERATE_CODES

CODES: Codes = {**RELEASE_CODES, **GENERATE_CODES}
"""Every code of this room: its level and its title."""

__all__ = [
    "CODES",
    "CONTROLLERS",
    "KINDS",
    "PATTERNS",
    "SHARES",
    "STYLES",
    "STYLES_OF",
    "WHOLE",
    "Action",
    "Analysis",
    "Change",
    "Controller",
    "Finish",
    "Json",
    "Kind",
    "Loaded",
    "Metric",
    "Pattern",
    "Plan",
    "Release",
    "ServiceRoutes",
    "Share",
    "Stage",
    "Step",
    "Sticky",
    "Style",
    "load_release",
    "plan",
    "plan_json",
    "plan_mermaid",
    "plan_text",
]
