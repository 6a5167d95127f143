"""The conformance corpus through what Istio makes of our objects, in a real Envoy."""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import get_args

import pytest
from envoys.limits import said
from lab.istio.corpus import Bench, Direction, Way

from colorfast.envoy import NEWEST
from colorfast.policy import Observed, VectorFile, VectorModel, differences, load_vectors

pytestmark = pytest.mark.usefixtures("istio")

CORPUS = sorted((Path(__file__).parents[2] / "conformance").glob("*.yaml"))
AT_LEAST = {"gateway": 400, "sidecar-inbound": 100, "sidecar-outbound": 100}

WAYS = (
    Way(target="envoyfilter", backend="extproc"),
    Way(target="envoyfilter", backend="extproc", fallback="lua"),
    Way(target="envoyfilter", backend="extproc", fallback="native"),
    Way(target="envoyfilter", backend="lua"),
    Way(target="envoyfilter", backend="native"),
    Way(target="trafficextension", backend="lua"),
    Way(target="trafficextension", backend="wasm"),
    Way(target="wasmplugin", backend="wasm"),
)


@cache
def files() -> list[VectorFile]:
    return [load_vectors(path.read_text(), file=path.name, read=str) for path in CORPUS]


def name(way: Way) -> str:
    return "-".join(filter(None, (way.target, way.backend, way.fallback)))


def failing(
    station: str, files: Sequence[VectorFile], observed: Sequence[Sequence[Observed]]
) -> Iterator[tuple[str, str]]:
    for file, row in zip(files, observed, strict=True):
        vectors: list[VectorModel] = [v for v in file.vectors if v.station == station]
        for vector, one in zip(vectors, row, strict=True):
            for difference in differences(vector, one):
                yield f"{file.file}: {vector.name}", str(difference)


@pytest.mark.parametrize("direction", get_args(Direction))
@pytest.mark.parametrize("way", WAYS, ids=name)
async def test_every_vector_passes_through_what_istio_renders(
    way: Way, direction: Direction
) -> None:
    async with Bench(files(), way, direction) as bench:
        observed = await bench.observe()
    assert sum(map(len, observed)) >= AT_LEAST[direction]
    station = "dye" if direction == "gateway" else "carry"
    found = dict(failing(station, files(), observed))
    limits = said(files(), way.fallback or way.backend, NEWEST).failing
    mine = {
        f"{file.file}: {v.name}" for file in files() for v in file.vectors if v.station == station
    }
    assert found.keys() == limits & mine, found
