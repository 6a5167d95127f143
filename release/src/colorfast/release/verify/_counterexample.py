"""One break told in full: the moves that lead to it, the routes then in force, the request."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from colorfast.release._model import Change, Release
from colorfast.release._steps import WHOLE, Step
from colorfast.release.verify._judge import Break, Invariant
from colorfast.release.verify._requests import DECLARED, FAILS, NEW, OLD, Journey, served
from colorfast.release.verify._rows import Local
from colorfast.release.verify._search import Space
from colorfast.release.verify._system import Move, State, System


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One call of a request."""

    service: str
    dyed: bool
    """Whether the request is in the lane there."""
    answer: str
    """The version that answers, or ``503``; empty for a service that has one version."""

    def __str__(self) -> str:
        return f"{self.service}({self.answer})" if self.answer else self.service


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterexample:
    """A shortest way to a state in which an invariant is broken."""

    invariant: Invariant
    what: str
    moves: tuple[Move, ...]
    """Of the whole release."""
    state: State
    """After the moves; its services are those of the release in the order of promotion."""
    entrance: str = ""
    dyed: bool = False
    """Whether the request is dyed when it enters."""
    path: tuple[Hop, ...] = ()
    """The request, up to the call that shows it; empty when no request is needed to."""

    @property
    def depth(self) -> int:
        """How many moves it takes."""
        return len(self.moves)


def counterexample(whole: System, moves: Iterable[Move], found: Break) -> Counterexample:
    """*found* in the whole release: *moves* are those of some of its services."""
    lifted, state = lift(whole, moves)
    journey = found.journey
    return Counterexample(
        invariant=found.invariant,
        what=found.what,
        moves=lifted,
        state=state,
        entrance=journey.entrance if journey else "",
        dyed=bool(journey and journey.dyed),
        path=tuple(_path(whole, state, journey, found)) if journey else (),
    )


def lift(whole: System, moves: Iterable[Move]) -> tuple[tuple[Move, ...], State]:
    """*moves* of some services with what the other services do meanwhile, and where that leads.

    The others do what the plan waits for and nothing else. Raises LookupError when a move cannot
    be made, which would be an error of the reduction.
    """
    state, lifted = whole.start, list[Move]()
    for move in moves:
        if move.kind == "go on":
            for other in _others(whole, state, move):
                state = take(whole, state, other)
                lifted.append(other)
        state = take(whole, state, move)
        lifted.append(move)
    return tuple(lifted), state


def take(system: System, state: State, move: Move) -> State:
    """The state after *move*. Raises LookupError when *state* does not have it."""
    for possible, after in system.moves(state):
        if _same(possible, move):
            return after
    raise LookupError(move)


def _same(one: Move, other: Move) -> bool:
    numbers = (one.step and one.step.number, other.step and other.step.number)
    return (
        one.kind == other.kind
        and one.service == other.service
        and one.row is other.row
        and numbers[0] == numbers[1]
    )


def _others(whole: System, state: State, move: Move) -> Iterator[Move]:
    """What services that are not through with the step of *move* do until they are."""
    step = move.step
    if step is None or whole.any_order or whole.shares(step):
        return
    for name, local in zip(whole.names, state.locals, strict=True):
        if name in step.services and not whole.is_done(step, local):
            yield from _through(whole, name, state._replace(locals=(local,)), step)


def _through(whole: System, name: str, start: State, step: Step) -> Iterator[Move]:
    alone = System(whole.plan, whole.table, (name,))
    space = Space(alone, start)
    for reached in space.states():
        if reached.back == start.back and alone.is_done(step, reached.locals[0]):
            yield from (move for move in space.trace(reached) if move.service)
            return


def _path(whole: System, state: State, journey: Journey, found: Break) -> Iterator[Hop]:
    release = whole.plan.release
    locals_ = dict(zip(whole.names, state.locals, strict=True))
    wanted = [(visit.service, visit.dyed, answer) for visit, answer in found.answers]
    for service, dyed in _calls(release, journey.entrance, dyed=journey.dyed):
        change = release.change(service)
        shown = next((one for one in wanted if one[:2] == (service, dyed)), None)
        if shown is not None:
            wanted.remove(shown)
            answer = shown[2]
        else:
            answer = _likely(release, locals_[service], dyed=dyed) if change else ""
        yield Hop(service=service, dyed=dyed, answer=version(change, answer))
        if not wanted or answer == FAILS:
            return


def _likely(release: Release, local: Local, *, dyed: bool) -> str:
    answers = served(local, dyed=dyed, falls_back=release.mesh.fallback == "endpoints")
    order = (NEW, OLD, DECLARED, FAILS) if dyed else (OLD, NEW, DECLARED, FAILS)
    return next(one for one in order if one in answers)


def _calls(release: Release, service: str, *, dyed: bool) -> Iterator[tuple[str, bool]]:
    """Every call of a request, in the order in which it makes them."""
    yield service, dyed
    onwards = dyed and service not in release.drops
    for name in release.mesh.service(service).calls:
        yield from _calls(release, name, dyed=onwards)


def version(change: Change | None, answer: str) -> str:
    """What *answer* is called for *change*; None is a service that has one version."""
    if change is None:
        return answer
    return {OLD: change.old, NEW: change.new, DECLARED: change.old}.get(answer, answer)


def share(dye: tuple[int, ...]) -> str:
    """*dye* for people."""
    last = f"{dye[-1] / 100:g} % dyed"
    if len(dye) == 1:
        return "nobody dyed" if dye == (0,) else "everybody dyed" if dye == (WHOLE,) else last
    return f"from {dye[-2] / 100:g} to {dye[-1] / 100:g} % dyed"
