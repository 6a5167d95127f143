"""Importers meet files that are broken, foreign or hostile: a finding, never a traceback."""

import random
import textwrap
from pathlib import Path

import pytest
import yaml
from importers.test_goldens import CASES

from colorfast.k8s.importers import SYSTEMS, Imported, import_text, importer

JUNK: list[object] = [
    None,
    True,
    -1,
    10**30,
    "",
    "x",
    "*",
    "[",
    [],
    [[]],
    {},
    {"a": {}},
    ["a", 1],
    "é\n",
]


def run(system: str, text: str) -> Imported:
    return import_text(importer(system), textwrap.dedent(text), file="f.yaml")


def codes(result: Imported) -> set[str]:
    return {one.code for one in result.findings}


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "CF584"),
        ("null", "CF584"),
        ("[1, 2]", "CF584"),
        ("kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}", "CF584"),
        ("a: [", "CF101"),
        ("a: 1\na: 2", "CF102"),
        ("{? [1] : 2}", "CF109"),
        ("[" * 1000, "CF109"),
        ("a: " + "x" * (1 << 20), "CF584"),
    ],
)
def test_what_cannot_be_imported_is_refused(system: str, text: str, code: str) -> None:
    result = run(system, text)
    assert result.documents == ()
    assert result.refused
    assert code in codes(result)


def test_weights_above_a_hundred_are_refused_as_higress_does() -> None:
    result = run(
        "higress",
        """
        weightGroups:
        - {headerName: x-t, headerValue: a, weight: 60}
        - {headerName: x-t, headerValue: b, weight: 60}
        """,
    )
    assert [(one.code, one.line) for one in result.findings if one.level == "error"] == [
        ("CF584", 2)
    ]
    assert result.documents == ()


def test_a_header_that_our_loader_refuses_is_refused() -> None:
    result = run(
        "higress",
        """
        weightGroups:
        - {headerName: cookie, headerValue: a, weight: 60}
        """,
    )
    assert any("CF213" in one.what for one in result.findings)
    assert result.documents == ()


def mutated(data: object, rng: random.Random) -> object:
    """*data* with some of its parts gone, or replaced by junk."""
    if rng.random() < 0.04:
        return rng.choice(JUNK)
    if isinstance(data, dict):
        return {key: mutated(one, rng) for key, one in data.items() if rng.random() > 0.03}
    if isinstance(data, list):
        return [mutated(one, rng) for one in data if rng.random() > 0.03]
    return data


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_files_with_parts_missing_or_strange_never_raise(path: Path) -> None:
    documents = list(yaml.safe_load_all(path.read_text()))
    rng = random.Random(3)
    system = path.name.partition("-")[0]
    for _ in range(60):
        text = yaml.safe_dump_all([mutated(one, rng) for one in documents])
        result = import_text(importer(system), text, file="f.yaml")
        assert result.documents or result.refused
