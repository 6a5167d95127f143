"""``colorfast lint`` loads LaneReleases, as ``colorfast release plan`` does."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from colorfast.cli._app import colorfast

EXAMPLES = Path(__file__).parents[2] / "examples" / "release"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A release, with the policy and the mesh that it names."""
    for name in ("locked.yaml", "policy.yaml", "mesh.yaml"):
        shutil.copy(EXAMPLES / name, tmp_path)
    return tmp_path


def lint(*arguments: str) -> Any:
    return CliRunner().invoke(colorfast, ["lint", *arguments], standalone_mode=False)


def found(*paths: Path) -> list[tuple[str, str, int]]:
    result = lint("-o", "json", *map(str, paths))
    return [
        (one["code"], Path(one["file"]).name, one["line"])
        for file in json.loads(result.output)
        for one in file["diagnostics"]
    ]


def change(file: Path, old: str, new: str) -> int:
    """Change the file; the number of the line that changed."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    return text[: text.index(old)].count("\n") + 1


def test_releases_as_they_should_be_have_no_finding() -> None:
    result = lint("--strict", str(EXAMPLES))
    assert result.return_value == 0, result.output
    assert "skipped" not in result.output


def test_what_is_wrong_with_a_release_stands_where_it_is(folder: Path) -> None:
    line = change(folder / "locked.yaml", "weight: 25", "weight: 2")
    assert found(folder / "locked.yaml") == [("CF807", "locked.yaml", line)]
    assert lint(str(folder)).return_value == 65


def test_a_release_may_be_one_document_of_several(folder: Path) -> None:
    change(folder / "locked.yaml", "weight: 25", "weight: 2")
    file = folder / "locked.yaml"
    file.write_text("apiVersion: v1\nkind: Secret\n---\n" + file.read_text())
    line = file.read_text().splitlines().index("  - {weight: 2, pause: 10m}") + 1
    assert found(file) == [("CF807", "locked.yaml", line)]


def test_the_files_that_it_names_are_read_and_counted(folder: Path) -> None:
    line = change(folder / "policy.yaml", "default: base", "defualt: base")
    assert found(folder / "locked.yaml") == [("CF104", "policy.yaml", line)]
    assert "policy.yaml: 1 error, 0 warnings (named by" in lint(str(folder / "locked.yaml")).output


def test_a_finding_of_a_named_file_that_is_linted_too_is_said_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = change(folder / "policy.yaml", "default: base", "defualt: base")
    assert found(folder) == [("CF104", "policy.yaml", line)]
    monkeypatch.chdir(folder)
    assert found(Path("./policy.yaml"), folder / "locked.yaml", Path("locked.yaml")) == [
        ("CF104", "policy.yaml", line)
    ]


@pytest.mark.parametrize("name", ['"-"', "/dev/zero", "missing.yaml", '"\\0"', "."])
def test_what_it_names_and_cannot_be_read_is_a_finding(name: str, folder: Path) -> None:
    line = change(folder / "locked.yaml", "policy: policy.yaml", f"policy: {name}")
    assert found(folder / "locked.yaml") == [("CF110", "locked.yaml", line)]
