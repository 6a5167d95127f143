"""The examples of docs/diagnostics.md have the findings that they stand for."""

import pytest
from docs.pages import Block, all_blocks, page, table

from colorfast.k8s import Version
from colorfast.k8s.importers import CODES as IMPORT_CODES
from colorfast.k8s.importers import SYSTEMS
from colorfast.k8s.lint import CODES, lint
from colorfast.k8s.manifests import read_manifests

EXAMPLES = all_blocks("yaml", "manifests")


@pytest.mark.parametrize("block", EXAMPLES, ids=str)
def test_an_example_has_its_finding_and_no_other(
    block: Block, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("example") / "f.yaml"
    path.write_text(block.text)
    istio = Version.parse(block.words[2]) if block.words[2:] else None
    report = lint(read_manifests([str(path)]), istio=istio)
    found = {one.code for one in report.findings}
    expected = {block.under.partition(":")[0]} if block.page == page("diagnostics.md") else set()
    assert found == expected


def test_every_rule_has_an_example() -> None:
    assert [block.under.partition(":")[0] for block in EXAMPLES if block.under[:2] == "CF"] == [
        *CODES
    ]


def test_every_rule_is_listed_with_its_title() -> None:
    rows = {row[0].partition("]")[0].strip("["): row[1:] for row in table(page("lint.md"), "code")}
    assert rows == {code: [title, level] for code, (level, title) in CODES.items()}


def test_every_system_has_its_table() -> None:
    text = page("importers.md").read_text()
    assert [name for name in SYSTEMS if f"colorfast import {name} " not in text] == []
    assert IMPORT_CODES.keys() <= set(text.replace("[", " ").replace("]", " ").split())
