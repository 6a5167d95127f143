"""The command line as a user meets it: a process, its two streams, its exit code."""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml

from helpers.policies import file

COMMAND = str(Path(sys.executable).with_name("colorfast"))
VECTORS = """
policy:
  lanes: [base, canary]
  rules: [{name: pc, match: [{headers: {agent: {exact: pc}}}], lane: canary}]
vectors:
- {name: dyed, station: dye, request: {headers: [[agent, pc]]}, expect: {lane: canary, rule: pc}}
"""


def run(*arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [COMMAND, *arguments], input=stdin, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def policy(tmp_path: Path) -> str:
    path = tmp_path / "shop.yaml"
    path.write_text(
        file("""
            default: base
            rules:
            - {name: pc-users, match: [{headers: {agent: {exact: pc}}}], lane: canary}
            - {name: some, split: {by: [{cookie: uid}], salt: s, weights: {canary: 500, base: 9500}}}
            """)
    )
    return str(path)


def test_version_says_its_name() -> None:
    assert run("version").stdout.startswith("colorfast 0.")
    assert "version" in json.loads(run("version", "-o", "json").stdout)


def test_no_command_and_no_such_command_are_usage_errors() -> None:
    assert run().returncode == 64
    assert run("paint").returncode == 64


@pytest.mark.parametrize(
    "arguments", [["lint"], ["lint", "--colour"], ["compile", "x"], ["test", "--backend", "c", "x"]]
)
def test_usage_errors_say_what_is_missing_and_exit_with_64(arguments: Sequence[str]) -> None:
    result = run(*arguments)
    assert result.returncode == 64
    assert "Usage:" in result.stderr


def test_lint_is_quiet_about_a_good_policy(policy: str) -> None:
    result = run("lint", policy)
    assert result.returncode == 0
    assert "is valid" in result.stdout
    assert result.stderr == ""


def test_lint_reads_stdin_and_exits_with_65_for_errors() -> None:
    result = run("lint", "-", stdin=file("defualt: base"))
    assert result.returncode == 65
    assert "<stdin>:6:3: error CF104" in result.stdout


def test_lint_lets_warnings_pass_unless_it_is_strict() -> None:
    text = file("edge: {accept: [canary]}")
    assert run("lint", "-", stdin=text).returncode == 0
    assert run("lint", "--strict", "-", stdin=text).returncode == 65


def test_lint_speaks_json(policy: str) -> None:
    (good,) = json.loads(run("lint", "-o", "json", policy).stdout)
    assert good["valid"] is True
    (bad,) = json.loads(run("lint", "-o", "json", "-", stdin=file("defualt: base")).stdout)
    assert bad["valid"] is False
    assert bad["diagnostics"][0] | {"what": "", "fix": ""} == {
        "code": "CF104", "level": "error", "file": "<stdin>", "line": 6, "column": 3,
        "what": "", "why": "", "fix": "",
    }  # fmt: skip


@pytest.mark.parametrize("command", ["lint", "explain", "test"])
def test_a_file_that_cannot_be_read_is_bad_input(command: str, tmp_path: Path) -> None:
    for path in (tmp_path / "missing.yaml", tmp_path):
        result = run(command, str(path))
        assert result.returncode == 65
        assert "CF110" in result.stdout + result.stderr


def test_bytes_that_are_not_utf_8_are_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"a: \xff")
    result = run("lint", str(path))
    assert result.returncode == 65
    assert "byte 3 is not UTF-8" in result.stdout


def test_explain_names_the_rule_and_the_writes(policy: str) -> None:
    result = run("explain", policy, "-H", "agent: pc", "https://shop.example.com/api?v=2")
    assert result.returncode == 0
    assert "pc-users  matched" in result.stdout
    assert "lane canary, by rule pc-users" in result.stdout
    assert "set baggage: lane=canary" in result.stdout


def test_explain_says_why_the_others_did_not_match_and_which_bucket(policy: str) -> None:
    told = run("explain", policy, "-H", "cookie: uid=u1", "/").stdout
    assert 'header agent exact "pc": no, it is absent' in told
    assert "bucket" in told
    told = json.loads(run("explain", policy, "-o", "json", "-H", "cookie: uid=u1").stdout)
    assert 0 <= told["bucket"] < 10_000
    assert told["rule"] == "some"


def test_explain_carries_too(policy: str) -> None:
    told = json.loads(
        run(
            "explain", policy, "-o", "json", "--station", "carry", "-H", "baggage: a=1,lane=canary"
        ).stdout
    )
    assert told["set"] == {"x-lane": "canary"}


