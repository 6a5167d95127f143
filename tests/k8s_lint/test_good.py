"""Manifests as people write them, and as Colorfast does, have no finding."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from colorfast.cli._app import colorfast
from colorfast.k8s import Version
from colorfast.k8s.lint import lint
from colorfast.k8s.manifests import read_manifests

ROOT = Path(__file__).parents[2]
GOOD = sorted(Path(__file__).with_name("good").glob("*.yaml"))


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_good_system_has_no_finding(path: Path) -> None:
    report = lint(read_manifests([str(path)]), istio=Version(1, 27))
    assert [str(one) for one in report.findings] == []


def test_good_systems_beside_each_other_have_none() -> None:
    report = lint(read_manifests([str(GOOD[0].parent)]))
    assert [str(one) for one in report.findings if one.level != "note"] == []


@pytest.mark.parametrize("routes", ["istio", "gateway-api"])
@pytest.mark.parametrize("dye", ["extproc", "lua", "native"])
def test_what_build_writes_has_no_finding(dye: str, routes: str, tmp_path: Path) -> None:
    examples = ROOT / "examples"
    built = CliRunner().invoke(
        colorfast,
        [
            "build", str(examples / "mesh.yaml"), str(examples / "shop.yaml"),
            "--output", str(tmp_path / "out"), "--dye", dye, "--routes", routes,
        ],
        standalone_mode=False,
    )  # fmt: skip
    assert built.exception is None
    bundle = read_manifests([str(tmp_path / "out"), str(examples / "shop.yaml")])
    assert bundle.manifests
    assert [str(one) for one in lint(bundle).findings] == []
