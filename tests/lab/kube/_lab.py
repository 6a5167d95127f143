"""What plays go on in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from lab.kube._nodes import Nodes
from lab.kube._play import Controls, Player
from lab.kube._prometheus import Prometheus
from lab.kube._record import Watches
from lab.kube._rig import Cluster


class Restartable(Controls, Protocol):
    """A controller that can be stopped."""

    def restart(self) -> None:
        """End it, whatever it is doing, and start it again."""
        ...


@dataclass(frozen=True, kw_only=True)
class Lab:
    """All that a play needs."""

    cluster: Cluster
    controls: Restartable
    watches: Watches
    nodes: Nodes
    prometheus: Prometheus


Script: TypeAlias = Callable[[Player, Lab], None]
"""Something that is done with a player."""
