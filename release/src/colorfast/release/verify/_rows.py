"""One service of a release as a small state machine, written as a table with its evidence."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from colorfast.release._steps import WHOLE, Action, Step

Verb: TypeAlias = Action | Literal["weigh-all", "weigh-none"]
"""An action as tables know it: of weights only none, some and all are told apart."""

By: TypeAlias = Literal["plan", "controller", "kubelet", "proxies", "trouble"]
"""Who makes a transition: a step of the plan, the release controller, pods that turn ready, proxies
that take over routes, or something that nobody has asked for."""

Seen: TypeAlias = Literal["run", "documented", "supposed"]
"""How a transition is known: seen with the real controller, said by its documentation, or taken as
possible because nothing rules it out."""

Ends: TypeAlias = str
"""Where a route leads: ``old``, ``new``, ``gone`` (nothing has endpoints there), and for the lane
also ``off`` (there is no lane route: the base route counts). ``a>b``: proxies change from a to b,
and each request meets either; ``a~b``: weights, and each request is drawn."""


class Local(NamedTuple):
    """The state of one service."""

    base: Ends = "old"
    """Where requests outside of the lane are led."""
    lane: Ends = "off"
    """Where the lane's requests are led."""
    old: str = "ready"
    """Pods of the old version: ``none``, ``starting`` or ``ready``."""
    new: str = "none"
    """Pods of the new version."""
    ctl: str = "idle"
    """What the controller is at."""


START = Local()
"""Before a release."""

When: TypeAlias = Mapping[str, str | tuple[str, ...]]
"""Values that fields of a Local must have; a tuple has alternatives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One transition, and how it is known."""

    name: str
    by: By
    when: When
    then: Mapping[str, str]
    seen: Seen
    evidence: str
    verb: Verb | None = None
    """Of rows by ``plan``: the action whose beginning this is."""

    def fits(self, local: Local) -> bool:
        """Whether the transition can happen in *local*."""
        return fits(self.when, local)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What a service can do under one controller."""

    name: str
    rows: tuple[Row, ...]
    done: Mapping[Verb, tuple[When, ...]]
    """By action, what is seen when a service is through with it: one of these."""
    start: Local = START

    def is_done(self, verb: Verb, local: Local) -> bool:
        """Whether a service in *local* is through with *verb*."""
        return any(fits(when, local) for when in self.done[verb])


FINAL: When = {"base": "new", "lane": "off", "old": "none", "new": "ready"}
"""What is left of a service when its release is through."""

ROLLED_BACK: When = {"base": "old", "lane": "off", "old": "ready", "new": "none"}
"""What is left of it when the release was given up."""


def verb_of(step: Step) -> Verb:
    """The action of *step* as tables know it."""
    if step.action == "weigh" and step.weight in (0, WHOLE):
        return "weigh-all" if step.weight else "weigh-none"
    return step.action


def fits(when: When, local: Local) -> bool:
    """Whether *local* has the values of *when*."""
    for name, wanted in when.items():
        value = getattr(local, name)
        if value not in wanted if isinstance(wanted, tuple) else value != wanted:
            return False
    return True


def ends(value: Ends) -> tuple[str, ...]:
    """Where requests can be led while a route stands so."""
    return tuple(value.replace("~", ">").split(">"))


def before_and_after(value: Ends) -> tuple[str, str]:
    """The two sides of a change that proxies are at; twice the same when there is none."""
    first, _, last = value.partition(">")
    return first, last or first


def is_settled(local: Local) -> bool:
    """Whether every proxy has the same routes of the service."""
    return ">" not in local.base and ">" not in local.lane


def settle_rows(values: Iterable[str], field_name: str) -> tuple[Row, ...]:
    """The end of every change of *values* that proxies are at."""
    return tuple(
        Row(
            name=f"proxies have the {field_name} route",
            by="proxies",
            when={field_name: value},
            then={field_name: before_and_after(value)[1]},
            seen="run",
            evidence="a route takes effect after 0.1 s at the earliest, at each proxy at its own "
            "time; 10 s while istiod is kept busy",
        )
        for value in values
    )
