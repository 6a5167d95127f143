"""``colorfast build`` and ``colorfast diff``: a folder that is made, kept fresh and tidied."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click import UsageError
from click.testing import CliRunner, Result

from colorfast.cli._app import colorfast
from colorfast.k8s import RECORD
from colorfast.policy import ColorfastError, InvalidInput

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "k8s" / "examples"
GOLDEN = Path(__file__).parents[1] / "golden" / "k8s"
CASES = sorted(path.parent for path in GOLDEN.glob("*/mesh.yaml"))
INPUTS = ("mesh.yaml", "policy.yaml", "options.txt")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(
        colorfast, [str(each) for each in arguments], standalone_mode=False, catch_exceptions=False
    )


def built(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def inputs(tmp_path: Path) -> tuple[Path, Path, Path]:
    for name in ("mesh.yaml", "policy.yaml"):
        shutil.copy(EXAMPLES / name, tmp_path / name)
    return tmp_path / "mesh.yaml", tmp_path / "policy.yaml", tmp_path / "out"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_built_is_as_agreed(
    case: Path, tmp_path: Path, golden: Callable[[Path, str], None]
) -> None:
    options = (case / "options.txt").read_text().split()
    run("build", case / "mesh.yaml", case / "policy.yaml", "--output", tmp_path, *options)
    files = built(tmp_path)
    del files[RECORD]
    for name, text in files.items():
        golden(case / "out" / name, text)
    assert built(case / "out").keys() == files.keys()


def test_every_golden_belongs_to_a_case(
    no_orphans: Callable[[Path, set[Path]], None],
) -> None:
    assert CASES
    known = {case / name for case in CASES for name in INPUTS}
    known |= {path for case in CASES for path in (case / "out").rglob("*.yaml")}
    no_orphans(GOLDEN, known)


def test_the_example_beside_its_files_is_fresh() -> None:
    result = run("diff", EXAMPLES / "generated")
    assert (result.return_value, result.output) == (0, "")


def test_every_file_is_one_object_in_its_namespaces_folder(
    inputs: tuple[Path, Path, Path],
) -> None:
    mesh, policy, out = inputs
    run("build", mesh, policy, "--output", out)
    files = built(out)
    assert len(files) > 5
    for name, text in files.items():
        if name == RECORD:
            continue
        (one,) = yaml.safe_load_all(text)
        assert (
            name
            == f"{one['metadata']['namespace']}/{one['kind'].lower()}-{one['metadata']['name']}.yaml"
        )


def test_a_second_build_writes_the_same_bytes(inputs: tuple[Path, Path, Path]) -> None:
    mesh, policy, out = inputs
    run("build", mesh, policy, "--output", out)
    before = built(out)
    run("build", mesh, policy, "--output", out)
    assert built(out) == before


def test_a_diff_shows_what_a_rebuild_would_change(inputs: tuple[Path, Path, Path]) -> None:
    mesh, policy, out = inputs
    run("build", mesh, policy, "--output", out, "--carry", "native")
    assert run("diff", out).return_value == 0
    policy.write_text(policy.read_text().replace("exact: pc", "exact: tablet"))
    changed = run("diff", out)
    assert changed.return_value == 1
    assert "-                - exact: pc" in changed.output or "tablet" in changed.output
    run("build", mesh, policy, "--output", out, "--carry", "native")
    assert run("diff", out).output == ""


def test_files_that_are_not_needed_any_more_are_removed_and_others_are_not(
    inputs: tuple[Path, Path, Path],
) -> None:
    mesh, policy, out = inputs
    mesh.write_text(mesh.read_text() + "  external: [{host: pay.example.org}]\n")
    run("build", mesh, policy, "--output", out)
    stale = out / "shop" / "serviceentry-external-pay-example-org.yaml"
    mine = out / "shop" / "mine.yaml"
    mine.write_text("mine\n")
    assert stale.exists()
    mesh.write_text(mesh.read_text().replace("  external: [{host: pay.example.org}]\n", ""))
    diff = run("diff", out).output
    assert "+++ /dev/null" in diff
    run("build", mesh, policy, "--output", out)
    assert not stale.exists()
    assert mine.read_text() == "mine\n"


def test_a_folder_that_becomes_empty_goes_too(inputs: tuple[Path, Path, Path]) -> None:
    mesh, policy, out = inputs
    run("build", mesh, policy, "--output", out)
    assert (out / "istio-system").exists()
    mesh.write_text(
        mesh.read_text().replace(
            "  gateways:\n  - {name: shop-gateway, hosts: [shop.example.com]}\n", ""
        )
    )
    run("build", mesh, policy, "--output", out)
    assert not (out / "istio-system").exists()


def test_a_file_of_somebody_else_is_not_overwritten(inputs: tuple[Path, Path, Path]) -> None:
    mesh, policy, out = inputs
    path = out / "shop" / "destinationrule-mocka-lanes.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("mine\n")
    with pytest.raises(ColorfastError, match="is in the way") as caught:
        run("build", mesh, policy, "--output", out)
    assert caught.value.code == "CF442"
    assert path.read_text() == "mine\n"
    assert built(out).keys() == {"shop/destinationrule-mocka-lanes.yaml"}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"mesh": 1}'])
def test_a_broken_record_is_said_and_nothing_is_touched(
    inputs: tuple[Path, Path, Path], text: str
) -> None:
    mesh, policy, out = inputs
    run("build", mesh, policy, "--output", out)
    (out / RECORD).write_text(text)
    before = built(out)
    for command in (("build", mesh, policy, "--output", out), ("diff", out)):
        with pytest.raises(ColorfastError) as caught:
            run(*command)
        assert caught.value.code == "CF441"
    assert built(out) == before


def test_a_record_cannot_remove_what_is_outside_of_its_folder(
    inputs: tuple[Path, Path, Path],
) -> None:
    mesh, policy, out = inputs
    run("build", mesh, policy, "--output", out)
    record = json.loads((out / RECORD).read_text())
    record["files"].append("../mesh.yaml")
    (out / RECORD).write_text(json.dumps(record))
    run("build", mesh, policy, "--output", out)
    assert mesh.exists()


def test_a_diff_of_a_folder_that_was_never_built_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ColorfastError) as caught:
        run("diff", tmp_path)
    assert caught.value.code == "CF441"


def test_waypoints_do_not_go_with_routes_that_they_would_not_heed(
    inputs: tuple[Path, Path, Path],
) -> None:
    mesh, policy, out = inputs
    with pytest.raises(UsageError, match="--routes gateway-api"):
        run("build", mesh, policy, "--output", out, "--waypoint", "waypoint")
    assert not out.exists()


def test_a_policy_that_does_not_fit_its_mesh_builds_nothing(
    inputs: tuple[Path, Path, Path],
) -> None:
    mesh, policy, out = inputs
    policy.write_text(
        policy.read_text()
        .replace("[base, canary]", "[base, blue]")
        .replace("lane: canary", "lane: blue")
    )
    with pytest.raises(InvalidInput) as caught:
        run("build", mesh, policy, "--output", out)
    assert {one.code for one in caught.value.diagnostics} == {"CF224"}
    assert not out.exists()
