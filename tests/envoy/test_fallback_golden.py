"""The service with something behind it, byte for byte, and that Envoy takes it."""

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from colorfast.envoy import (
    Chain,
    ExtProcOptions,
    Fallback,
    Station,
    extproc_cluster,
    fallback_chain,
)
from colorfast.policy import load_policy
from colorfast.wasm import path as wasm_module
from helpers.goldens import as_text, assert_taken

FOLDER = Path(__file__).parent.parent / "golden" / "fallback"
CASES = sorted(path.parent for path in FOLDER.glob("*/policy.yaml"))
STATIONS: tuple[Station, ...] = ("dye", "carry")
FALLBACKS: tuple[Fallback, ...] = get_args(Fallback)
ISTIO = 32_768


def chain_of(case: Path, station: Station, fallback: Fallback, module: str | None) -> Chain:
    policy = load_policy((case / "policy.yaml").read_text(), file="policy.yaml").policy
    return fallback_chain(policy, ExtProcOptions(station=station), fallback, module=module)


@pytest.mark.parametrize("fallback", FALLBACKS)
@pytest.mark.parametrize("station", STATIONS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_chain_is_as_agreed_and_envoy_takes_it(
    case: Path, station: Station, fallback: Fallback, golden: Callable[[Path, str], None]
) -> None:
    agreed = chain_of(case, station, fallback, None)
    text = as_text({"early": agreed.early, "filters": agreed.filters})
    golden(case / f"{fallback}-{station}.yaml", text)
    # Only a plugin that is there can be looked at; where it is depends on the machine.
    taken = chain_of(case, station, fallback, str(wasm_module()) if fallback == "wasm" else None)
    clusters = [extproc_cluster(ExtProcOptions(station=station))]
    assert_taken(taken, clusters=clusters, program_size=ISTIO if fallback == "native" else 0)


def test_every_golden_belongs_to_a_case(no_orphans: Callable[[Path, set[Path]], None]) -> None:
    assert CASES
    outputs = (f"{fallback}-{station}.yaml" for fallback in FALLBACKS for station in STATIONS)
    names = ("policy.yaml", *outputs)
    no_orphans(FOLDER, {case / name for case in CASES for name in names})
