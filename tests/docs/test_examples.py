"""What can be run is run: policies, vectors, commands and tables of the pages, and the examples."""

import asyncio
import doctest
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
import yaml
from click.testing import CliRunner
from docs.pages import ROOT, Block, all_blocks, page, spans, tables

from colorfast.cli._app import colorfast
from colorfast.envoy import CODES as NATIVE_CODES
from colorfast.envoy import (
    NEWEST,
    Backend,
    EnvoyVersion,
    ExtProcOptions,
    LuaOptions,
    NativeOptions,
    Station,
    WasmOptions,
    extproc_cluster,
    lua_chain,
    native_chain,
    version_findings,
    wasm_chain,
)
from colorfast.lua import CODES as LUA_CODES
from colorfast.mesh.conformance import BACKENDS, observe_in_envoy
from colorfast.policy import (
    CODES,
    Engine,
    InvalidInput,
    Policy,
    Request,
    VectorFile,
    differences,
    load_mesh,
    load_policy,
    load_vectors,
    observe_reference,
)
from colorfast.policy._vectors import apply
from colorfast.wasm import CODES as WASM_CODES
from helpers import policies

EXAMPLES = ROOT / "examples"
VECTORS = sorted(EXAMPLES.glob("*.vectors.yaml"))
POLICIES = [
    path
    for path in sorted(EXAMPLES.glob("*.yaml"))
    if path not in VECTORS and "\nkind: LanePolicy\n" in path.read_text()
]
TRIGGERS = [
    block
    for kind in ("policy", "spec", "mesh")
    for block in all_blocks("yaml", kind)
    if block.page.name == "diagnostics.md"
]


def diagnosed(words: list[str], policy: Policy) -> list[str]:
    """The codes that compiling *policy* has; InvalidInput for some.

    *words* name a backend; then, where it matters, the version of Envoy and the station.
    """
    if not words:
        return []
    backend, version, station = [*words, *(str(NEWEST), "dye")[len(words) - 1 :]]
    chosen, at = cast("Backend", backend), cast("Station", station)
    found = version_findings(policy, at, [chosen], EnvoyVersion.parse(version))
    return [one.code for one in found] + of_backend(backend, policy, at)


def of_backend(backend: str, policy: Policy, station: Station) -> list[str]:
    match backend:
        case "lua":
            lua_chain(policy, LuaOptions(station=station))
        case "wasm":
            wasm_chain(policy, WasmOptions(station=station))
        case "native":
            options = NativeOptions(station=station)
            return [one.code for one in native_chain(policy, options).diagnostics]
        case _:
            raise ValueError(backend)
    return []


def found(block: Block) -> list[str]:
    """The codes that the file of a block has, when compiled if its marker names a backend."""
    kind = block.words[1] if block.words[1:] else "policy"
    text = policies.file(block.text) if kind == "spec" else block.text
    try:
        if kind == "mesh":
            load_mesh(text)
            return []
        loaded = load_policy(text)
        codes = [one.code for one in loaded.diagnostics]
        return codes + diagnosed(block.words[2:], loaded.policy)
    except InvalidInput as error:
        return [one.code for one in error.diagnostics]


def is_sound(block: Block) -> bool:
    """Whether a block must load: it is marked, or it is a whole LanePolicy."""
    marked = block.words[1:2] in (["policy"], ["spec"], ["mesh"])
    return block.page.name != "diagnostics.md" and (marked or "\nkind: LanePolicy\n" in block.text)


@pytest.mark.parametrize("block", [one for one in all_blocks("yaml") if is_sound(one)], ids=str)
def test_policies_and_meshes_of_the_pages_load_without_a_finding(block: Block) -> None:
    assert found(block) == []


@pytest.mark.parametrize("block", TRIGGERS, ids=str)
def test_an_example_of_a_code_has_this_code_and_no_other(block: Block) -> None:
    code = block.under.partition(":")[0]
    # Hardly any native chain makes do with the size of RE2 programs that Envoy has as a default.
    assert set(found(block)) - ({"CF424"} - {code}) == {code}


def test_every_code_of_a_file_has_an_example() -> None:
    # A file that cannot be read, two files that must agree, a policy of a thousand rules, a missing
    # plugin and a folder that cannot be written to are no examples.
    elsewhere = {"CF110", "CF224", "CF401", "CF412", "CF413"}
    every = CODES.keys() | LUA_CODES.keys() | WASM_CODES.keys() | NATIVE_CODES.keys()
    assert {block.under.partition(":")[0] for block in TRIGGERS} == every - elsewhere


@pytest.mark.parametrize(
    "block", [one for one in all_blocks("yaml") if not one.under.startswith("CF101")], ids=str
)
def test_every_block_but_the_one_about_it_is_yaml(block: Block) -> None:
    # Composed, not built: one example is about tags.
    assert yaml.compose(block.text) is not None


def failures(file: VectorFile) -> list[str]:
    return [
        f"{vector.name}: {difference}"
        for vector in file.vectors
        for difference in differences(vector, observe_reference(file.policy, vector))
    ]


