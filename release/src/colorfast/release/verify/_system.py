"""A release as a whole: the plan, the dye, and some of its services, as states and moves."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Literal, NamedTuple, TypeAlias

from colorfast.release._steps import Plan, Step
from colorfast.release.verify._rows import Local, Row, Table, is_settled, verb_of


class State(NamedTuple):
    """Everything that can change."""

    back: bool
    """Whether the release is being given up."""
    at: tuple[int, ...]
    """Of each process, how many of its steps are done."""
    dye: tuple[int, ...]
    """Parts of 10,000 that are dyed; several while the policy is being taken over, the last being
    the new one."""
    locals: tuple[Local, ...]


MoveKind: TypeAlias = Literal["row", "share", "shared", "go on", "give up"]
"""A row of a table; a new share; a share that everybody has; the next step; the rollback."""


class Move(NamedTuple):
    """One transition of a system."""

    kind: MoveKind
    process: int = 0
    service: str = ""
    row: Row | None = None
    step: Step | None = None


@dataclass(frozen=True, slots=True)
class Process:
    """Steps that follow each other, and the services that they are for here."""

    forward: tuple[Step, ...]
    back: tuple[Step, ...]
    services: tuple[int, ...]
    """Indices of the services whose routes and pods its steps change."""
    left_out: int
    """How many steps of the rollback a release that has moved no base route leaves out."""
    moved: int | None
    """The first step that moves base routes or old pods."""

    def steps(self, *, back: bool) -> tuple[Step, ...]:
        """The steps in one direction."""
        return self.back if back else self.forward


@dataclass(frozen=True)
class System:
    """The states and moves of *names*, services of *plan*'s release that follow *table*.

    In order there is one process, the plan. In any order the dye and every service is a process:
    each keeps its own order, and between them anything goes.
    """

    plan: Plan
    table: Table
    names: tuple[str, ...]
    any_order: bool = False

    @cached_property
    def start(self) -> State:
        """Nothing has been done."""
        return State(
            back=False,
            at=(0,) * len(self.processes),
            dye=(0,),
            locals=(self.table.start,) * len(self.names),
        )

    @cached_property
    def processes(self) -> tuple[Process, ...]:
        """What goes on side by side."""
        everything = tuple(range(len(self.names)))
        if not self.any_order:
            return (self._process(lambda _: True, everything),)
        return (
            self._process(self.shares, ()),
            *(
                self._process(partial(self._is_of, name), (index,))
                for index, name in enumerate(self.names)
            ),
        )

    def _process(self, has: Callable[[Step], bool], services: tuple[int, ...]) -> Process:
        forward = tuple(step for step in self.plan.steps if has(step))
        back = tuple(step for step in self.plan.rollback if has(step))
        moves = (i for i, step in enumerate(forward) if step.action in ("switch", "promote"))
        return Process(
            forward=forward,
            back=back,
            services=services,
            left_out=next((i for i, step in enumerate(back) if not step.is_for_moved), 0),
            moved=next(moves, None),
        )

    def _is_of(self, name: str, step: Step) -> bool:
        return name in step.services and not self.shares(step)

    def shares(self, step: Step) -> bool:
        """Whether *step* changes the share of requests that are in the lane."""
        if step.action == "weigh":
            release = self.plan.release
            return release.pattern == "locked" and release.share == "entrance"
        return step.action in ("dye", "undye")

    def is_through(self, state: State) -> bool:
        """Whether every process has done its last step."""
        return all(
            at == len(process.steps(back=state.back))
            for at, process in zip(state.at, self.processes, strict=True)
        )

    def moves(self, state: State) -> Iterator[tuple[Move, State]]:
        """What can happen next, and what it leads to; in an order that is always the same."""
        yield from self._steps(state)
        if len(state.dye) > 1:
            yield Move("shared"), state._replace(dye=state.dye[-1:])
        for index, local in enumerate(state.locals):
            for row in self._by_itself(local):
                yield Move("row", service=self.names[index], row=row), _with(state, index, row)
        if not state.back and state != self.start and not self.is_through(state):
            yield self._give_up(state)

    def _steps(self, state: State) -> Iterator[tuple[Move, State]]:
        for number, (at, process) in enumerate(zip(state.at, self.processes, strict=True)):
            steps = process.steps(back=state.back)
            if at == len(steps):
                continue
            step = steps[at]
            begun = self._share(state, step) if self.shares(step) else ()
            yield from ((move._replace(process=number), after) for move, after in begun)
            if not self.shares(step):
                yield from self._rows(state, number, process, step)
            if self._is_done(state, process, step):
                after = (*state.at[:number], at + 1, *state.at[number + 1 :])
                # In any order it is one service that goes on.
                alone = self.any_order and process.services
                name = self.names[process.services[0]] if alone else ""
                yield Move("go on", number, name, step=step), state._replace(at=after)

    def _share(self, state: State, step: Step) -> Iterator[tuple[Move, State]]:
        target = step.weight or 0
        # A rollback does not wait for the step that it interrupts.
        if state.dye[-1] != target and (len(state.dye) == 1 or state.back):
            yield Move("share", step=step), state._replace(dye=(*state.dye, target))

    def _rows(
        self, state: State, number: int, process: Process, step: Step
    ) -> Iterator[tuple[Move, State]]:
        verb = verb_of(step)
        for index in process.services:
            local = state.locals[index]
            if self.names[index] not in step.services or self.table.is_done(verb, local):
                continue
            for row in self.table.rows:
                if row.verb == verb and row.fits(local):
                    move = Move("row", number, self.names[index], row, step)
                    yield move, _with(state, index, row)

    def is_done(self, step: Step, local: Local) -> bool:
        """Whether a service in *local* is through with *step*, and all proxies have its routes."""
        return is_settled(local) and self.table.is_done(verb_of(step), local)

    def _is_done(self, state: State, process: Process, step: Step) -> bool:
        if self.shares(step):
            return state.dye == (step.weight or 0,)
        return all(
            self.is_done(step, state.locals[index])
            for index in process.services
            if self.names[index] in step.services
        )

    def _by_itself(self, local: Local) -> tuple[Row, ...]:
        if local not in self._known:
            rows = (row for row in self.table.rows if row.by != "plan" and row.fits(local))
            self._known[local] = tuple(rows)
        return self._known[local]

    @cached_property
    def _known(self) -> dict[Local, tuple[Row, ...]]:
        return {}

    def _give_up(self, state: State) -> tuple[Move, State]:
        late = any(
            process.moved is not None and at >= process.moved
            for at, process in zip(state.at, self.processes, strict=True)
        )
        at = tuple(0 if late else process.left_out for process in self.processes)
        return Move("give up"), state._replace(back=True, at=at)


def _with(state: State, index: int, row: Row) -> State:
    local = state.locals[index]._replace(**row.then)
    return state._replace(locals=(*state.locals[:index], local, *state.locals[index + 1 :]))
