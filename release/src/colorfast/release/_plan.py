"""From a release to its plan: which pattern has which steps."""

from dataclasses import replace

from colorfast.release._locked import locked, locked_rollback
from colorfast.release._model import Release
from colorfast.release._steps import Plan, Step
from colorfast.release._weighted import weighted, weighted_rollback


def plan(release: Release) -> Plan:
    """The steps of *release* as its file has it; ``verify`` tells whether they are safe."""
    if release.pattern == "locked":
        steps, back = locked(release), locked_rollback(release)
    else:
        steps, back = weighted(release), weighted_rollback(release)
    return Plan(release=release, steps=_numbered(steps), rollback=_numbered(back))


def _numbered(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    return tuple(replace(step, number=number) for number, step in enumerate(steps, 1))
