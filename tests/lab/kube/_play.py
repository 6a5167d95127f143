"""A release as ``colorfast release generate`` writes it, played by a real release controller.

Every folder is applied in the plan's order, and the runbook's commands are given. What the cluster
held after every single write, by us or by a controller, becomes a trace, and between that what we did.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import Final, Literal, Protocol, TypeAlias

from lab.kube._api import Json
from lab.kube._cases import Case
from lab.kube._record import Key, Recorder, State, Watches
from lab.kube._rig import Cluster
from lab.kube._runbook import commands, is_for, typed_at
from lab.kube._traffic import Eyes, pods_of, ready
from release.trace import BACK, Event, Kind, Seen, Trace

from colorfast.release import Change, Controller, Release, Step
from colorfast.release._steps import RUNNING
from colorfast.release.generate import INSTALL

Phase: TypeAlias = Literal["idle", "beginning", "waiting", "aborted", "moving"]
"""There is nothing to release, or a release is through; it gets ready for one; it waits for somebody;
somebody or something has aborted it; it is on its way."""

_NUMBERS: Final = count(1)


class Controls(Protocol):
    """A release controller, as far as a player has to do with it."""

    @property
    def name(self) -> Controller:
        """As ``--controller`` calls it."""
        ...

    def command(self, line: str) -> None:
        """Do what *line* of a runbook does, when somebody types it."""
        ...

    def phase(self, state: State, change: Change) -> Phase:
        """What it is at with *change*; KeyError while it does not know it."""
        ...

    def knows(self, state: State, change: Change) -> bool:
        """Whether it has seen which pods are ready, as far as it says so."""
        ...

    def abort(self, change: Change) -> None:
        """Abort *change* alone, as its users do."""
        ...

    def retry(self, change: Change) -> None:
        """Go on after an abort, as its users do."""
        ...


@dataclass(frozen=True, slots=True)
class _Note:
    revision: int
    event: Event


class Player:
    """Plays *case* in its namespaces, which are there and empty."""

    def __init__(
        self, cluster: Cluster, controls: Controls, recorder: Recorder, case: Case
    ) -> None:
        self.case = case
        self.release, self.plan = case.release, case.plan
        self.controls = controls
        self.recorder = recorder
        self._cluster = cluster
        self._commands = commands(case.made.files["runbook.md"])
        self._applied: dict[Key, Json] = {}
        self._forward: list[Step] = []
        self._back: list[Step] = []
        self._notes: list[_Note] = []
        self._eyes = Eyes(case.release)
        self._start = self._at = 0
        self._ahead: list[str] = []
        """What the runbook says to type when the last step is through."""

    def install(self) -> None:
        """Apply what stands before the release, and wait until the old versions are ready."""
        self.apply(self.case.folders[INSTALL])

        def there(state: State) -> bool:
            return all(
                self.controls.phase(state, one) == "idle"
                and ready(state, one, one.old) == one.replicas
                for one in self.release.changes
            )

        end = self.recorder.until(
            there, "the old versions are there", since=self.recorder.last().revision
        )
        self._start = self._at = end.revision

    def play(
        self,
        step: Step,
        *,
        back: bool = False,
        only_until: Callable[[State], bool] | None = None,
    ) -> None:
        """Play one step, of the rollback if *back*, and wait for what it waits for.

        With *only_until* it is left in the middle, as soon as that holds.
        """
        name = f"{BACK if back else ''}{step.id}"
        changes = self._concerned(step, back=back)
        typed = typed_at(
            self._commands[back, step.number], changes, [one.number for one in self._back]
        )
        things = [] if typed.instead else self._things(step, changes, back=back)
        now = [*([] if back else self._ahead), *typed.now]
        # What the controller goes on with by itself begins where the step before it has ended.
        acts = things or now or typed.instead
        self.note("begins", name, revision=None if acts else self._at)
        (self._back if back else self._forward).append(step)
        for change in changes if (now and not back) or typed.instead else ():
            self._go_on(change)
        early = self._beginning(changes) if typed.waiting else []
        applied = self.apply(things)
        for line in [*now, *typed.instead]:
            self.controls.command(line)
        for change in early:
            self._through(change, [line for line in typed.waiting if is_for(line, change)])
        if only_until is not None:
            self.until(only_until, f"{name} is in the middle")
            return
        end = self.recorder.until(
            partial(self._is_seen, step, changes),
            f"{name} is through",
            since=max(self._at, applied),
        )
        # Who does nothing waits for nothing: the step is through when it begins.
        self._at = max(end.revision, self._at)
        self.note("ends", name, revision=self._at)
        self._ahead = typed.on

    @property
    def last(self) -> Step:
        """The last step forward that was played."""
        return self._forward[-1]

    def forward(self, until: int | None = None, *, since: int = 0) -> None:
        """Play the plan's steps, or some of them."""
        for step in self.plan.steps[since:until]:
            self.play(step)

    def back(self) -> None:
        """Give the release up, from where it is: where nothing waits the next step may have begun."""
        following = self.plan.steps[self.last.number : self.last.number + 1]
        if not stays(self.release, self.last):
            for step in following:
                self.note("begins", step.id, revision=self._at)
        for step in self.needed():
            self.play(step, back=True)

    def needed(self) -> list[Step]:
        """The steps of the rollback whose condition holds."""
        done = {one.action for one in self._forward}
        gone = "promote" in done
        moved = gone or "switch" in done
        return [
            one
            for one in self.plan.rollback
            if (moved or not one.is_for_moved) and (gone or not one.is_for_gone)
        ]

    def apply(self, things: Sequence[Json]) -> int:
        """Apply *things* as ``kubectl apply`` does, and wait until they are recorded.

        The revision of the last of them that is recorded; 0 if none is.
        """
        revision = 0
        for one in things:
            (stored,) = self._cluster.api.apply(one)
            metadata = one["metadata"]
            self._applied[one["kind"], metadata["namespace"], metadata["name"]] = one
            revision = max(revision, self.recorder.until_seen(stored))
        return revision

    def apply_again(self) -> None:
        """Apply all that was applied, in its last form, as GitOps does."""
        self.apply(list(self._applied.values()))

    def note(
        self, kind: Kind, what: str, service: str = "", *, revision: int | None = None
    ) -> None:
        """Put something down that was done; at *revision*, or now."""
        if revision is None:
            revision = self._at = self.recorder.revision()
        event = Event(at=self.recorder.now(), kind=kind, what=what, service=service)
        self._notes.append(_Note(revision, event))

    @contextmanager
    def trouble(self, row: str, change: Change) -> Iterator[None]:
        """Let what *row* is about strike *change* until the block ends."""
        self.note("trouble", row, change.name)
        yield
        self.note("over", row, change.name)

    def until(self, condition: Callable[[State], bool], what: str) -> None:
        """Wait until *condition* holds of what there is from now on."""
        self.recorder.until(condition, what, since=self.recorder.last().revision)

    def seen(self, state: State, change: Change) -> Seen:
        """*change* as it is in *state*."""
        return self._eyes.look(state)[change.name]

    def pods(self, change: Change, version: str) -> list[str]:
        """The names of the pods of *version*."""
        return sorted(pods_of(self.recorder.last(), change, version))

    def trace(self, play: str) -> Trace:
        """All that was recorded since everything was installed."""
        made = list(self._events())
        zero = made[0].at
        at = 0.0
        events = []
        for one in made:
            at = max(at, one.at - zero)
            events.append(replace(one, at=at))
        return Trace(case=self.case.name, play=play, events=tuple(events))

    def _events(self) -> Iterator[Event]:
        eyes, known = Eyes(self.release), dict[str, Seen]()
        notes = iter([*self._notes, None])
        note = next(notes)
        for state in self.recorder.states():
            while note is not None and note.revision < state.revision:
                yield note.event
                note = next(notes)
            seen = eyes.look(state)
            if state.revision >= self._start:
                for name, one in seen.items():
                    if known.get(name) != one:
                        known[name] = one
                        yield Event(at=state.at, kind="saw", service=name, seen=one)
        while note is not None:
            yield note.event
            note = next(notes)

    def _concerned(self, step: Step, *, back: bool) -> list[Change]:
        """The changes that *step* is for here."""
        found = [one for one in self.release.changes if one.name in step.services]
        if step.when == RUNNING:
            last = self.recorder.last()
            return [one for one in found if self.controls.phase(last, one) != "aborted"]
        if not back or self.release.pattern == "locked":
            return found
        # Services that get along with each other go back alone, and only in the middle of it.
        forth = self._forward[-1]
        released = () if forth.action == "promote" else forth.services
        return [one for one in found if one.name in released]

    def _things(self, step: Step, changes: Sequence[Change], *, back: bool) -> list[Json]:
        found = self.case.folders.get(f"{BACK if back else ''}{step.id}", [])
        if step.when == RUNNING or (back and self.release.pattern != "locked"):
            names = {one.name for one in changes}
            return [one for one in found if one["metadata"]["name"] in names]
        return found

    def _beginning(self, changes: Sequence[Change]) -> list[Change]:
        """Those of *changes* that the controller gets ready for: what comes now is new to it."""
        last = self.recorder.last()
        return [one for one in changes if self.controls.phase(last, one) == "beginning"]

    def _through(self, change: Change, lines: Sequence[str]) -> None:
        """Type *lines* as often as the controller waits for it, until it is through."""
        for _ in range(1 + len(self.release.stages)):
            self.until(
                lambda state: self.controls.phase(state, change) in ("idle", "waiting"),
                f"{change.name} waits, or is through",
            )
            if self.controls.phase(self.recorder.last(), change) == "idle":
                return
            self.note("is", "again", change.name)
            for line in lines:
                self.controls.command(line)

    def _go_on(self, change: Change) -> None:
        """Nothing can be promoted that was aborted, or that does not wait for it yet."""
        self.until(
            lambda state: self.controls.phase(state, change) in ("waiting", "aborted"),
            f"{change.name} waits",
        )
        if self.controls.phase(self.recorder.last(), change) == "aborted":
            self.controls.retry(change)
            self.until(
                lambda state: (
                    self.controls.phase(state, change) == "waiting"
                    and ready(state, change, change.new) == change.replicas
                ),
                f"{change.name} waits again",
            )
            # What is typed while the controller writes the status is overwritten.
            self.recorder.until_quiet()

    def _is_seen(self, step: Step, changes: Sequence[Change], state: State) -> bool:
        """Whether *state* is what the runbook says to wait for."""
        seen = self._eyes.look(state)
        return all(self._is_through(step, one, state, seen[one.name]) for one in changes)

    def _is_through(self, step: Step, change: Change, state: State, seen: Seen) -> bool:
        news, olds = (ready(state, change, one) for one in (change.new, change.old))
        phase = self.controls.phase(state, change)
        match step.action:
            case "deploy":
                return news == change.replicas and (phase == "waiting" or not self._locked)
            case "promote":
                return phase == "idle" and seen.old == "none" and news == change.replicas
            case "restore":
                return phase in ("idle", "waiting") and olds == change.replicas
            case "scale-down":
                return phase == "idle" and seen.new == "none"
            case "weigh" if self._locked and self.release.share == "entrance":
                return seen.share == (step.weight or 0) // 100
            case "undye":
                return seen.share == 0
            case "weigh" if step.weight == 0 and self.release.controller == "argo-rollouts":
                return phase == "aborted" and self._is_routed(step, change, seen)
            case _:
                return self._is_routed(step, change, seen)

    @property
    def _locked(self) -> bool:
        return self.release.pattern == "locked"

    def _is_routed(self, step: Step, change: Change, seen: Seen) -> bool:
        (planned,) = (one for one in step.routes if one.service == change.name)
        words = {change.old: "old", change.new: "new", None: "off"}
        base = "~".join(words[version] for version, _ in planned.base)
        share = dict(planned.base).get(change.new, 0) // 100 if "~" in base else 0
        # A lane's route may lead where nothing is: that is for the table to tell.
        lanes = (words[planned.lane], "gone" if planned.lane else "off")
        if step.action in ("route", "unroute"):
            return seen.lane in lanes
        return (seen.base, seen.share) == (base, share) and seen.lane in lanes


def stays(release: Release, step: Step) -> bool:
    """Whether nothing goes on by itself after *step*, however long it takes."""
    return release.pattern == "locked" or (step.pause is None and step.action != "deploy")


@contextmanager
def playing(
    cluster: Cluster, controls: Controls, watches: Watches, made: Callable[[str], Case]
) -> Iterator[Player]:
    """A player of what *made* makes for a prefix of namespaces, with everything installed."""
    case = made(f"p{next(_NUMBERS)}-")
    for name in case.namespaces:
        cluster.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    with watches.recording(case.namespaces) as recorder:
        player = Player(cluster, controls, recorder, case)
        player.install()
        yield player
