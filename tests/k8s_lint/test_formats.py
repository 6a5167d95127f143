"""What the findings look like: for people, programs, GitHub, and tools that read SARIF."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from colorfast.k8s import CODES, Version
from colorfast.k8s.lint import RULES, github_lines, lint, sarif
from colorfast.k8s.manifests import read_manifests
from colorfast.policy import CODES as POLICY_CODES
from colorfast.policy import Diagnostic
from helpers.policies import file

COMMAND = str(Path(sys.executable).with_name("colorfast"))
CASES = Path(__file__).with_name("cases")
BAD = str(CASES / "CF515.bad.yaml")
GOOD = str(CASES / "CF515.good.yaml")


def run(*arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [COMMAND, "lint", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_text_says_where_what_why_and_fix() -> None:
    result = run(BAD)
    assert result.returncode == 0
    assert f"{BAD}:7:5: warning CF515: the weights sum to 99, not 100\n    why: " in result.stdout
    assert result.stdout.endswith(f"{BAD}: 0 errors, 2 warnings\n")


def test_exit_codes_are_those_of_a_policy() -> None:
    assert run(GOOD).returncode == 0
    assert run("--strict", BAD).returncode == 65
    assert run(str(CASES / "CF512.bad.yaml")).returncode == 65
    assert run("--strict", str(CASES / "CF564.good.yaml")).returncode == 0
    assert run(BAD, "--istio-version", "new").returncode == 64


def test_the_version_of_istio_decides() -> None:
    path = str(CASES / "CF555.bad.yaml")
    assert run(path).returncode == 0
    assert run(path, "--istio-version", "1.26.4").returncode == 65
    assert run(path, "--istio-version", "1.27").returncode == 0


def test_json_has_an_object_for_each_file_with_what_was_suppressed_and_skipped() -> None:
    text = (CASES / "CF501.good.yaml").read_text() + "---\nkind: Secret\napiVersion: v1\n"
    (one,) = json.loads(run("-", "-o", "json", stdin=text).stdout)
    assert (one["file"], one["valid"], one["policy"]) == ("<stdin>", True, None)
    assert one["diagnostics"] == []
    assert {found["code"] for found in one["suppressed"]} == {"CF515", "CF516"}
    assert one["skipped"] == [{"line": 19, "reason": "no rule looks at Secret (core)"}]


def test_a_folder_is_counted_as_one_and_skips_by_reason(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text("apiVersion: v1\nkind: Secret\n")
    result = run(str(tmp_path))
    assert result.stdout == (
        f"{tmp_path}: 0 errors, 0 warnings\nskipped 2: no rule looks at Secret (core)\n"
    )


def test_a_policy_in_a_folder_has_its_own_counts(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(Path(BAD).read_text())
    (tmp_path / "p.yaml").write_text(file("default: base"))
    lines = run(str(tmp_path)).stdout.splitlines()
    assert lines[-2].startswith(f"{tmp_path}/p.yaml: policy shop is valid, digest ")
    assert lines[-2].endswith("(0 errors, 0 warnings)")
    assert lines[-1] == f"{tmp_path}: 0 errors, 2 warnings"


def test_suppressed_findings_are_counted() -> None:
    assert "suppressed: 2 findings\n" in run(str(CASES / "CF501.good.yaml")).stdout


def test_errors_of_a_file_cannot_be_suppressed() -> None:
    result = run("-", stdin="a: 1  # colorfast: ignore CF102\na: 2  # colorfast: ignore CF102\n")
    assert result.returncode == 65
    assert "error CF102" in result.stdout
    assert "warning CF501" in result.stdout


def finding(**fields: Any) -> Diagnostic:
    base = {"code": "CF515", "level": "warning", "file": "a.yaml", "what": "w"}
    return Diagnostic(**(base | fields))


def test_github_gets_a_command_for_each_finding() -> None:
    lines = [*github_lines([
        finding(file="a,b:c.yaml", line=3, column=5, what="50 %\nmore", why="why", fix="fix"),
        finding(level="error"),
        finding(level="note"),
    ])]  # fmt: skip
    assert lines == [
        "::warning file=a%2Cb%3Ac.yaml,line=3,col=5,title=CF515::50 %25%0Amore%0Awhy%0Afix",
        "::error file=a.yaml,title=CF515::w",
        "::notice file=a.yaml,title=CF515::w",
    ]
    assert run("-o", "github", BAD).stdout.startswith(
        f"::warning file={BAD},line=7,col=5,title=CF5"
    )


def check_sarif(log: Any) -> None:
    """What sections 3.13 to 3.52 of SARIF 2.1.0 require of the parts that are used."""
    assert log["version"] == "2.1.0"
    assert re.fullmatch(r"https://.*sarif.*2\.1\.0.*\.json", log["$schema"])
    [run_] = log["runs"]
    assert run_["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")
    driver = run_["tool"]["driver"]
    assert driver["name"] == "colorfast"
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", driver["semanticVersion"])
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(ids) == len(set(ids))
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"]
        assert rule["help"]["text"]
        assert rule["defaultConfiguration"]["level"] in ("none", "note", "warning", "error")
    for result in run_["results"]:
        assert result["message"]["text"]
        assert result["level"] in ("none", "note", "warning", "error")
        assert ids[result["ruleIndex"]] == result["ruleId"]
        for location in result["locations"]:
            physical = location["physicalLocation"]
            assert re.fullmatch(r"[\w\-.~%/+]+", physical["artifactLocation"]["uri"])
            region = physical.get("region")
            assert region is None or (region["startLine"] >= 1 and region["startColumn"] >= 1)
        for suppression in result.get("suppressions", ()):
            assert suppression["kind"] in ("inSource", "external")


@pytest.mark.parametrize("path", sorted(CASES.glob("*.bad.yaml")), ids=lambda path: path.stem)
def test_sarif_is_valid_for_every_rule(path: Path) -> None:
    report = lint(read_manifests([str(path)]), istio=Version(1, 20))
    log = sarif(report.findings, report.suppressed, codes=CODES, version="0.1.0")
    check_sarif(json.loads(json.dumps(log)))
    assert len(log["runs"][0]["results"]) == len(report.findings) + len(report.suppressed)


def test_sarif_says_what_was_suppressed_and_keeps_odd_names() -> None:
    found = [finding(file="a b/é.yaml", line=2, column=0), finding(code="CF110", level="error")]
    log = sarif(
        found, [finding(line=9, column=1)], codes={**POLICY_CODES, **CODES}, version="1.0.0"
    )
    check_sarif(log)
    first, _, hidden = log["runs"][0]["results"]
    uri = first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert unquote(uri) == "a b/é.yaml"
    assert hidden["suppressions"] == [{"kind": "inSource"}]
    check_sarif(json.loads(run("-o", "sarif", "-", stdin="a: [").stdout))


def test_rules_are_in_order_and_say_why_and_how() -> None:
    codes = [rule.code for rule in RULES]
    assert codes == sorted(set(codes))
    assert [rule.code for rule in RULES if not (rule.why and rule.fix and rule.title)] == []
