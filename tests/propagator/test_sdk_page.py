"""docs/sdk.md says what is so."""

import inspect
import re
from pathlib import Path

import pytest

from colorfast.propagator import Settings, lane
from colorfast.propagator.guard._hosts import _INSIDE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "sdk.md").read_text()
MATRIX = (ROOT / "tests" / "propagator" / "libs" / "test_survives.py").read_text()


def rows(head: str) -> list[list[str]]:
    """The cells of the table whose first column is called *head*."""
    table = PAGE.partition(f"\n| {head} |")[2].partition("\n\n")[0].splitlines()[2:]
    assert table, head
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in table]


def spans(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def listed(name: str) -> set[str]:
    """The strings of a tuple in the tests of survival."""
    text = re.search(rf"(?ms)^{name} = \((.*?)\)", MATRIX)
    assert text
    return set(re.findall(r'"([^"]+)"', text[1]))


def test_settings_are_those_of_the_code_with_their_defaults() -> None:
    defaults = Settings()._asdict() | {"lanes": "every name", "hosts": "`*`", "auto": "`on`"}
    said = {spans(row[0])[0]: row[1] for row in rows("variable")}
    assert said == {
        f"COLORFAST_{name.upper()}": value if " " in value or "`" in value else f"`{value}`"
        for name, value in defaults.items()
    }


@pytest.mark.parametrize(("head", "name"), [("server", "SERVERS"), ("client", "CLIENTS")])
def test_what_survives_is_what_is_tested(head: str, name: str) -> None:
    assert {one for row in rows(head) for one in spans(row[0])} == listed(name)


def test_every_call_is_explained() -> None:
    said = {name for row in rows("call") for name in re.findall(r"lane\.(\w+)", row[0])}
    assert said == set(lane.__all__) - {"Headers"}


def test_modules_for_services_without_opentelemetry_exist() -> None:
    package = Path(inspect.getfile(lane)).parent
    for row in rows("for"):
        for module, name in re.findall(r"from colorfast\.propagator\.(\w+) import (\w+)", row[1]):
            assert re.search(rf"(?:class|def) {name}\b", (package / f"{module}.py").read_text())


def test_the_mesh_preset_is_what_is_said() -> None:
    [said] = [row[1] for row in rows("pattern") if row[0] == "`mesh`"]
    assert {one for one in spans(said) if one != ".svc.cluster.local"} == set(_INSIDE)


def test_modes_of_baggage_are_those_of_the_code() -> None:
    [said] = [row[2] for row in rows("variable") if "BAGGAGE" in row[0]]
    for mode in ("forward", "member", "off"):
        assert Settings.of({"COLORFAST_BAGGAGE": mode}).baggage == mode
        assert f"`{mode}`," in said
