"""The steps of a plan: each is one change of the LanePolicy, of routes, or of pods."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from colorfast.release._model import Json, Release

Kind: TypeAlias = Literal["policy", "routes", "pods"]
"""What a step touches; never two of them."""

Action: TypeAlias = Literal[
    "route", "deploy", "dye", "weigh", "switch", "promote", "undye", "unroute",
    "restore", "switch-back", "scale-down",
]  # fmt: skip
"""What a step does; the last three only in a rollback."""

KINDS: dict[Action, Kind] = {
    "route": "routes",
    "deploy": "pods",
    "dye": "policy",
    "weigh": "routes",
    "switch": "routes",
    "promote": "pods",
    "undye": "policy",
    "unroute": "routes",
    "restore": "pods",
    "switch-back": "routes",
    "scale-down": "pods",
}

MOVED = "a base route has been moved, or an old pod is gone"
"""Who needs the first steps of a rollback."""

GONE = "a service was promoted; only for those services that were"
"""Of which services the old pods have to be started again."""

RUNNING = "its Rollout is not aborted: an aborted one gives no share, and would begin again"
"""Of which entrances the share is taken back, where the controller gives it."""

WHOLE = 10_000
"""All requests, in parts of 10,000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRoutes:
    """Where the routes of one service lead."""

    service: str
    base: tuple[tuple[str, int], ...]
    """Versions and their parts of 10,000: for requests that are not in the lane."""
    lane: str | None = None
    """The version that the lane's requests get; None: there is no route for the lane."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do, and what to see before the next."""

    action: Action
    title: str
    why: str
    until: str
    """What must be seen before the next step."""
    number: int = 0
    services: tuple[str, ...] = ()
    """Whose routes or pods; any order is as good as another, and all at once is too."""
    weight: int | None = None
    """Of ``dye`` and ``weigh``, in parts of 10,000."""
    pause: int | None = None
    """Seconds to stay; None waits for someone to go on."""
    undo: str = ""
    """What takes it back."""
    when: str = ""
    """In a rollback: who needs this step."""
    policy: Json | None = field(default=None, compare=False, repr=False)
    """The whole LanePolicy from this step on; for steps of kind ``policy``."""
    routes: tuple[ServiceRoutes, ...] = ()
    """The routes of the services that this step touches, after it."""

    @property
    def kind(self) -> Kind:
        """What the step touches. Where routes draw the share, they end it too."""
        return "routes" if self.action == "undye" and self.policy is None else KINDS[self.action]

    @property
    def is_for_moved(self) -> bool:
        """In a rollback: whether it is needed only once base routes or old pods were moved."""
        return self.when in (MOVED, GONE)

    @property
    def is_for_gone(self) -> bool:
        """In a rollback: whether it is needed only of services that were promoted."""
        return self.when == GONE

    @property
    def is_for_some(self) -> bool:
        """In a rollback: whether some of its services may need it, and others not."""
        return self.when in (GONE, RUNNING)

    @property
    def id(self) -> str:
        """A name for files and folders, in the order of the plan."""
        parts = [f"{self.number:02}", self.action]
        if self.weight is not None:
            parts.append(f"{self.weight / 100:g}".replace(".", "-"))
        if len(self.services) == 1:
            parts.append(self.services[0])
        return "-".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do in which order, and how to go back."""

    release: Release
    steps: tuple[Step, ...]
    rollback: tuple[Step, ...]
    """What to do, in this order, to give a release up; each step says who needs it."""

    def policy_at(self, number: int) -> Json:
        """The LanePolicy in force after step *number*; 0 is before the first."""
        policy = self.release.policy_object
        for step in self.steps[:number]:
            policy = policy if step.policy is None else step.policy
        return policy

    def routes_at(self, number: int) -> dict[str, ServiceRoutes]:
        """The routes of every service of the release after step *number*."""
        routes = {
            change.name: ServiceRoutes(service=change.name, base=((change.old, WHOLE),))
            for change in self.release.changes
        }
        for step in self.steps[:number]:
            routes |= {one.service: one for one in step.routes}
        return routes
