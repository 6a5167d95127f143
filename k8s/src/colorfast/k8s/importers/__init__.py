"""Lanes of other systems as LanePolicies and LaneMeshes, and what of them has no equal here."""

from collections.abc import Iterable

from colorfast.k8s.importers._asm import asm
from colorfast.k8s.importers._codes import CODES
from colorfast.k8s.importers._dump import dump
from colorfast.k8s.importers._higress import higress, percentage_bucket
from colorfast.k8s.importers._imported import Imported, Importer, import_text
from colorfast.k8s.importers._kruise import kruise
from colorfast.k8s.importers._kt import kt
from colorfast.k8s.importers._polaris import polaris

SYSTEMS = ("higress", "asm", "kt", "polaris", "kruise")


def importer(system: str, *, users: Iterable[str] = ()) -> Importer:
    """The importer for one of SYSTEMS. *users*: ids that keep their side of Higress' percentages.

    Raises KeyError for another system.
    """
    return {
        "higress": higress(users),
        "asm": asm,
        "kt": kt,
        "polaris": polaris,
        "kruise": kruise,
    }[system]


__all__ = [
    "CODES",
    "SYSTEMS",
    "Imported",
    "Importer",
    "dump",
    "import_text",
    "importer",
    "percentage_bucket",
]
