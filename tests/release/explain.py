"""Whether a table of ``verify`` explains a trace, and whether the plan and the verdict do.

A table is followed as an automaton whose states are not seen: of each service all Locals are kept that
it can be in. Rows by the controller, by kubelets and by proxies may be taken at any time, those by the
plan once their step has begun, those by trouble only where the trace says so.

What the API server has is held against a Local like this. Pods are equal, write by write. A route
``a>b`` says that each request meets a or b, so the server may have a, or b, or one object with a and one
with b, however long it lasts; it may have nothing else. Where a step has come to its end nothing is
under way: routes are equal too, and the service is through with the step, as its table understands it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from release.trace import BACK, Event, Seen, Trace

from colorfast.release import Plan, ServiceRoutes, Step
from colorfast.release.verify import Local, Row, State, System, Table, promises
from colorfast.release.verify._judge import Judge
from colorfast.release.verify._requests import journeys
from colorfast.release.verify._rows import (
    FINAL,
    ROLLED_BACK,
    before_and_after,
    ends,
    fits,
    is_settled,
    verb_of,
)


def disagreement(plan: Plan, table: Table, trace: Trace) -> str:
    """Where nothing in *table*, or in *plan*, fits what was seen; empty when all of it fits."""
    follower = _Follower(plan, table)
    for event in trace.events:
        if problem := follower.take(event):
            return f"{trace.case}/{trace.play} at {event.at:.2f} s: {problem}"
    return ""


def is_needed(row: Row, table: Table, plays: Iterable[tuple[Plan, Trace]]) -> bool:
    """Whether one of *plays* cannot be explained without *row*."""
    without = replace(table, rows=tuple(one for one in table.rows if one is not row))
    return any(disagreement(plan, without, trace) for plan, trace in plays)


def step_of(plan: Plan, name: str) -> Step:
    """The step whose id is *name*."""
    steps = plan.rollback if name.startswith(BACK) else plan.steps
    return next(one for one in steps if one.id == name.removeprefix(BACK))


@dataclass
class _Follower:
    """Goes along a trace."""

    plan: Plan
    table: Table
    step: Step | None = None
    """That has begun last."""
    back: bool = False
    seen: dict[str, Seen] = field(default_factory=dict)
    possible: dict[str, frozenset[Local]] = field(default_factory=dict)
    troubles: set[tuple[str, str]] = field(default_factory=set)
    """Service and row of those that may strike."""
    struck: set[str] = field(default_factory=set)
    """Services that a trouble may have changed: the table knows how, the plan cannot."""

    def __post_init__(self) -> None:
        names = tuple(one.name for one in self.plan.release.order)
        self.system = System(self.plan, self.table, names)

    def take(self, event: Event) -> str:
        """What is wrong with *event*, given those before it; empty when nothing is."""
        match event.kind:
            case "saw":
                return self._saw(event)
            case "begins":
                self.step = step_of(self.plan, event.what)
                self.back = event.what.startswith(BACK)
                self._go_on()
            case "ends":
                return self._ended(step_of(self.plan, event.what))
            case "trouble":
                if all(row.name != event.what for row in self.table.rows):
                    return f"table {self.table.name} has no row: {event.what}"
                self.troubles.add((event.service, event.what))
                if any(row.name == event.what and row.then for row in self.table.rows):
                    self.struck.add(event.service)
                self._go_on()
            case "is":
                return self._is_at(event, {event.what})
            case "over":
                self.troubles.discard((event.service, event.what))
                return self._struck(event)
        return ""

    def _struck(self, event: Event) -> str:
        """Who is told that a trouble is over knows what it has made of the controller."""
        for row in self.table.rows:
            if row.name == event.what and "ctl" in row.then:
                return self._is_at(event, self._follow(row.then["ctl"]))
        return ""

    def _is_at(self, event: Event, words: set[str]) -> str:
        """Who is told what the controller is at knows more than what can be seen."""
        name = event.service
        told = [one for one in self.possible[name] if one.ctl in words]
        self.possible[name] = self._closed(name, told)
        if told:
            return ""
        return f"{event.service} could not have come to: {event.what}"

    def _follow(self, ctl: str) -> set[str]:
        """What a controller can be at after *ctl* without anybody's doing."""
        rows = [row for row in self.table.rows if row.by == "controller" and "ctl" in row.then]
        found, new = {ctl}, {ctl}
        while new:
            new = {row.then["ctl"] for row in rows if row.when.get("ctl") in new} - found
            found |= new
        return found

    def _go_on(self) -> None:
        for name, possible in self.possible.items():
            self.possible[name] = self._closed(name, possible)

    def _saw(self, event: Event) -> str:
        name, seen = event.service, event.seen
        assert seen is not None
        before = self.possible.get(name)
        self.seen[name] = seen
        ahead = {self.table.start} if before is None else self._after(name, before) | before
        self.possible[name] = self._closed(name, ahead)
        if self.possible[name]:
            return ""
        return f"{name} is seen with {_told(seen)}, and could only be {_names(before or ahead)}"

    def _after(self, name: str, locals_: Iterable[Local]) -> frozenset[Local]:
        return frozenset(
            local._replace(**row.then)
            for local in locals_
            for row in self.table.rows
            if row.fits(local) and self._may(name, row, local)
        )

    def _may(self, name: str, row: Row, local: Local) -> bool:
        if row.by == "trouble":
            return (name, row.name) in self.troubles
        if row.by != "plan":
            return True
        step = self.step
        if step is None or name not in step.services or self.system.shares(step):
            return False
        verb = verb_of(step)
        return row.verb == verb and not self.table.is_done(verb, local)

    def _closed(self, name: str, locals_: Iterable[Local]) -> frozenset[Local]:
        """Those of *locals_* that fit what is seen, and what they become without its changing."""
        found: set[Local] = set()
        new = {one for one in locals_ if self._fits(name, one)}
        while new:
            found |= new
            new = {one for one in self._after(name, new) if self._fits(name, one)} - found
        return frozenset(found)

    def _fits(self, name: str, local: Local) -> bool:
        seen = self.seen[name]
        return (
            all(_leads(end, local, ends(local.base)) for end in _ends(seen.base))
            and (_is_drawn(seen.base, local.base) or self._is_struck(name))
            and all(_leads(end, local, _lane_ends(local)) for end in _ends(seen.lane))
            and seen.old == local.old
            and (seen.new == local.new or self._is_excused(name, local))
        )

    def _is_struck(self, name: str) -> bool:
        """Whether a trouble lasts, in which weights come and go."""
        return any(service == name for service, _ in self.troubles)

    def _is_excused(self, name: str, local: Local) -> bool:
        """Whether no new pod is ready because of a trouble that changes nothing for good."""
        if self.seen[name].new != "unready":
            return False
        return local.new == "ready" and any(
            (name, row.name) in self.troubles and row.when.get("new") == "ready"
            for row in self.table.rows
        )

    def _ended(self, step: Step) -> str:
        for name, possible in self.possible.items():
            if self.system.shares(step):
                continue
            if name in step.services:
                through = frozenset(one for one in possible if self._is_through(step, name, one))
                if not through:
                    seen = _told(self.seen[name])
                    return f"{name} is not through with {step.id}: {seen}, {_names(possible)}"
                self.possible[name] = through
        return next(self._unplanned(step), "")

    def _is_through(self, step: Step, name: str, local: Local) -> bool:
        seen = self.seen[name]
        done = is_settled(local) and self.table.is_done(verb_of(step), local)
        return done and all(
            one == other or _leads(one, local, (other,))
            for one, other in ((seen.base, local.base), (seen.lane, local.lane))
        )

    def _unplanned(self, step: Step) -> Iterator[str]:
        """How routes are not what the plan says that they are after *step*."""
        routes = self.plan.routes_at(step.number)
        if self.back:
            through = {one for one in routes if self._goes_back(one)}
            routes = {one.service: one for one in step.routes if one.service in through}
        for name, planned in routes.items():
            if name not in self.struck:
                yield from self._compared(step, name, planned)
        if self.system.shares(step) and self.plan.release.share == "entrance":
            for name in step.services:
                seen, weight = self.seen[name].share, (step.weight or 0) // 100
                if seen != weight:
                    yield f"{name} dyes {seen} % after {step.id}, not {weight}"

    def _goes_back(self, name: str) -> bool:
        """Of services that get along with each other, what was promoted stays."""
        locked = self.plan.release.pattern == "locked"
        return locked or self.seen[name].old != "none"

    def _compared(self, step: Step, name: str, planned: ServiceRoutes) -> Iterator[str]:
        seen = self.seen[name]
        base, lane, share = _routes(self.plan, planned)
        if self.plan.release.share == "entrance" and name in self.plan.release.entrances:
            share = seen.share  # the dye's, which has nothing to do with the base route
        # A rollback's routes of the lane change nothing else, wherever they find the base route.
        lane_only = self.back and step.action in ("route", "unroute")
        if not lane_only and (seen.base, seen.share) != (base, share):
            yield f"the base route of {name} is {seen.base} {seen.share} after {step.id}, not {base} {share}"
        # Routes can be as planned, and nothing be where they lead: tables call that gone.
        if seen.lane not in (lane, "gone" if planned.lane else "off"):
            yield f"the lane route of {name} is {seen.lane} after {step.id}, not {lane}"