@pytest.mark.parametrize("block", all_blocks("yaml", "vectors"), ids=str)
def test_vectors_of_the_pages_pass(block: Block) -> None:
    def read(name: str) -> str:
        return (block.page.parent / name).read_text()

    assert failures(load_vectors(block.text, file=str(block), read=read)) == []


COMMANDS = [
    *all_blocks("console", "run"),
    *(
        one
        for one in all_blocks("console")
        if one.page.name == "README.md" and "examples/" in one.text
    ),
]


@pytest.mark.parametrize("block", COMMANDS, ids=str)
def test_commands_of_the_pages_print_what_is_shown(
    block: Block, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    line, _, shown = block.text.partition("\n")
    words = [word.strip("'") for word in re.findall(r"'[^']*'|\S+", line.removeprefix("$ "))]
    result = CliRunner().invoke(colorfast, words[1:], standalone_mode=False)
    assert result.exception is None
    wanted = ".*".join(re.escape(part) for part in shown.strip().split("..."))
    assert re.fullmatch(wanted, result.output.strip(), re.DOTALL), result.output


@pytest.mark.parametrize("block", all_blocks("pycon"), ids=str)
def test_python_of_the_pages_prints_what_is_shown(block: Block) -> None:
    asked = doctest.DocTestParser().get_doctest(block.text, {}, str(block), None, 0)
    assert asked.examples
    assert doctest.DocTestRunner().run(asked).failed == 0


# Tables of what is written.

STATIONS = {
    "dye canary": (policies.policy("default: canary"), Engine.dye),
    "dye none": (policies.policy(), Engine.dye),
    "carry": (policies.policy(), Engine.carry),
}


def written() -> Iterator[tuple[str, list[str]]]:
    for above, rows in tables(page("policies.md")):
        if name := re.fullmatch("<!-- table: (.+) -->", above):
            yield from ((name[1], row) for row in rows[1:])


@pytest.mark.parametrize(("name", "row"), [*written()])
def test_rows_of_what_is_written_are_what_is_written(name: str, row: list[str]) -> None:
    policy, station = STATIONS[name]
    headers = ("x-lane", "baggage")
    lines = tuple(
        (header, line.encode())
        for header, cell in zip(headers, row[:2], strict=True)
        for line in spans(cell)
    )
    after = apply(station(Engine(policy), Request(lines)), lines)
    got = [[value.decode() for name, value in after if name == header] for header in headers]
    assert got == [spans(cell) for cell in row[2:]]


def test_every_station_has_its_table() -> None:
    assert {name for name, _ in written()} == STATIONS.keys()


# Envoy's configuration.


def test_the_configuration_that_is_shown_is_what_is_compiled() -> None:
    [block] = all_blocks("yaml", "compiled")
    command = ["compile", str(EXAMPLES / "shop.yaml"), "--to", "extproc", "-o", "json"]
    compiled = json.loads(CliRunner().invoke(colorfast, command, standalone_mode=False).output)
    names = [one["name"] for one in compiled["http_filters"]]
    assert all(f"`{name}`" in page("operations.md").read_text() for name in names[1:])
    compiled["http_filters"] = compiled["http_filters"][:1]
    assert yaml.safe_load(block.text) == compiled


def test_the_health_check_that_is_shown_is_the_one_that_is_tested() -> None:
    [block] = all_blocks("yaml", "health")
    shown = yaml.safe_load(block.text)
    cluster = extproc_cluster(ExtProcOptions(health_check=True))
    assert shown == {
        key: cluster[key] for key in cluster.keys() - extproc_cluster(ExtProcOptions())
    }


# The examples.


@pytest.fixture(scope="module")
def files() -> list[VectorFile]:
    def read(name: str) -> str:
        return (EXAMPLES / name).read_text()

    return [load_vectors(path.read_text(), file=path.name, read=read) for path in VECTORS]


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.name)
def test_examples_lint_clean(path: Path) -> None:
    assert load_policy(path.read_text(), file=path.name).diagnostics == ()


def test_examples_pass_their_vectors(files: list[VectorFile]) -> None:
    assert [line for file in files for line in failures(file)] == []


@pytest.mark.parametrize("backend", BACKENDS)
def test_examples_pass_their_vectors_behind_a_real_envoy(
    files: list[VectorFile], backend: Backend
) -> None:
    observed = asyncio.run(observe_in_envoy(files, backend))
    for file, row in zip(files, observed, strict=True):
        assert not isinstance(row, InvalidInput)
        for vector, one in zip(file.vectors, row, strict=True):
            assert differences(vector, one) == (), f"{file.file}: {vector.name}"


def test_every_rule_of_an_example_with_vectors_is_met_by_one(files: list[VectorFile]) -> None:
    for file in files:
        met = {vector.expect.rule for vector in file.vectors}
        assert {rule.name for rule in file.policy.active_rules} <= met


def test_every_example_is_listed() -> None:
    text = (EXAMPLES / "README.md").read_text()
    assert [path.name for path in EXAMPLES.glob("*.yaml") if f"]({path.name})" not in text] == []
