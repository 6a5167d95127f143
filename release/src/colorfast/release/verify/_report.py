"""A verdict for people and for programs."""

from collections.abc import Iterator
from textwrap import wrap
from typing import Any

from colorfast.release._model import Change
from colorfast.release.verify._counterexample import Counterexample, share, version
from colorfast.release.verify._judge import MEANINGS
from colorfast.release.verify._rows import Local, Row, ends
from colorfast.release.verify._system import Move
from colorfast.release.verify._verify import Verdict

_WIDTH = 96


def verdict_text(verdict: Verdict) -> str:
    """What holds, and the shortest counterexample of what does not."""
    return "\n".join(_lines(verdict)) + "\n"


def _lines(verdict: Verdict) -> Iterator[str]:
    release = verdict.plan.release
    broken = {one.invariant for one in verdict.counterexamples}
    manner = "in any order" if verdict.any_order else "in the order of its plan"
    said = "is safe" if verdict.safe else "is not safe"
    yield f"release {release.name} {said} {manner} ({verdict.table.name})"
    for invariant in verdict.promises:
        mark = "BROKEN" if invariant in broken else "holds"
        # A search in any order ends at the first break.
        if mark == "holds" and broken and verdict.any_order:
            mark = "-"
        yield f"  {mark:<7} {invariant:<13} {MEANINGS[invariant]}"
    yield f"{verdict.states:,} states seen, {_count(verdict.pairs, 'group')} of services"
    for one in verdict.counterexamples:
        yield ""
        yield from _counterexample(verdict, one)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _counterexample(verdict: Verdict, one: Counterexample) -> Iterator[str]:
    yield f"{one.invariant}: {one.what}"
    for line in _told(one.moves):
        yield from wrap(line, _WIDTH, initial_indent="    ", subsequent_indent="        ")
    yield f"  now: {share(one.state.dye)}"
    for change, local in zip(verdict.plan.release.order, one.state.locals, strict=True):
        yield f"    {change.name}: {_routes(change, local)}; {_pods(change, local)}"
    if one.path:
        kind = "dyed" if one.dyed else "not dyed"
        yield f"  a request ({kind}): " + " -> ".join(map(str, one.path))


def _told(moves: tuple[Move, ...]) -> Iterator[str]:
    """Steps that are through as one line; what happens unasked, and the last step, move by move."""
    pending: list[str] = []
    for move in moves:
        if move.kind == "go on" and move.step is not None:
            pending = [line for line in pending if line.startswith("!")]
            yield from pending
            pending = []
            yield f"{move.step.number}. {move.step.title}"
        elif move.kind == "give up":
            yield from pending
            pending = []
            yield "-- the release is given up --"
        else:
            pending.append(_move(move))
    yield from pending


def _move(move: Move) -> str:
    if move.kind == "share" and move.step is not None:
        return f"{move.step.number}. {move.step.title}: begun"
    if move.kind == "shared" or move.row is None:
        return "every entrance has the new share"
    mark = "! " if move.row.by == "trouble" else ""
    number = f"{move.step.number}. " if move.step is not None else ""
    return f"{mark}{number}{move.service}: {move.row.name} ({_known(move.row)})"


def _known(row: Row) -> str:
    return f"{row.seen}: {row.evidence}"


def _routes(change: Change, local: Local) -> str:
    lane = "none" if local.lane == "off" else _led(change, local.lane)
    return f"base route {_led(change, local.base)}, lane route {lane}"


def _led(change: Change, value: str) -> str:
    names = {"gone": "no endpoints", "off": "none"}
    ways = [names.get(end) or version(change, end) for end in ends(value)]
    if len(ways) == 1:
        return ways[0]
    return " or ".join(ways) + (" (weights)" if "~" in value else " (proxies differ)")


def _pods(change: Change, local: Local) -> str:
    return f"pods {change.old} {local.old}, {change.new} {local.new}"


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """Everything about the verdict."""
    release = verdict.plan.release
    return {
        "release": release.name,
        "safe": verdict.safe,
        "anyOrder": verdict.any_order,
        "table": verdict.table.name,
        "promises": list(verdict.promises),
        "states": verdict.states,
        "counterexamples": [_as_json(verdict, one) for one in verdict.counterexamples],
    }


def _as_json(verdict: Verdict, one: Counterexample) -> dict[str, Any]:
    services = zip(verdict.plan.release.order, one.state.locals, strict=True)
    return {
        "invariant": one.invariant,
        "what": one.what,
        "moves": [_move_json(move) for move in one.moves],
        "dye": list(one.state.dye),
        "services": {change.name: local._asdict() for change, local in services},
        "request": {
            "entrance": one.entrance,
            "dyed": one.dyed,
            "path": [
                {"service": hop.service, "dyed": hop.dyed, "answer": hop.answer} for hop in one.path
            ],
        }
        if one.path
        else None,
    }


def _move_json(move: Move) -> dict[str, Any]:
    return {
        "kind": move.kind,
        "step": move.step.id if move.step is not None else None,
        "service": move.service or None,
        "row": move.row.name if move.row is not None else None,
        "by": move.row.by if move.row is not None else None,
        "known": move.row.seen if move.row is not None else None,
        "evidence": move.row.evidence if move.row is not None else None,
    }
