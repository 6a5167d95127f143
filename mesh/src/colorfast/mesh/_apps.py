"""The sample applications as processes: what is run, and with what in its environment."""

import sys
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from colorfast.mesh._configs import Plan
from colorfast.mesh._launch import program
from colorfast.mesh._ports import LOOPBACK
from colorfast.policy import App, Workload

_FOLDER: Final = Path(__file__).parent / "apps"

_CARRY: Final[dict[App, dict[str, str]]] = {
    # By Colorfast's SDK.
    "aiohttp": {"OTEL_PROPAGATORS": "tracecontext,baggage,colorfast"},
    # By OpenTelemetry's baggage alone, as any service does that has never heard of Colorfast.
    "requests": {"OTEL_PROPAGATORS": "tracecontext,baggage", "COLORFAST_AUTO": "off"},
}
"""How each of the applications keeps the dye between what it gets and what it sends."""

_DROP: Final = {"OTEL_PROPAGATORS": "tracecontext", "COLORFAST_AUTO": "off"}
"""How an application loses it: traces go on, baggage does not."""

_INSTRUMENTED: Final[dict[App, frozenset[str]]] = {
    "aiohttp": frozenset({"aiohttp-client"}),
    "requests": frozenset({"flask", "requests"}),
}
"""The instrumentations that an application needs."""

_OTEL: Final = {
    "OTEL_TRACES_EXPORTER": "none",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
}


def command_of(workload: Workload) -> list[str]:
    """What starts the application of *workload*. Raises ColorfastError (CF615)."""
    app = _FOLDER / f"{workload.service.app}_app.py"
    return [program("opentelemetry-instrument"), sys.executable, str(app)]


def environment_of(plan: Plan, workload: Workload) -> dict[str, str]:
    """What the application of *workload* finds in its environment on top of ours."""
    service = workload.service
    return {
        **_OTEL,
        **(_DROP if service.name in plan.drops else _CARRY[service.app]),
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": ",".join(_not_needed(service.app)),
        "COLORFAST_HEADER": plan.policy.header,
        "COLORFAST_MEMBER": plan.policy.member.key,
        "SERVICE_NAME": service.name,
        "SERVICE_VERSION": workload.lane,
        "SERVICE_CALLS": " ".join(service.calls),
        "SERVICE_SOCKET": str(plan.layout.app(workload)),
        "http_proxy": f"http://{LOOPBACK}:{plan.layout.outbound[workload.name]}",
        "no_proxy": "",
        "PYTHONUNBUFFERED": "1",
    }


@cache
def _not_needed(app: App) -> tuple[str, ...]:
    """Instrumentations that happen to be installed: each imports what it instruments, slowly."""
    found = {one.name for one in entry_points(group="opentelemetry_instrumentor")}
    return tuple(sorted(found - _INSTRUMENTED[app]))
