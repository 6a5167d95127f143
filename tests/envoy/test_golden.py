"""What a policy compiles to, byte for byte, and that Envoy takes it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from colorfast.envoy import ExtProcOptions, ext_proc_chain, extproc_cluster
from colorfast.policy import load_policy
from helpers.goldens import as_text, assert_taken

FOLDER = Path(__file__).parent.parent / "golden" / "envoy"
CASES = sorted(path.parent for path in FOLDER.glob("*/policy.yaml"))
INPUTS = ("policy.yaml", "options.yaml")
OUTPUTS = ("chain.yaml", "cluster.yaml")


def options_of(case: Path) -> ExtProcOptions:
    path = case / "options.yaml"
    return ExtProcOptions(**yaml.safe_load(path.read_text())) if path.exists() else ExtProcOptions()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_chain_and_cluster_are_as_agreed_and_envoy_takes_them(
    case: Path, golden: Callable[[Path, str], None]
) -> None:
    policy = load_policy((case / "policy.yaml").read_text(), file="policy.yaml").policy
    options = options_of(case)
    chain, cluster = ext_proc_chain(policy, options), extproc_cluster(options)
    golden(case / "chain.yaml", as_text({"early": chain.early, "filters": chain.filters}))
    golden(case / "cluster.yaml", as_text(cluster))
    assert_taken(chain, clusters=[cluster])


def test_every_golden_belongs_to_a_case(no_orphans: Callable[[Path, set[Path]], None]) -> None:
    assert CASES
    known = {case / name for case in CASES for name in INPUTS + OUTPUTS}
    no_orphans(FOLDER, known)
