"""A LaneRelease as values: which services get which version, by what controller, in what steps."""

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, get_args

from colorfast.policy import Attribute, Mesh, Policy, Service

Json: TypeAlias = dict[str, Any]

Controller: TypeAlias = Literal["argo-rollouts", "kruise", "kubevela", "flagger", "istio"]
"""Who changes the pods; with ``istio`` nobody but ``kubectl apply``."""

Pattern: TypeAlias = Literal["single", "ordered", "locked"]
"""One service; several, each backward compatible; or several whose versions belong together."""

Style: TypeAlias = Literal["version", "labels", "managed"]
"""What lane routes of a locked release stand on: a version label in the pods' template, a lane
label that the controller moves, or routes that the controller writes."""

Share: TypeAlias = Literal["dye", "entrance", "weights"]
"""What gives a locked release its share of traffic: the dye; weighted routes at the entrance that
add the lane header; or weighted routes at every service."""

Finish: TypeAlias = Literal["last", "first"]
"""Whether the entrance is finished after the other services, or before them."""

CONTROLLERS: tuple[Controller, ...] = get_args(Controller)
PATTERNS: tuple[Pattern, ...] = get_args(Pattern)
STYLES: tuple[Style, ...] = get_args(Style)
SHARES: tuple[Share, ...] = get_args(Share)

STYLES_OF: dict[Controller, tuple[Style, ...]] = {
    "argo-rollouts": ("version", "labels", "managed"),
    "kruise": ("version", "managed"),
    "kubevela": ("version",),
    "flagger": ("version", "managed"),
    "istio": ("version",),
}
"""The styles that each controller can play; the first is the default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One service of a release, and its two versions."""

    service: Service
    """As the mesh has it, with the labels of both lanes."""
    old: str
    """The version of the baseline before the release."""
    new: str
    label: str
    """The key of the pod label whose value is the version."""
    image: str
    """Without a tag: the version is the tag."""
    replicas: int = 1
    position: tuple[int, int] = field(default=(0, 0), compare=False)
    """Line and column in the file."""

    @property
    def name(self) -> str:
        """The service's name."""
        return self.service.name

    def image_of(self, version: str) -> str:
        """The image of *version*."""
        return f"{self.image}:{version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One share of the traffic, and how long it stays."""

    weight: int
    """Parts of 10,000."""
    pause: int | None = None
    """Seconds; None waits for someone to go on."""

    @property
    def percent(self) -> str:
        """The weight for people: ``5 %``."""
        return f"{self.weight / 100:g} %"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One Prometheus query, and what its answer must be."""

    name: str
    query: str
    condition: str
    """A comparison, such as ``>= 0.99``."""
    failure_limit: int = 0
    """How many measurements may fail."""

    @property
    def operator(self) -> str:
        """``<``, ``<=``, ``>``, ``>=``, ``==`` or ``!=``."""
        return self.condition.split()[0]

    @property
    def threshold(self) -> str:
        """The number of the condition, as it is written."""
        return self.condition.split()[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What is measured while a release runs."""

    interval: int
    """Seconds between two measurements."""
    prometheus: str
    metrics: tuple[Metric, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sticky:
    """By what the dye's share stays with a user."""

    by: tuple[Attribute, ...]
    salt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release: valid by construction, and fitting its policy and its mesh."""

    name: str
    policy: Policy
    """As it is before the release, and after it."""
    policy_object: Json = field(compare=False, repr=False)
    """The same as the object that it was read from: what each step changes."""
    mesh: Mesh
    controller: Controller
    pattern: Pattern
    changes: tuple[Change, ...]
    """In the order of the file."""
    stages: tuple[Stage, ...]
    """Weights rise; the last is 10,000."""
    lane: str | None = None
    """Locked: the lane of the new versions."""
    style: Style = "version"
    share: Share = "dye"
    sticky: Sticky | None = None
    """Locked with ``share: dye``: by what the share is drawn; else None."""
    finish: Finish = "last"
    drops: frozenset[str] = frozenset()
    """Services that do not pass the dye on to what they call."""
    analysis: Analysis | None = None
    file: str = field(default="<release>", compare=False)

    def change(self, service: str) -> Change | None:
        """What the release does to *service*; None when it is not part of it."""
        return next((one for one in self.changes if one.name == service), None)

    @property
    def rule(self) -> str:
        """The name of the policy rule that a release adds, and removes at its end."""
        return f"release-{self.name}"

    @property
    def rest(self) -> str:
        """The lane of requests outside of the share: what the policy gives without a rule."""
        return self.policy.default or self.policy.baseline

    @property
    def entrances(self) -> tuple[str, ...]:
        """The services that requests enter by."""
        return self.mesh.entrances

    @property
    def order(self) -> tuple[Change, ...]:
        """Callees before their callers, and entrances as late as that allows."""
        found = (self.change(name) for name in callees_first(self.mesh))
        return tuple(one for one in found if one is not None)


def callees_first(mesh: Mesh) -> tuple[str, ...]:
    """The services of *mesh* so that each follows all that it calls, entrances late."""
    waiting = [service.name for service in mesh.services]
    waiting.sort(key=lambda name: name in mesh.entrances)  # stable: else as in the file
    done: list[str] = []
    while waiting:
        free = next(name for name in waiting if set(mesh.service(name).calls) <= set(done))
        waiting.remove(free)
        done.append(free)
    return tuple(done)
