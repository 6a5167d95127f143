"""A part in the real Envoy, as short as can be: rows that dye are measured, others are refused."""

import shutil
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from benchmarks._alone import measure_alone
from benchmarks._behind import NotDyedError, measure_part
from benchmarks._bench import Asking, Bench, WrongAnswerError
from benchmarks._cpu import AVAILABLE, Cores
from benchmarks._names import COMPILED, FLOOR, GRPCIO, H2, NONE
from benchmarks._options import Options
from benchmarks._parts import MAIN, Part
from benchmarks._processes import Launch
from benchmarks._rig import Crew
from benchmarks._rounds import Plan
from benchmarks._servers import find, framed
from colorfast.extproc.wire import ProcessingResponse

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="Linux only")

CC = pytest.mark.skipif(shutil.which("cc") is None, reason="the floor is C")


def part(*rows: str) -> Part:
    plan = Plan(rounds=1, seconds=1, spare=0)
    return Part(name=MAIN, title="", rows=rows, connections=(4,), forwards=(True,), plan=plan)


@CC
async def test_rows_that_dye_and_the_floor_are_measured(tmp_path: Path) -> None:
    rows = (NONE, FLOOR, GRPCIO)
    found = find((FLOOR, GRPCIO), tmp_path)
    measured = await measure_part(part(*rows), found.launches)
    assert {cell.row for cell in measured.rounds.samples} == set(rows)
    assert measured.rounds.failed == 0
    for cell, (sample,) in measured.rounds.samples.items():
        assert sample.per_second > 0
        assert (sample.service_us > 0) or cell.row in (NONE, FLOOR)
        assert sample.envoy_us > 0
    assert measured.memory[GRPCIO] > measured.memory[FLOOR] > 0


@CC
async def test_a_server_that_dyes_wrong_is_not_measured(tmp_path: Path) -> None:
    answer = ProcessingResponse()
    mutation = answer.request_headers.response.header_mutation.set_headers.add()
    mutation.header.key, mutation.header.raw_value = "x-lane", b"canary"
    (tmp_path / "wrong").write_bytes(framed(answer.SerializeToString()))
    floor = find((FLOOR,), tmp_path).launches[FLOOR]
    wrong = Launch(command=(floor.command[0], str(tmp_path / "wrong")), env={})
    with pytest.raises(NotDyedError, match="baggage is"):
        await measure_part(part(H2), {H2: wrong})


async def test_a_server_that_does_not_start_is_left_out() -> None:
    broken = Launch(command=("/bin/false",), env={})
    measured = await measure_part(part(NONE, H2, COMPILED), {H2: broken})
    assert [*measured.absent] == [H2]
    assert {cell.row for cell in measured.rounds.samples} == {NONE}


@CC
async def test_servers_alone_are_asked_and_each_answer_is_looked_at(tmp_path: Path) -> None:
    found = find((FLOOR, H2), tmp_path)
    measured = await measure_alone(Options(quick=True), found.launches)
    assert [*measured.rounds.samples] == [Asking(server=FLOOR), Asking(server=H2)]
    assert all(one.per_second > 0 for (one, *_) in measured.rounds.samples.values())


@CC
async def test_a_server_whose_answers_change_is_found_out(tmp_path: Path) -> None:
    launches = find((FLOOR,), tmp_path).launches
    async with AsyncExitStack() as stack:
        crew = Crew(stack, tmp_path, Cores())
        await crew.start(launches)
        bench = Bench(crew.services, tmp_path, Cores(), in_flight=4, connections=2)
        await bench.check()
        assert (await bench.ask(Asking(server=FLOOR), 500)).requests == 500
        (tmp_path / "answer-0").write_bytes(framed(b"another"))
        with pytest.raises(WrongAnswerError, match="500 of 500"):
            await bench.ask(Asking(server=FLOOR), 500)
