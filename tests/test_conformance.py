"""The public corpus: every vector, by the reference and by the service behind a real Envoy."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from colorfast.mesh.conformance import observe_extproc
from colorfast.policy import (
    Observed,
    VectorFile,
    differences,
    load_vectors,
    observe_reference,
)

CORPUS = sorted((Path(__file__).parent / "conformance").glob("*.yaml"))
AT_LEAST = 150


@pytest.fixture(scope="module")
def files() -> list[VectorFile]:
    return [load_vectors(path.read_text(), file=path.name, read=str) for path in CORPUS]


def failures(files: Sequence[VectorFile], observed: Sequence[Sequence[Observed]]) -> list[str]:
    return [
        f"{file.file}: {vector.name}: {difference}"
        for file, row in zip(files, observed, strict=True)
        for vector, one in zip(file.vectors, row, strict=True)
        for difference in differences(vector, one)
    ]


def test_the_corpus_is_large(files: list[VectorFile]) -> None:
    assert sum(len(file.vectors) for file in files) >= AT_LEAST


def test_the_reference_passes_every_vector(files: list[VectorFile]) -> None:
    observed = [[observe_reference(file.policy, v) for v in file.vectors] for file in files]
    assert failures(files, observed) == []


def test_the_service_behind_a_real_envoy_passes_every_vector(files: list[VectorFile]) -> None:
    assert failures(files, asyncio.run(observe_extproc(files))) == []


def test_every_vector_checks_something(files: list[VectorFile]) -> None:
    # Whatever a backend does wrong, some expectation must notice: an answer that is wrong in
    # every respect fails every vector.
    wrong = Observed(lane="no-such-lane", rule="no such rule", route="nowhere", lines=())
    for file in files:
        for vector in file.vectors:
            assert differences(vector, wrong), f"{file.file}: {vector.name}"
