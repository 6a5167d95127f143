"""The ext_proc benchmark without Envoy: targets from samples, tables, the plot, the page."""

import json
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from benchmarks.__main__ import PARTS
from benchmarks._alone import ALONE, AloneMeasured
from benchmarks._behind import PartMeasured
from benchmarks._bench import Asking
from benchmarks._extproc_run import Run, servers_of
from benchmarks._extproc_tables import tables
from benchmarks._extproc_targets import Judge
from benchmarks._names import COMPILED, FLOOR, GO, GRPCIO, HTTP2, NONE, SDK, WORKERS
from benchmarks._options import Options
from benchmarks._parts import BOTH, MAIN, SHAPED, Cell, parts
from benchmarks._plot import plot
from benchmarks._request import DISTINCT, SHAPES
from benchmarks._rounds import Rounds, Sample
from benchmarks._servers import Found, asked_message
from benchmarks._soak import SOAK, Soaked, slope
from benchmarks.extproc import PROCESSOR
from benchmarks.report import PAGE, blocks_of, filled
from colorfast.extproc._desk import MAX_KNOWN
from helpers.samples import noisy, sample

NOTHING = Found(launches={}, absent={GO: "there is no go"})


def measured(name: str, samples: dict[Cell, list[Sample]]) -> PartMeasured:
    part = next(one for one in parts(Options()) if one.name == name)
    rows = {cell.row for cell in samples}
    return PartMeasured(
        part=part,
        rounds=Rounds(samples=samples),
        memory=dict.fromkeys(rows - {NONE}, 20.0),
        absent={},
        versions={GO: "go 1.26"},
        conditions={"envoy": "1.40.0", "load": "wrk", "cores": "all"},
    )


def at(row: str, connections: int = 64, shape: str = "curl") -> Cell:
    return Cell(row=row, connections=connections, shape=shape)


@pytest.fixture
def done() -> Run:
    run = Run(Options(), NOTHING)
    run.parts[MAIN] = measured(
        MAIN,
        {
            at(NONE): [sample(rate=5000)],
            at(FLOOR): [sample(rate=1000, service=1)],
            at(HTTP2): [sample(rate=970, service=11)],
            at(GRPCIO): [sample(rate=200, service=300)],
            at(GO): [noisy(990)],
            at(HTTP2, 16): [sample(p99=1.0)],
            at(GO, 16): [sample(p99=2.0)],
        },
    )
    run.parts[BOTH] = measured(
        BOTH, {at(WORKERS): [sample(service=12)], at(GO): [sample(service=30)]}
    )
    cookie = "browser, 8 KiB cookie"
    run.parts[SHAPED] = measured(
        SHAPED, {at(HTTP2, shape=cookie): [sample(service=25)], at(GO): [sample(service=40)]}
    )
    run.alone = AloneMeasured(
        rounds=Rounds(
            samples={
                Asking(server=HTTP2): [sample(rate=900)],
                Asking(server=GO): [sample(rate=500)],
            }
        ),
        absent={},
        cores="",
    )
    run.soaked = Soaked(
        server=HTTP2,
        requests=[250_000, 500_000, 750_000, 1_000_000],
        memory=[9, 30, 30, 30],
        wanted=1_000_000,
        seconds=1.0,
    )
    return run


def judged(done: Run) -> dict[str, bool | None]:
    targets = Judge(done.parts, done.alone, done.soaked).targets()
    return {one.name: one.kept for one in targets}


def test_every_target_is_judged_by_its_own_pair_of_rows(done: Run) -> None:
    scaled = "service CPU, at 23 us of Go's for curl"
    assert judged(done) == {
        "64 connections: requests/s, to the C floor's": True,
        "64 connections: requests/s, to grpcio's": True,
        "64 connections: requests/s, to Go's": False,
        "64 connections: service CPU, to Go's": False,
        "16 connections: p99, to Go's": True,
        "server alone: requests/s, to Go's": True,
        "two workers each: requests/s, to Go's": True,
        "two workers each: service CPU, to Go's": True,
        f"64 connections, curl: {scaled}": False,
        f"64 connections, curl and baggage: {scaled}": None,
        f"64 connections, browser, 8 KiB cookie: {scaled}": True,
        "soak, colorfast http2, 1,000,000 requests: memory": True,
    }


def test_without_a_row_its_targets_are_absent() -> None:
    assert set(judged(Run(Options(), NOTHING)).values()) == {None}


def test_the_slope_is_that_of_the_warm_part() -> None:
    soaked = Soaked(
        server=HTTP2,
        requests=[1_000_000, 2_000_000, 3_000_000, 4_000_000],
        memory=[10, 30, 32, 34],
        wanted=4_000_000,
        seconds=1.0,
    )
    assert soaked.slope == pytest.approx(2.0)
    assert slope([5], [7]) == 0


