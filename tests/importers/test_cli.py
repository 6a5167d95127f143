"""``colorfast import`` as a user meets it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from colorfast.policy import load_policy

COMMAND = str(Path(sys.executable).with_name("colorfast"))
CASES = Path(__file__).with_name("cases")


def run(*arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [COMMAND, "import", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_documents_go_to_stdout_and_the_report_to_stderr() -> None:
    result = run("asm", str(CASES / "asm-permissive.yaml"))
    assert result.returncode == 0
    kinds = [one["kind"] for one in yaml.safe_load_all(result.stdout)]
    assert kinds == ["LanePolicy", "LaneMesh"]
    assert "asm-permissive.yaml:14:53: warning CF581" in result.stderr


def test_the_report_may_be_json_and_the_input_stdin() -> None:
    text = (CASES / "higress-conditions.yaml").read_text()
    result = run("higress", "-", "-o", "json", stdin=text)
    data = json.loads(result.stdout)
    assert [one["kind"] for one in data["documents"]] == ["LanePolicy"]
    assert data["findings"][0]["file"] == "<stdin>"
    assert result.stderr == ""


def test_files_go_to_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    result = run("asm", str(CASES / "asm-hash.yaml"), "--output", str(folder))
    assert result.returncode == 0
    names = {path.name for path in folder.iterdir()}
    assert names == {"apps-appver-a.policy.yaml", "apps-appver-b.policy.yaml"}
    for path in folder.iterdir():
        load_policy(path.read_text())
        assert str(path) in result.stdout


def test_strict_fails_for_what_has_no_equal() -> None:
    path = str(CASES / "asm-permissive.yaml")
    assert run("asm", path).returncode == 0
    assert run("asm", path, "--strict").returncode == 65
    assert run("higress", str(CASES / "higress-conditions.yaml"), "--strict").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["higress", "-"], 65),
        (["consul", "-"], 64),
        (["asm", "-", "--user", "a"], 64),
        (["asm", "no-such-file.yaml"], 65),
    ],
)
def test_exit_codes_are_those_of_the_other_commands(arguments: list[str], code: int) -> None:
    result = run(*arguments, stdin="a: 1")
    assert result.returncode == code
    assert "Traceback" not in result.stderr
