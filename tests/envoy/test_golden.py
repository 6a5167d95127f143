"""What a policy compiles to, byte for byte, and that Envoy takes it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from colorfast.envoy import ExtProcOptions, bootstrap, ext_proc_chain, extproc_cluster
from colorfast.policy import load_policy
from helpers.envoys import validate

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
    golden(case / "chain.yaml", _text({"early": chain.early, "filters": chain.filters}))
    golden(case / "cluster.yaml", _text(cluster))
    hosts = [bootstrap.virtual_host("all", [bootstrap.route("all", options.cluster)])]
    manager = bootstrap.connection_manager("all", hosts, chain)
    validate(
        bootstrap.bootstrap(
            admin="unix:/tmp/never-opened",
            listeners=[bootstrap.listener("all", "127.0.0.1:0", manager)],
            clusters=[cluster],
        )
    )


def test_every_golden_belongs_to_a_case(no_orphans: Callable[[Path, set[Path]], None]) -> None:
    assert CASES
    known = {case / name for case in CASES for name in INPUTS + OUTPUTS}
    no_orphans(FOLDER, known)


def _text(data: object) -> str:
    class Plain(yaml.SafeDumper):
        """Without anchors: a golden is read by people."""

        def ignore_aliases(self, data: object) -> bool:
            return True

    text: str = yaml.dump(data, Dumper=Plain, sort_keys=False, width=10_000)
    return text