def test_a_short_soak_tells_nothing(done: Run) -> None:
    done.soaked = Soaked(
        server=HTTP2, requests=[5000, 9000], memory=[9, 90], wanted=9000, seconds=1.0
    )
    assert judged(done)["soak, colorfast http2, 9,000 requests: memory"] is None


def result(done: Run) -> dict[str, Any]:
    targets = Judge(done.parts, done.alone, done.soaked).targets()
    kept = done.figures() | {"targets": [one.as_json() for one in targets]}
    whole = {"machine": {"processor": "P", "cores": "2", "system": "linux", "python": "3"}}
    whole |= kept | {"options": {"quick": True}}
    read: dict[str, Any] = json.loads(json.dumps(whole))
    return read


def test_tables_are_made_from_what_is_in_the_file(done: Run) -> None:
    found = {one.name: one for one in tables(result(done))}
    ratios = found["extproc-main-ratios"]
    assert ("64 · C floor", "x0.97", "x11.00", "x1.00", "x1.00") in ratios.rows
    main = {row[0]: row[1:] for row in found["extproc-main"].rows}
    assert main["64 · no filter"] == ("5,000", "-", "10.0", "0.50", "1.00", "-")
    assert main["64 · Go (noisy)"][0] == "990"
    assert found["extproc-alone"].rows[1] == (GO, "500", "5.0", "1.00", "x1.80", "x1.00", "x1.00")


def test_columns_are_aligned(done: Run) -> None:
    table = next(one for one in tables(result(done)) if one.name == "extproc-main")
    _, *lines = table.text().split("\n")
    assert len({len(line) for line in lines}) == 1


def test_the_plot_is_svg_with_a_bar_for_each_row(done: Run) -> None:
    drawn = ET.fromstring(plot(result(done)))
    bars = [one for one in drawn.iter() if one.tag.endswith("rect")]
    assert len(bars) == 1 + 5 + 4 + 5  # the ground, and no service without a filter
    assert plot({"parts": {}}).startswith("<svg")


def test_a_page_is_filled_between_its_markers_and_nowhere_else(done: Run) -> None:
    page = "a\n<!-- figures: extproc-main -->\nold\n<!-- end -->\nb\n<!-- figures: x -->\n<!-- end -->\n"
    new, unknown = filled(page, dict(blocks_of("extproc", result(done))))
    assert unknown == ["x"]
    assert "old" not in new
    assert "| 64 · C floor | 1,000 | 1.0 |" in new
    assert new.startswith("a\n<!-- figures: extproc-main -->\n| row | req/s |")
    assert filled(new, dict(blocks_of("extproc", result(done))))[0] == new


def test_a_quick_run_says_so_on_the_page(done: Run) -> None:
    blocks = dict(blocks_of("extproc", result(done)))
    assert "A quick run" in blocks["extproc-machine"]
    assert "absent: Go: there is no go" in blocks["extproc-machine"]
    assert "- MISSED 64 connections: requests/s, to Go's" in blocks["extproc-targets"]


def test_every_marker_of_the_page_has_figures(done: Run) -> None:
    names = {one.name for one in tables(result(done) | {"processor": {"curl": COSTS}})}
    names |= {f"extproc-{part.name}" for part in parts(Options())}
    names |= {"plot", "extproc-machine", "extproc-targets"}
    page = PAGE.read_text()
    assert filled(page, dict.fromkeys(names, ""))[1] == [
        "backends-machine",
        "backends-targets",
        "backends",
        "backends-memory",
    ]


COSTS = {"ratio": 1.0, "again": 1.0, "forwarded": 1.0, "all": 1.0}


def test_parts_have_the_rows_and_connections_that_are_chosen() -> None:
    options = Options(rows=("Go", "floor"), connections=(8,), parts=(MAIN,))
    (part,) = parts(options)
    assert part.rows == (FLOOR, GO, "Go, tuned")
    assert {cell.connections for cell in part.cells} == {8}
    assert servers_of(options) == (FLOOR, GO, "Go, tuned")


def test_the_command_line_knows_every_part() -> None:
    assert {part.name for part in parts(Options())} | {ALONE, SOAK, PROCESSOR} == {*PARTS}


def test_rows_that_share_a_server_start_it_once() -> None:
    part = next(one for one in parts(Options()) if one.name == MAIN)
    assert {HTTP2, COMPILED} <= set(part.rows)
    assert part.servers.count(HTTP2) == 1
    assert SDK in part.servers


def test_there_are_more_requests_than_the_service_remembers() -> None:
    assert 2 * MAX_KNOWN < DISTINCT
    assert len({asked_message(number) for number in range(DISTINCT)}) == DISTINCT


def test_every_shape_is_decided_by_the_last_rule() -> None:
    assert all(("agent", "pc") in headers for headers in SHAPES.values())
    cookie = dict(SHAPES["browser, 8 KiB cookie"])["cookie"]
    assert 8000 < len(cookie) < 8300
