"""No controller, or one that applies objects: a Deployment for each version."""

from dataclasses import replace

from colorfast.release.verify._rows import Row, Table, Verb, When
from colorfast.release.verify.tables._shared import (
    NOTHING_MOVES,
    OWN_BASE,
    OWN_ROUTES,
    OWN_WEIGHTS,
    PODS,
    ROUTES_DONE,
    SETTLING,
    THROUGH,
    WEIGHTS_DONE,
)

_EVIDENCE = "deleting a pod under load: 0 errors; no route moves when a Deployment does"

_DEPLOYMENTS: tuple[Row, ...] = (
    Row(
        name="apply the new Deployment",
        by="plan",
        verb="deploy",
        when={"new": "none"},
        then={"new": "starting", "ctl": "applied"},
        seen="run",
        evidence=_EVIDENCE,
    ),
    Row(
        name="delete the old Deployment",
        by="plan",
        verb="promote",
        when={"old": ("ready", "starting")},
        then={"old": "none", "ctl": "healthy"},
        seen="run",
        evidence=_EVIDENCE,
    ),
    Row(
        name="apply the old Deployment again",
        by="plan",
        verb="restore",
        when={"old": "none"},
        then={"old": "starting", "ctl": "applied"},
        seen="run",
        evidence=_EVIDENCE,
    ),
    Row(
        name="delete the new Deployment",
        by="plan",
        verb="scale-down",
        when={"new": ("ready", "starting")},
        then={"new": "none", "ctl": "idle"},
        seen="run",
        evidence=_EVIDENCE,
    ),
)

_DONE: dict[Verb, tuple[When, ...]] = {
    "deploy": ({"new": "ready"},),
    "promote": ({"old": "none"},),
    "restore": ({"old": "ready"},),
    "scale-down": ({"new": "none"},),
}

ISTIO = Table(
    name="istio, version",
    rows=(*OWN_ROUTES, *NOTHING_MOVES, *OWN_BASE, *SETTLING, *PODS, *_DEPLOYMENTS),
    done={**ROUTES_DONE, **_DONE},
)

ISTIO_WEIGHTS = Table(
    name="istio, weights",
    rows=(
        *OWN_WEIGHTS,
        *SETTLING,
        *PODS,
        *(row for row in _DEPLOYMENTS if row.verb != "restore"),
    ),
    done={**WEIGHTS_DONE, **_DONE, "scale-down": ({"new": "none"}, THROUGH)},
)


def _supposed(table: Table, name: str) -> Table:
    """*table* for a controller that is known by its schemas only."""
    rows = (
        replace(row, seen="supposed", evidence="a workflow step that applies or deletes objects")
        if row in _DEPLOYMENTS
        else row
        for row in table.rows
    )
    return replace(table, name=name, rows=tuple(rows))


KUBEVELA = _supposed(ISTIO, "kubevela, version")
KUBEVELA_WEIGHTS = _supposed(ISTIO_WEIGHTS, "kubevela, weights")
