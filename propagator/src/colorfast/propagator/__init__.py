"""Lanes inside of Python services, on OpenTelemetry's contexts.

``colorfast.propagator.lane`` is what applications use; :class:`LanePropagator` is what
OpenTelemetry does. Costs ``opentelemetry-api`` and nothing else.
"""

from colorfast.propagator._errors import CODES, InvalidLane
from colorfast.propagator._hook import install
from colorfast.propagator._propagator import LaneExtractPropagator, LanePropagator
from colorfast.propagator._settings import Settings, settings

__all__ = [
    "CODES",
    "InvalidLane",
    "LaneExtractPropagator",
    "LanePropagator",
    "Settings",
    "install",
    "settings",
]