def _routes(plan: Plan, planned: ServiceRoutes) -> tuple[str, str, int]:
    change = plan.release.change(planned.service)
    assert change is not None
    words = {change.old: "old", change.new: "new", None: "off"}
    base = "~".join(words[version] for version, _ in planned.base)
    share = dict(planned.base).get(change.new, 0) // 100 if len(planned.base) > 1 else 0
    return base, words[planned.lane], share


# What the recorded states do to requests.


def broken(plan: Plan, trace: Trace) -> dict[str, str]:
    """The invariants that a recorded state breaks, each with the first time.

    The states are judged as ``verify`` judges those of its model.
    """
    release = plan.release
    names = tuple(one.name for one in release.order)
    judge = Judge(release, journeys(release), names)
    system = System(plan, Table(name="", rows=(), done={}), names)
    found: dict[str, str] = {}
    seen: dict[str, Seen] = {}
    dye: tuple[int, ...] = (0,)
    back = False
    for event in trace.events:
        if event.seen is not None:
            seen[event.service] = event.seen
        elif event.kind in ("begins", "ends"):
            back = event.what.startswith(BACK)
            step = step_of(plan, event.what)
            if system.shares(step):
                dye = (*dye, step.weight or 0) if event.kind == "begins" else (step.weight or 0,)
        if len(seen) == len(names):
            locals_ = tuple(_local(seen[name]) for name in names)
            for one in judge.breaks(State(back, (), dye, locals_)):
                if one.invariant in promises(release):
                    found.setdefault(one.invariant, f"{event.at:.2f} s: {one.what}")
    return found | dict(_unfinished(plan, trace, seen, back=back))


