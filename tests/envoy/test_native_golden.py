"""What policies become as native chains, byte for byte, and that Envoy takes them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from colorfast.envoy import NativeOptions, Station, native_chain
from colorfast.policy import load_policy
from helpers.goldens import as_text, assert_taken

FOLDER = Path(__file__).parent.parent / "golden" / "native"
CASES = sorted(path.parent for path in FOLDER.glob("*/policy.yaml"))
STATIONS: tuple[Station, ...] = ("dye", "carry")


@pytest.mark.parametrize("station", STATIONS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_chain_is_as_agreed_and_envoy_takes_it(
    case: Path, station: Station, golden: Callable[[Path, str], None]
) -> None:
    policy = load_policy((case / "policy.yaml").read_text(), file="policy.yaml").policy
    result = native_chain(policy, NativeOptions(station=station))
    text = {
        "findings": [str(one) for one in result.diagnostics],
        "requires": f"Envoy {result.requires.envoy}, RE2 {result.requires.max_program_size}",
        "early": result.chain.early,
        "filters": result.chain.filters,
    }
    golden(case / f"{station}.yaml", as_text(text))
    # Exactly what is said to be required, and nothing above it.
    assert_taken(result.chain, program_size=result.requires.max_program_size)


def test_every_golden_belongs_to_a_case(no_orphans: Callable[[Path, set[Path]], None]) -> None:
    assert CASES
    outputs = (f"{station}.yaml" for station in STATIONS)
    names = ("policy.yaml", *outputs)
    no_orphans(FOLDER, {case / name for case in CASES for name in names})