def test_explain_takes_the_host_from_the_header_as_curl_does(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(file("rules: [{name: h, match: [{host: {exact: a.example}}], lane: canary}]"))
    for arguments in (["http://a.example:8080/"], ["-H", "Host: A.example", "/x"], ["a.example"]):
        assert '"lane": "canary"' in run("explain", str(path), "-o", "json", *arguments).stdout


def test_a_header_without_a_colon_is_a_usage_error(policy: str) -> None:
    assert run("explain", policy, "-H", "agent").returncode == 64


def test_compile_writes_yaml_on_stdout_and_warnings_on_stderr() -> None:
    text = file("edge: {accept: [canary]}")
    result = run("compile", "-", "--to", "extproc", stdin=text)
    assert result.returncode == 0
    assert "CF303" in result.stderr
    config = yaml.safe_load(result.stdout)
    assert set(config) == {"early_header_mutation_extensions", "http_filters", "clusters"}
    as_json = run("compile", "-", "--to", "extproc", "-o", "json", stdin=text)
    assert json.loads(as_json.stdout) == config


def test_compile_refuses_a_policy_with_errors() -> None:
    result = run("compile", "-", "--to", "extproc", stdin="a: b")
    assert result.returncode == 65
    assert result.stdout == ""


def test_compile_says_what_an_envoy_cannot_do(policy: str) -> None:
    old = run("compile", policy, "--to", "native", "--envoy-version", "1.37")
    assert (old.returncode, old.stdout) == (65, "")
    assert "error CF425" in old.stderr
    hop = run("compile", policy, "--to", "lua", "--station", "carry", "--envoy-version", "1.38")
    assert hop.returncode == 0
    assert "warning CF428" in hop.stderr
    assert run("compile", policy, "--to", "lua", "--station", "carry").stderr == ""


@pytest.mark.parametrize("version", ["new", "1", "1.40.0", "1.x"])
def test_compile_refuses_a_version_that_is_none(policy: str, version: str) -> None:
    result = run("compile", policy, "--to", "lua", "--envoy-version", version)
    assert result.returncode == 64
    assert version in result.stderr


def test_compile_reports_what_the_envoy_and_the_backend_cannot_do_together() -> None:
    text = file("""
        rules:
        - {name: any, match: [{path: {regex: '/v./.*'}}], lane: canary}
        - {name: case, match: [{host: {regex: 'Shop[0-9]'}}], lane: canary}
        """)
    result = run("compile", "-", "--to", "native", "--envoy-version", "1.38", stdin=text)
    assert result.returncode == 65
    assert re.findall(r"<stdin>:(\d+):5: error (\w+)", result.stderr) == [
        ("7", "CF426"),
        ("8", "CF426"),
        ("8", "CF421"),
    ]


@pytest.mark.parametrize("fallback", ["lua", "native"])
def test_compile_puts_a_fallback_behind_the_service(policy: str, fallback: str) -> None:
    result = run("compile", policy, "--to", "extproc", "--fallback", fallback, "-o", "json")
    names = [one["name"] for one in json.loads(result.stdout)["http_filters"]]
    assert names[0] == "colorfast.dye"
    assert names[-1] == "colorfast.dye.fallback"
    assert ("warning CF422" in result.stderr) == (fallback == "native")


def test_compile_refuses_an_address_that_is_none(policy: str) -> None:
    result = run("compile", policy, "--to", "extproc", "--service", "nowhere")
    assert result.returncode == 64
    assert "nowhere" in result.stderr


def test_vectors_pass_by_the_reference_and_behind_a_real_envoy() -> None:
    result = run("test", "--backend", "all", "-", stdin=VECTORS)
    assert result.returncode == 0, result.stdout
    assert result.stdout.endswith("5 passed, 0 failed\n")


def test_what_native_is_known_not_to_do_fails_nothing_and_is_told() -> None:
    cookies = Path(__file__).parents[1] / "conformance" / "cookies.yaml"
    result = run("test", "--backend", "native", str(cookies))
    assert result.returncode == 0, result.stdout
    assert " 0 failed, 1 not expressible\n" in result.stdout
    assert "CF423" in result.stdout


def test_a_failing_vector_shows_the_difference_and_exits_with_1(tmp_path: Path) -> None:
    junit = tmp_path / "junit.xml"
    wrong = VECTORS.replace("lane: canary, rule: pc", "lane: base, rule: pc")
    result = run("test", "--junit", str(junit), "-", stdin=wrong)
    assert result.returncode == 1
    assert "expected 'base'" in result.stdout
    assert "got      'canary'" in result.stdout
    suite = ET.parse(junit).getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    assert suite[0][0].tag == "failure"


def test_a_vector_file_may_name_its_policy(policy: str, tmp_path: Path) -> None:
    path = tmp_path / "vectors.yaml"
    path.write_text("policy: shop.yaml\nvectors: [{name: a, station: dye, expect: {lane: base}}]\n")
    assert run("test", str(path)).returncode == 0


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("null", "CF106"),
        ("policy: {lanes: [base]}", "CF105"),
        ("policy: {lanes: [base]}\nvectors: []", "CF107"),
        ("policy: {lanse: [base]}\nvectors: [1]", "CF104"),
        ("policy: {lanes: [base]}\nvectors: [{name: a, station: x, expect: {}}]", "CF107"),
        ("policy: nowhere.yaml\nvectors: [{name: a, station: dye, expect: {}}]", "CF110"),
    ],
)
def test_a_broken_vector_file_is_bad_input(text: str, code: str) -> None:
    result = run("test", "-", stdin=text)
    assert result.returncode == 65
    assert code in result.stderr


def test_a_reader_that_goes_away_is_no_crash(policy: str) -> None:
    command = f"{COMMAND} compile {policy} --to extproc | head -c 1"
    result = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" not in result.stderr
