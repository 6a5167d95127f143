"""What docs/backends.md says was measured, and what the findings of a compilation say: one thing."""

import re

import pytest
from docs.pages import page, table
from envoys.limits import ELSEWHERE, LIMITS, REFUSALS, codes, name, said
from envoys.run import Cell, corpus, disagreement

from colorfast.envoy import CODES, NEWEST, OLDEST, Backend, EnvoyVersion
from colorfast.mesh.conformance import BACKENDS
from colorfast.policy import VectorFile

ROWS = {row[0]: row[1:] for row in table(page("backends.md"), "Envoy")}
"""Cells by the version that was measured."""


@pytest.fixture(scope="module")
def files() -> list[VectorFile]:
    return corpus()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("measured", ROWS)
def test_a_cell_of_the_table_is_what_the_findings_say(
    files: list[VectorFile], measured: str, backend: Backend
) -> None:
    cell = ROWS[measured][[*BACKENDS].index(backend)]
    wanted = said(files, backend, EnvoyVersion.parse(measured.rpartition(".")[0]))
    total = sum(len(file.vectors) for file in files)
    passing = total - len(wanted.failing)
    if wanted.refused:
        assert re.fullmatch("refused: .+", cell)
    else:
        assert cell == (str(total) if passing == total else f"{passing} of {total}")


def test_the_table_has_the_versions_that_are_tested() -> None:
    versions = [EnvoyVersion.parse(measured.rpartition(".")[0]) for measured in ROWS]
    minors = range(NEWEST.minor, OLDEST.minor - 1, -1)
    assert versions == [EnvoyVersion(NEWEST.major, minor) for minor in minors]


def test_every_finding_is_shown_by_vectors_or_it_is_known_why_not() -> None:
    shown = LIMITS.keys() | REFUSALS
    assert shown | ELSEWHERE == CODES.keys()
    assert not shown & ELSEWHERE
    assert all(LIMITS.values())


def test_the_vectors_of_a_finding_are_where_it_is_made(files: list[VectorFile]) -> None:
    places = {
        name(file, one.name): (file.policy, one.station) for file in files for one in file.vectors
    }
    for code, vectors in LIMITS.items():
        for policy, station in map(places.__getitem__, vectors):
            assert code in codes(policy, station, "native", EnvoyVersion(1, 38))


def test_a_measurement_that_differs_is_noticed(files: list[VectorFile]) -> None:
    right = Cell(vectors=765, failing=said(files, "native", NEWEST).failing)
    assert disagreement(files, "native", "1.40", right) is None
    for cell in (
        Cell(vectors=765),
        Cell(vectors=765, failing=right.failing | {"x.yaml: x"}),
        Cell(vectors=765, failing=right.failing, refused="no field `x`"),
    ):
        assert disagreement(files, "native", "1.40", cell)
