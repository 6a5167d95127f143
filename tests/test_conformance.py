"""The public corpus: every vector, by the reference and by every backend behind a real Envoy."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from envoys.limits import said

from colorfast.envoy import NEWEST, Backend, Fallback
from colorfast.mesh.conformance import BACKENDS, FALLBACKS, observe_in_envoy
from colorfast.policy import (
    InvalidInput,
    Observed,
    VectorFile,
    differences,
    load_vectors,
    observe_reference,
)

CORPUS = sorted((Path(__file__).parent / "conformance").glob("*.yaml"))
AT_LEAST = 400


@pytest.fixture(scope="module")
def files() -> list[VectorFile]:
    return [load_vectors(path.read_text(), file=path.name, read=str) for path in CORPUS]


def failures(
    files: Sequence[VectorFile], observed: Sequence[Sequence[Observed] | InvalidInput]
) -> dict[str, str]:
    found = {}
    for file, row in zip(files, observed, strict=True):
        assert not isinstance(row, InvalidInput), f"{file.file}: {row}"
        for vector, one in zip(file.vectors, row, strict=True):
            for difference in differences(vector, one):
                found[f"{file.file}: {vector.name}"] = str(difference)
    return found


def test_the_corpus_is_large(files: list[VectorFile]) -> None:
    assert sum(len(file.vectors) for file in files) >= AT_LEAST


def test_the_reference_passes_every_vector(files: list[VectorFile]) -> None:
    observed = [[observe_reference(file.policy, v) for v in file.vectors] for file in files]
    assert failures(files, observed) == {}


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_backend_behind_a_real_envoy_passes_every_vector(
    files: list[VectorFile], backend: Backend
) -> None:
    found = failures(files, asyncio.run(observe_in_envoy(files, backend)))
    # What a backend does not do, it says when compiling; and it says nothing else.
    assert found.keys() == said(files, backend, NEWEST).failing, found


@pytest.mark.parametrize("backend", FALLBACKS)
def test_every_backend_behind_a_dead_service_does_what_it_does_alone(
    files: list[VectorFile], backend: Fallback
) -> None:
    found = failures(files, asyncio.run(observe_in_envoy(files, backend, as_fallback=True)))
    assert found.keys() == said(files, backend, NEWEST).failing, found


def test_every_vector_checks_something(files: list[VectorFile]) -> None:
    # Whatever a backend does wrong, some expectation must notice: an answer that is wrong in
    # every respect fails every vector.
    wrong = Observed(lane="no-such-lane", rule="no such rule", route="nowhere", lines=())
    for file in files:
        for vector in file.vectors:
            assert differences(vector, wrong), f"{file.file}: {vector.name}"
