"""``colorfast release generate`` and ``colorfast diff`` of what it wrote."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from release.cases import GOLDEN

from colorfast.cli._app import colorfast
from colorfast.k8s import RECORD
from colorfast.policy import ColorfastError, InvalidInput


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(
        colorfast, [str(each) for each in arguments], standalone_mode=False, catch_exceptions=False
    )


def written(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def release(tmp_path: Path) -> Path:
    for name in ("policy.yaml", "mesh-lanes.yaml"):
        shutil.copy(GOLDEN / name, tmp_path / name)
    text = (GOLDEN / "istio-locked" / "release.yaml").read_text().replace("../", "")
    path = tmp_path / "release.yaml"
    path.write_text(text)
    return path


def test_a_second_run_writes_the_same_bytes_and_there_is_no_difference(release: Path) -> None:
    out = release.parent / "out"
    first = run("release", "generate", release, "--output", out)
    assert first.return_value == 0
    assert "warning CF826" in first.stderr
    before = written(out)
    assert f"{out}/runbook.md\n" in first.stdout
    assert run("diff", out).return_value == 0
    run("release", "generate", release, "--output", out)
    assert written(out) == before


def test_a_diff_shows_what_another_run_would_change(release: Path) -> None:
    out = release.parent / "out"
    run("release", "generate", release, "--output", out)
    release.write_text(release.read_text().replace("replicas: 3", "replicas: 5"))
    changed = run("diff", out)
    assert changed.return_value == 1
    assert "+  replicas: 5" in changed.stdout


def test_another_controller_leaves_no_file_of_the_first_behind(release: Path) -> None:
    out = release.parent / "out"
    run("release", "generate", release, "--output", out)
    mine = out / "mine.yaml"
    mine.write_text("mine\n")
    result = run("release", "generate", release, "--controller", "argo-rollouts", "--output", out)
    files = written(out)
    record = json.loads(files[RECORD])
    assert record["options"] == {"controller": "argo-rollouts"}
    assert files.keys() - {RECORD, "mine.yaml"} == set(record["files"])
    assert "removed" in result.stderr
    assert run("diff", out).return_value == 0


def test_what_cannot_be_played_writes_nothing(release: Path) -> None:
    text = release.read_text().replace("split: {by: [{cookie: uid}, sourceIp]}", "share: weights")
    release.write_text(text)
    out = release.parent / "out"
    with pytest.raises(InvalidInput):
        run("release", "generate", release, "--output", out)
    assert not out.exists()


def test_a_file_of_somebody_else_is_not_overwritten(release: Path) -> None:
    out = release.parent / "out"
    out.mkdir()
    (out / "runbook.md").write_text("mine\n")
    with pytest.raises(ColorfastError) as caught:
        run("release", "generate", release, "--output", out)
    assert caught.value.code == "CF442"
    assert written(out) == {"runbook.md": "mine\n"}
