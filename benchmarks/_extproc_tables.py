"""What the ext_proc benchmark prints and keeps."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks._alone import ALONE, AloneMeasured
from benchmarks._behind import PartMeasured
from benchmarks._bench import Asking
from benchmarks._extproc_targets import FIGURES
from benchmarks._names import COMPILED, HTTP2, NONE
from benchmarks._parts import Cell
from benchmarks._rounds import Rounds, Sample
from benchmarks._soak import SOAK, Soaked
from benchmarks._text import Table

_COMPARED = ("requests/s", "service CPU", "Envoy CPU", "p99")
_ALONE = ("requests/s", "service CPU", "p99")


def part_figures(measured: PartMeasured) -> dict[str, Any]:
    """Of a part, for the file."""
    return {
        "title": measured.part.title,
        "conditions": dict(measured.conditions),
        "noise": measured.rounds.noise(),
        "failed": measured.rounds.failed,
        "memory": dict(measured.memory),
        "cells": [
            asdict(cell) | _medians(measured.rounds, cell) | _ratios(measured.rounds, cell)
            for cell in measured.rounds.samples
        ],
    }


def alone_figures(measured: AloneMeasured) -> dict[str, Any]:
    """Of the servers alone, for the file."""
    return {
        "title": "Servers alone: one core, 64 in flight, every answer looked at",
        "conditions": {"load": "ask.c", "cores": measured.cores},
        "noise": measured.rounds.noise(),
        "cells": [_alone_cell(measured.rounds, asking) for asking in measured.rounds.samples],
    }


def _alone_cell(rounds: Rounds[Asking], asking: Asking) -> dict[str, Any]:
    cell: dict[str, Any] = {"row": str(asking), "quiet": _quiet(rounds.samples[asking])}
    cell |= {name: rounds.median(asking, FIGURES[name]) for name in _ALONE}
    ours = Asking(server=HTTP2, again=asking.again)
    compared = ours in rounds.samples and ours != asking
    ratios = {name: rounds.ratio(ours, asking, FIGURES[name]) for name in _ALONE if compared}
    return cell | {"ours to it": ratios}


def soak_figures(soaked: Soaked) -> dict[str, Any]:
    """For the file."""
    return asdict(soaked) | {"slope": soaked.slope}


def _medians(rounds: Rounds[Cell], cell: Cell) -> dict[str, Any]:
    medians = {name: rounds.median(cell, figure) for name, figure in FIGURES.items()}
    taken = rounds.samples[cell]
    return medians | {"quiet": _quiet(taken), "samples": [asdict(one) for one in taken]}


def _quiet(samples: Sequence[Sample]) -> int:
    return sum(one.quiet for one in samples)


def _ratios(rounds: Rounds[Cell], cell: Cell) -> dict[str, Any]:
    """Ours to this row's, for the same request."""
    ours = Cell(row=HTTP2, connections=cell.connections, shape=cell.shape, forward=cell.forward)
    if ours not in rounds.samples or cell.row in (HTTP2, COMPILED):
        return {"ours to it": {}}
    names = [one for one in _COMPARED if one != "service CPU" or cell.row != NONE]
    return {"ours to it": {name: rounds.ratio(ours, cell, FIGURES[name]) for name in names}}


def tables(result: Mapping[str, Any]) -> list[Table]:
    """From what is kept in the file: ratios first."""
    parts: Mapping[str, Any] = result["parts"]
    found = [_ratio_table(name, part) for name, part in parts.items()]
    found += [_part_table(name, part) for name, part in parts.items()]
    if ALONE in result:
        found.append(_alone_table(result[ALONE]))
    if SOAK in result:
        found.append(_soak_table(result[SOAK]))
    if "processor" in result:
        found.append(_processor_table(result["processor"]))
    return found


def _ratio_table(name: str, part: Mapping[str, Any]) -> Table:
    return Table(
        name=f"extproc-{name}-ratios",
        title=f"{part['title']}: {HTTP2}, to each other row",
        head=("to", *_COMPARED),
        rows=[
            (_label(cell, part), *(_ratio(cell["ours to it"].get(one)) for one in _COMPARED))
            for cell in part["cells"]
            if cell["ours to it"]
        ],
    )


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"x{value:.3f}" if value < 0.1 else f"x{value:.2f}"


def _part_table(name: str, part: Mapping[str, Any]) -> Table:
    return Table(
        name=f"extproc-{name}",
        title=part["title"],
        head=("row", "req/s", "service us", "Envoy us", "p50 ms", "p99 ms", "RSS MiB"),
        rows=[
            (
                _label(cell, part),
                f"{cell['requests/s']:,.0f}",
                "-" if cell["row"] == NONE else f"{cell['service CPU']:.1f}",
                f"{cell['Envoy CPU']:.1f}",
                f"{cell['p50']:.2f}",
                f"{cell['p99']:.2f}",
                f"{part['memory'][cell['row']]:.0f}" if cell["row"] in part["memory"] else "-",
            )
            for cell in part["cells"]
        ],
    )


def _label(cell: Mapping[str, Any], part: Mapping[str, Any]) -> str:
    """The row, and what differs between the cells of its part."""
    words = [cell["row"]]
    if _varies(part, "connections"):
        words.insert(0, f"{cell['connections']}")
    if _varies(part, "shape"):
        words.append(cell["shape"])
    if _varies(part, "forward"):
        words.append("forward_rules" if cell["forward"] else "all headers")
    return " · ".join(words) + ("" if cell["quiet"] else " (noisy)")


def _varies(part: Mapping[str, Any], key: str) -> bool:
    return len({cell[key] for cell in part["cells"]}) > 1


def _alone_table(alone: Mapping[str, Any]) -> Table:
    return Table(
        name="extproc-alone",
        title=alone["title"],
        head=("server", "req/s", "CPU us", "p99 ms", *(f"{HTTP2}: {one}" for one in _ALONE)),
        rows=[
            (
                cell["row"] + ("" if cell["quiet"] else " (noisy)"),
                f"{cell['requests/s']:,.0f}",
                f"{cell['service CPU']:.1f}",
                f"{cell['p99']:.2f}",
                *(_ratio(cell["ours to it"].get(one)) for one in _ALONE),
            )
            for cell in alone["cells"]
        ],
    )


def _soak_table(soaked: Mapping[str, Any]) -> Table:
    return Table(
        name="extproc-soak",
        title="Soak: memory of the service",
        head=("server", "requests", "MiB at first", "MiB at last", "MiB a million"),
        rows=[
            (
                soaked["server"],
                f"{soaked['requests'][-1]:,}",
                f"{soaked['memory'][0]:.1f}",
                f"{soaked['memory'][-1]:.1f}",
                f"{soaked['slope']:.2f}",
            )
        ],
    )


def _processor_table(costs: Mapping[str, Any]) -> Table:
    return Table(
        name="extproc-processor",
        title="The processor alone, without gRPC: microseconds a message",
        head=("request", "forwarded to all", "forwarded headers", "all headers", "the same again"),
        rows=[
            (
                name,
                f"x{one['ratio']:.2f}",
                *(f"{one[kind]:.2f}" for kind in ("forwarded", "all", "again")),
            )
            for name, one in costs.items()
        ],
    )
