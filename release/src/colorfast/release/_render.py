"""A plan for people, for programs and for pictures."""

from collections.abc import Iterator
from itertools import pairwise
from textwrap import wrap
from typing import Any

from colorfast.release._model import Release
from colorfast.release._steps import Plan, ServiceRoutes, Step

_WIDTH = 96


def plan_text(plan: Plan) -> str:
    """The runbook."""
    return "\n".join(_lines(plan)) + "\n"


def _lines(plan: Plan) -> Iterator[str]:
    release = plan.release
    yield f"release {release.name}: {_changes(release)}"
    yield _manner(release)
    yield ""
    for step in plan.steps:
        yield from _step(step, str(step.number))
    yield from _order(release)
    yield ""
    yield "To give it up, from wherever it is, in this order:"
    yield ""
    for step in plan.rollback:
        yield from _step(step, f"r{step.number}")


def _changes(release: Release) -> str:
    return ", ".join(f"{one.name} {one.old} -> {one.new}" for one in release.order)


def _manner(release: Release) -> str:
    if release.pattern != "locked":
        return f"pattern {release.pattern}, by {release.controller}, shares by weights of routes"
    shares = {
        "dye": "the dye",
        "entrance": "weighted routes at the entrance",
        "weights": "weights of routes",
    }
    return (
        f"pattern locked in lane {release.lane}, by {release.controller}, style {release.style}, "
        f"shares by {shares[release.share]}"
    )


def _step(step: Step, number: str) -> Iterator[str]:
    yield f"{number:>3} {step.kind:<7} {step.title}"
    if step.services:
        yield from _told("for", ", ".join(step.services))
    if step.when:
        yield from _told("when", step.when)
    yield from _told("why", step.why)
    yield from _told("until", step.until)
    if step.pause is not None:
        yield from _told("stay", _time(step.pause))
    if step.undo:
        yield from _told("undo", step.undo)


def _told(label: str, text: str) -> Iterator[str]:
    start = f"            {label:<6}"
    yield from wrap(text, _WIDTH, initial_indent=start, subsequent_indent=" " * len(start))


def _order(release: Release) -> Iterator[str]:
    names = ", ".join(one.name for one in release.order)
    if release.pattern == "locked" and release.share != "weights":
        yield "Promotion: " + (
            f"{names}, in any order or at once; the entrance is finished last, by the dye: as long "
            "as requests are dyed there, none of them meets what is being changed."
            if release.finish == "last"
            else "the entrance is finished before the others."
        )
        yield (
            "Rollback: the dye goes first. A controller that is aborted while requests are in the "
            "lane takes their pods or their routes away."
        )
    elif release.pattern == "ordered":
        yield f"Promotion: {names}, one after the other: what is called before what calls it."
        yield "Rollback: the service that is being released, alone; the others get along with it."


def plan_json(plan: Plan) -> dict[str, Any]:
    """Everything about the plan, with the policy of each step."""
    release = plan.release
    return {
        "release": release.name,
        "controller": release.controller,
        "pattern": release.pattern,
        "style": release.style if release.pattern == "locked" else None,
        "share": release.share if release.pattern == "locked" else None,
        "lane": release.lane,
        "order": [one.name for one in release.order],
        "versions": {one.name: {"from": one.old, "to": one.new} for one in release.order},
        "steps": [_step_json(step) for step in plan.steps],
        "rollback": [_step_json(step) for step in plan.rollback],
    }


def _step_json(step: Step) -> dict[str, Any]:
    return {
        "id": step.id,
        "number": step.number,
        "kind": step.kind,
        "action": step.action,
        "services": list(step.services),
        "weight": step.weight,
        "pause": step.pause,
        "title": step.title,
        "why": step.why,
        "until": step.until,
        "undo": step.undo,
        "when": step.when,
        "routes": [_routes_json(one) for one in step.routes],
        "policy": step.policy,
    }


def _routes_json(routes: ServiceRoutes) -> dict[str, Any]:
    return {"service": routes.service, "base": dict(routes.base), "lane": routes.lane}


def plan_mermaid(plan: Plan) -> str:
    """A flowchart: the steps from top to bottom, the rollback beside them."""
    return "\n".join(_chart(plan)) + "\n"


def _chart(plan: Plan) -> Iterator[str]:
    yield "flowchart TD"
    for prefix, steps in (("s", plan.steps), ("r", plan.rollback)):
        for step in steps:
            services = "<br/>" + ", ".join(step.services) if step.services else ""
            label = f"{step.number}. {step.title}{services}".replace('"', "'")
            yield f'  {prefix}{step.number}["{label}"]:::{step.kind}'
    for prefix, steps in (("s", plan.steps), ("r", plan.rollback)):
        for step, following in pairwise(steps):
            wait = f"|{_time(step.pause)}| " if step.pause is not None else ""
            yield f"  {prefix}{step.number} -->{wait or ' '}{prefix}{following.number}"
    for step in plan.steps:
        yield f"  s{step.number} -.-> r{_way_back(plan, step)}"
    yield "  classDef policy fill:#fde68a,stroke:#92400e,color:#000"
    yield "  classDef routes fill:#bfdbfe,stroke:#1e40af,color:#000"
    yield "  classDef pods fill:#bbf7d0,stroke:#166534,color:#000"


def _way_back(plan: Plan, step: Step) -> int:
    """The first step of the rollback for who gives up during *step*."""
    moving = (one.number for one in plan.steps if one.action in ("switch", "promote"))
    if step.number >= next(moving, 0):
        return 1
    return next(one.number for one in plan.rollback if not one.is_for_moved)


def _time(seconds: int) -> str:
    for size, unit in ((3600, "h"), (60, "m")):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
