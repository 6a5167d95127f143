"""What each controller does, as tables: a row a transition, with what it is known by."""

from colorfast.release._model import Release
from colorfast.release.verify._rows import Table
from colorfast.release.verify.tables import _argo, _flagger, _kruise, _plain

WEIGHTS: dict[str, Table] = {
    "argo-rollouts": _argo.WEIGHTS,
    "kruise": _kruise.WEIGHTS,
    "kubevela": _plain.KUBEVELA_WEIGHTS,
    "flagger": _flagger.WEIGHTS,
    "istio": _plain.ISTIO_WEIGHTS,
}
"""By controller: requests are moved by weights of routes."""

LOCKED: dict[tuple[str, str], Table] = {
    ("argo-rollouts", "version"): _argo.VERSION,
    ("argo-rollouts", "labels"): _argo.LABELS,
    ("argo-rollouts", "managed"): _argo.MANAGED,
    ("kruise", "version"): _kruise.VERSION,
    ("kruise", "managed"): _kruise.MANAGED,
    ("kubevela", "version"): _plain.KUBEVELA,
    ("flagger", "version"): _flagger.VERSION,
    ("flagger", "managed"): _flagger.MANAGED,
    ("istio", "version"): _plain.ISTIO,
}
"""By controller and style: requests are moved by the lane."""

TABLES: tuple[Table, ...] = (*LOCKED.values(), *WEIGHTS.values())
"""Every table."""


def table_of(release: Release) -> Table:
    """The table that the services of *release* follow."""
    if release.pattern != "locked" or release.share == "weights":
        return WEIGHTS[release.controller]
    return LOCKED[release.controller, release.style]


__all__ = ["LOCKED", "TABLES", "WEIGHTS", "table_of"]