def _unfinished(
    plan: Plan, trace: Trace, seen: dict[str, Seen], *, back: bool
) -> Iterator[tuple[str, str]]:
    last = next((one.what for one in reversed(trace.events) if one.kind == "ends"), "")
    if not back and last != plan.steps[-1].id:
        return
    wanted = [ROLLED_BACK] if back else [FINAL]
    if back and plan.release.pattern != "locked":
        wanted.append(FINAL)
    for name, one in seen.items():
        if not any(fits(when, _local(one)) for when in wanted):
            yield "rollback" if back else "completeness", f"in the end {name} has {_told(one)}"


def _local(seen: Seen) -> Local:
    # A pod that fails by itself is a 503 under any plan; what is judged is what lasts.
    new = "ready" if seen.new == "unready" else seen.new
    return Local(seen.base.replace("|", ">"), seen.lane.replace("|", ">"), seen.old, new)


def _lane_ends(local: Local) -> tuple[str, ...]:
    """Where a route of the lane may lead: where the base route leads it is as good as none."""
    found = ends(local.lane)
    return (*found, *ends(local.base)) if "off" in found else found


def _leads(end: str, local: Local, to: tuple[str, ...]) -> bool:
    """Whether a route that leads to *end* is one of those that lead *to* something.

    Where pods are found by their role, a version that has none is nowhere: as good as gone.
    """
    nowhere = {"gone", *(one for one in ("old", "new") if getattr(local, one) == "none")}
    return end in to or (end in nowhere and not nowhere.isdisjoint(to))


def _is_drawn(seen: str, local: str) -> bool:
    """Whether *seen* has weights where *local* has: weights that are lost lead to one version."""
    return "~" not in local or "~" in seen or "|" in seen or seen in before_and_after(local)


def _ends(seen: str) -> tuple[str, ...]:
    return ends(seen.replace("|", ">"))


def _told(seen: Seen) -> str:
    return f"base {seen.base}, lane {seen.lane}, old pods {seen.old}, new pods {seen.new}"


def _names(locals_: Iterable[Local]) -> str:
    return " or ".join(sorted(f"({', '.join(one)})" for one in locals_)) or "nothing"
