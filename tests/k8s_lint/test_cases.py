"""Every rule: a bad example, whose findings stand where its marks are, and a good one."""

import re
from collections import Counter
from pathlib import Path

import pytest

from colorfast.k8s import Version
from colorfast.k8s.lint import CODES, Report, lint
from colorfast.k8s.manifests import read_manifests

CASES = Path(__file__).with_name("cases")
_MARK = re.compile(r"# (CF\d{3}(?: CF\d{3})*)$")
_VERSION = re.compile(r"# --istio-version (\d+)\.(\d+)")


def linted(path: Path) -> Report:
    version = _VERSION.match(path.read_text())
    istio = Version(int(version[1]), int(version[2])) if version else None
    return lint(read_manifests([str(path)]), istio=istio)


def marks(path: Path) -> Counter[tuple[str, int]]:
    """The codes that the marks at line ends say, with their lines."""
    return Counter(
        (code, number)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if (mark := _MARK.search(line))
        for code in mark[1].split()
    )


@pytest.mark.parametrize("code", CODES)
def test_a_bad_example_is_found_where_it_is_marked_and_nothing_else_is(code: str) -> None:
    path = CASES / f"{code}.bad.yaml"
    report = linted(path)
    assert Counter((one.code, one.line) for one in report.findings) == marks(path), report.findings
    assert {one.code for one in report.findings} == {code}


@pytest.mark.parametrize("code", CODES)
def test_a_good_example_has_no_finding(code: str) -> None:
    report = linted(CASES / f"{code}.good.yaml")
    assert [str(one) for one in report.findings] == []


def test_there_are_no_examples_of_other_codes() -> None:
    assert {path.name.partition(".")[0] for path in CASES.iterdir()} == CODES.keys()
