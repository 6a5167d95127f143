"""A policy that is a LanePolicy in a cluster: watched, taken over, and told what became of it.

Imported only where there is such a policy: it brings a client of Kubernetes along.
"""

from colorfast.extproc.kube._api import LanePolicy, connected
from colorfast.extproc.kube._content import content_of
from colorfast.extproc.kube._fleet import SELECTOR, Fleet, Seen, compared, fleet
from colorfast.extproc.kube._source import ObjectSource
from colorfast.extproc.kube._status import status_patch

__all__ = [
    "SELECTOR",
    "Fleet",
    "LanePolicy",
    "ObjectSource",
    "Seen",
    "compared",
    "connected",
    "content_of",
    "fleet",
    "status_patch",
]
