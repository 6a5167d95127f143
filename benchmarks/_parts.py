"""The parts of the ext_proc benchmark behind Envoy: which rows, what with, on which cores.

Each part is one run of one Envoy and of every server in it; figures of different parts are not to
be compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks._names import (
    COMPILED,
    FLOOR,
    GO,
    GO_TUNED,
    GRPCIO,
    H2,
    HTTP2,
    NONE,
    PYTHON,
    SDK,
    SERVERS,
    WORKERS,
)
from benchmarks._options import Options
from benchmarks._request import SHAPES
from benchmarks._rounds import Plan

MAIN, FREE, BOTH, SHAPED = "main", "free", "workers", "shapes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One figure's place."""

    row: str
    connections: int
    shape: str = "curl"
    forward: bool = False
    """Whether Envoy sends only the headers that the policy reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What is measured in one run."""

    name: str
    title: str
    rows: tuple[str, ...]
    connections: tuple[int, ...]
    shapes: tuple[str, ...] = ("curl",)
    forwards: tuple[bool, ...] = (False,)
    workers: int = 1
    """Of Envoy."""
    free: bool = False
    """Leave it to the system what runs where."""
    plan: Plan

    @property
    def cells(self) -> list[Cell]:
        return [
            Cell(row=row, connections=connections, shape=shape, forward=forward)
            for connections in self.connections
            for shape in self.shapes
            for forward in self.forwards
            for row in self.rows
        ]

    @property
    def servers(self) -> tuple[str, ...]:
        """In order, each once."""
        return tuple(dict.fromkeys(SERVERS[row] for row in self.rows if row in SERVERS))


_EVERY = (NONE, FLOOR, HTTP2, COMPILED, PYTHON, GRPCIO, H2, SDK, GO, GO_TUNED)
_FEW = (NONE, FLOOR, HTTP2, GO, GO_TUNED)
_PAIR = (FLOOR, HTTP2, GO)


def parts(options: Options) -> list[Part]:
    """Those that the command line wants, with the rows that it wants."""
    quick = options.quick
    # Most targets are of the first part, and some are close: more rounds, less chance.
    main = Plan(rounds=5, seconds=2, spare=25)
    long, short = Plan(rounds=3, seconds=2, spare=15), Plan(rounds=3, seconds=1, spare=10)
    if quick:
        main = long = short = Plan(rounds=1, seconds=1, spare=1)
    every = (
        Part(
            name=MAIN,
            title="One Envoy worker and the server, each on a core of its own",
            rows=_EVERY,
            connections=options.connections_of((16, 64) if quick else (1, 16, 64, 256)),
            plan=main.chosen(options),
        ),
        Part(
            name=FREE,
            title="One Envoy worker, nothing pinned to a core",
            rows=_FEW,
            connections=options.connections_of((64,)),
            free=True,
            plan=long.chosen(options),
        ),
        Part(
            name=BOTH,
            title="Two Envoy workers",
            rows=(FLOOR, HTTP2, WORKERS, GO),
            connections=options.connections_of((64,)),
            workers=2,
            plan=long.chosen(options),
        ),
        Part(
            name=SHAPED,
            title="Shapes of requests, forward_rules off and on",
            rows=_PAIR,
            connections=options.connections_of((64,)),
            shapes=("curl and baggage", "browser, 8 KiB cookie") if quick else tuple(SHAPES),
            forwards=(False,) if quick else (False, True),
            plan=short.chosen(options),
        ),
    )
    # A quick run leaves out what says least, unless it is asked for.
    left_out = (FREE,) if quick and not options.parts else ()
    wanted = [one for one in every if options.wants_part(one.name) and one.name not in left_out]
    return [_with_rows(one, options) for one in wanted]


def _with_rows(part: Part, options: Options) -> Part:
    return with_rows(part, [row for row in part.rows if options.wants_row(row)])


def with_rows(part: Part, rows: Sequence[str]) -> Part:
    """*part* with these rows."""
    return Part(
        name=part.name,
        title=part.title,
        rows=tuple(rows),
        connections=part.connections,
        shapes=part.shapes,
        forwards=part.forwards,
        workers=part.workers,
        free=part.free,
        plan=part.plan,
    )
