"""The public corpus, by the plugin in a real Envoy."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from colorfast.envoy import Chain, Json, Station
from colorfast.envoy._wasm import WasmOptions, wasm_chain
from colorfast.mesh import _bench_draft as bench
from colorfast.policy import Observed, Policy, VectorFile, differences, load_vectors

CORPUS = sorted((Path(__file__).parents[1] / "conformance").glob("*.yaml"))


@pytest.fixture(scope="module")
def files() -> list[VectorFile]:
    return [load_vectors(path.read_text(), file=path.name, read=str) for path in CORPUS]


@pytest.fixture
def told_by_filter_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """proxy-wasm writes filter state and no dynamic metadata."""
    header = bench._header

    def told(name: str, value: str) -> Json:
        field = re.fullmatch(r"%DYNAMIC_METADATA\(colorfast:(\w+)\)%", value)
        return header(name, f"%FILTER_STATE(wasm.colorfast.{field[1]}:PLAIN)%" if field else value)

    monkeypatch.setattr(bench, "_header", told)


def failures(files: Sequence[VectorFile], observed: Sequence[Sequence[Observed]]) -> Iterator[str]:
    for file, row in zip(files, observed, strict=True):
        for vector, one in zip(file.vectors, row, strict=True):
            for difference in differences(vector, one):
                yield f"{file.file}: {vector.name}: {difference}"


@pytest.mark.usefixtures("told_by_filter_state")
def test_the_plugin_in_a_real_envoy_passes_every_vector(
    files: list[VectorFile], plugin: Path
) -> None:
    def chain(policy: Policy, station: Station, _: object) -> Chain:
        return wasm_chain(policy, WasmOptions(station=station, module=str(plugin), metadata=True))

    async def observe() -> list[list[Observed]]:
        async with bench._Bench(files, bench._Backend(chain=chain)) as running:
            return await running.observe()

    assert list(failures(files, asyncio.run(observe()))) == []
