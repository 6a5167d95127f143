"""What is shown of a service, by admin HTTP and by a worker's reports."""

from datetime import UTC, datetime
from typing import Any, Protocol

from prometheus_client import CollectorRegistry

from colorfast.extproc._guard import Guard
from colorfast.extproc._health import Health
from colorfast.extproc._metrics import registry
from colorfast.extproc._processor import Processor
from colorfast.extproc._reload import PolicyState
from colorfast.extproc._watch import Watcher


class Shown(Protocol):
    """What admin HTTP looks at: one service, or the parent of several."""

    @property
    def serving(self) -> bool:
        """Whether requests are wanted."""
        ...

    async def policy(self) -> dict[str, Any]:
        """What ``/policy`` shows."""
        ...

    async def metrics(self) -> CollectorRegistry:
        """What ``/metrics`` shows."""
        ...


class ServiceShown:
    """One service as admin HTTP shows it."""

    def __init__(
        self,
        *,
        health: Health,
        watcher: Watcher,
        processor: Processor,
        guard: Guard | None = None,
    ) -> None:
        self._health = health
        self._watcher = watcher
        self._processor = processor
        self._metrics = registry(processor, watcher, guard)

    @property
    def serving(self) -> bool:
        """Whether requests are wanted."""
        return self._health.serving

    async def policy(self) -> dict[str, Any]:
        """The policy that is served."""
        return policy_json(self._watcher.state, self._processor)

    async def metrics(self) -> CollectorRegistry:
        """What was counted."""
        return self._metrics


def policy_json(state: PolicyState, processor: Processor) -> dict[str, Any]:
    """What ``/policy`` shows: the policy that is served, and why what the source has is not."""
    policy = state.engine.policy
    refusal = state.refusal
    return {
        "name": policy.name,
        "digest": policy.digest,
        "source": state.source,
        "generation": state.generation,
        "loadedAt": _time(state.loaded_at),
        "rules": len(policy.active_rules),
        "warnings": [diagnostic.as_json() for diagnostic in state.warnings],
        "engine": {station: one.name for station, one in processor.sorters.items()},
        "unforwarded": sorted(processor.unforwarded),
        "lastRefusal": refusal
        and {
            "at": _time(refusal.at),
            "diagnostics": [diagnostic.as_json() for diagnostic in refusal.diagnostics],
        },
    }


def _time(unix: float) -> str:
    return datetime.fromtimestamp(unix, UTC).isoformat(timespec="seconds")
