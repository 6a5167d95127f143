"""What policies become as native chains, byte for byte, and that Envoy takes them."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from colorfast.envoy import Station, bootstrap
from colorfast.envoy._native import NativeOptions, native_chain
from colorfast.policy import load_policy
from helpers.envoys import validate

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
    chain = result.chain
    text = {
        "findings": [str(one) for one in result.diagnostics],
        "requires": f"Envoy {result.requires.envoy}, RE2 {result.requires.max_program_size}",
        "early": chain.early,
        "filters": chain.filters,
    }
    golden(case / f"{station}.yaml", as_text(text))
    hosts = [bootstrap.virtual_host("all", [bootstrap.route("all", "up")])]
    manager = bootstrap.connection_manager("all", hosts, chain)
    config = bootstrap.bootstrap(
        admin="unix:/tmp/never-opened",
        listeners=[bootstrap.listener("all", "127.0.0.1:0", manager)],
        clusters=[bootstrap.cluster("up", "127.0.0.1:1")],
    )
    # Exactly what is said to be required, and nothing above it.
    limit = {"re2.max_program_size.error_level": result.requires.max_program_size}
    validate(config | {"layered_runtime": {"layers": [{"name": "x", "static_layer": limit}]}})


def test_every_golden_belongs_to_a_case(no_orphans: Callable[[Path, set[Path]], None]) -> None:
    assert CASES
    outputs = (f"{station}.yaml" for station in STATIONS)
    names = ("policy.yaml", *outputs)
    no_orphans(FOLDER, {case / name for case in CASES for name in names})


def as_text(data: object) -> str:
    class Plain(yaml.SafeDumper):
        """Without anchors: a golden is read by people."""

        def ignore_aliases(self, data: object) -> bool:
            return True

    text: str = yaml.dump(data, Dumper=Plain, sort_keys=False, width=10_000)
    return text
