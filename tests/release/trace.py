"""A release that was played by a real controller, in the words of ``verify``'s tables.

Of each service a trace has what can be seen from outside after every write of the API server, and
between that what was done: steps of the plan, and troubles by the names of their rows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import yaml

RECORDED = Path(__file__).parent / "recorded"
DRAWN = "drawn"
"""The case of all random releases: which it is the play says, by its seed."""

BACK = "rollback/"

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""There are hundreds of traces; the one in C is ten times as fast."""

Kind: TypeAlias = Literal["saw", "begins", "ends", "trouble", "over", "is", "did"]
"""What can be seen of a service has changed; a step of the plan begins, and has come to its end; a
trouble may strike a service from now on, and no more; the controller says of a service what it is at,
in the word of its table; something that no row is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A service from outside. ``a|b``: requests meet either, for an object says this and one that."""

    base: str = "old"
    """Where requests outside of the lane are led: ``old``, ``new``, ``gone``, ``old~new`` by weights."""
    lane: str = "off"
    """Where those of the lane are led; ``off`` when they follow the base route."""
    old: str = "ready"
    """Pods of the old version: ``none``, ``starting``, ``ready`` (one or more), or ``unready`` when
    there are some and one was ready before."""
    new: str = "none"
    share: int = 0
    """Percent of the requests that weights give to the new version, or to the lane."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry of a trace, *at* seconds from its start."""

    at: float
    kind: Kind
    what: str = ""
    """The step's id (a rollback's with ``rollback/`` before it), a row's name, or words."""
    service: str = ""
    seen: Seen | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Everything about one play of the release *case*."""

    case: str
    play: str
    events: tuple[Event, ...]

    @property
    def file(self) -> Path:
        """Where it is kept."""
        return RECORDED / self.case / f"{self.play}.yaml"

    def text(self) -> str:
        """YAML, a line an event, of what is seen only what has changed."""
        known: dict[str, Mapping[str, Any]] = {}
        lines = [f"case: {self.case}", f"play: {self.play}", "events:"]
        entries = ({"at": round(one.at, 2), **_entry(one, known)} for one in self.events)
        lines += (f"- {_flow(entry)}" for entry in entries)
        return "\n".join(lines) + "\n"


def read(text: str) -> Trace:
    """The trace of a file."""
    data = yaml.load(text, Loader=_LOADER)
    known: dict[str, Seen] = {}
    events = tuple(_event(one, known) for one in data["events"])
    return Trace(case=data["case"], play=data["play"], events=events)


def recorded(case: str = "*") -> Iterator[Trace]:
    """Every trace that is kept, or those of *case*."""
    for file in sorted(RECORDED.glob(f"{case}/*.yaml")):
        yield read(file.read_text())


def _entry(one: Event, known: dict[str, Mapping[str, Any]]) -> dict[str, Any]:
    of = {"of": one.service} if one.service else {}
    if one.seen is None:
        return {one.kind: one.what, **of}
    now, before = asdict(one.seen), known.get(one.service, {"share": 0})
    known[one.service] = now
    return of | {name: value for name, value in now.items() if before.get(name) != value}


def _event(entry: dict[str, Any], known: dict[str, Seen]) -> Event:
    at, service = entry.pop("at"), entry.pop("of", "")
    kind: Kind
    for kind in ("begins", "ends", "trouble", "over", "is", "did"):
        if kind in entry:
            return Event(at=at, kind=kind, what=entry[kind], service=service)
    known[service] = replace(known.get(service, Seen()), **entry)
    return Event(at=at, kind="saw", service=service, seen=known[service])


def _flow(data: object) -> str:
    return yaml.safe_dump(data, default_flow_style=True, sort_keys=False, width=10_000).strip()
