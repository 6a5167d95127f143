"""What the documentation says is there is there: codes, commands, keys, metrics, links."""

import importlib
import json
import re
import shlex
from collections.abc import Iterable
from importlib.metadata import version
from itertools import zip_longest
from pathlib import Path
from typing import Any

import click
import pytest
from docs.pages import (
    PAGES,
    ROOT,
    anchor,
    blocks,
    commands,
    headings,
    links,
    page,
    prose,
    spans,
    table,
)
from envoys.run import MINORS, corpus
from prometheus_client import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from pydantic import BaseModel

from colorfast.cli._app import COMMANDS
from colorfast.cli._app import colorfast as cli
from colorfast.extproc import Settings as ServeSettings
from colorfast.extproc import StreamOptions, Tls
from colorfast.extproc._admin import PATHS
from colorfast.extproc._guard import Guard
from colorfast.extproc._metrics import registry
from colorfast.extproc._seat import Seat
from colorfast.extproc._workers import of_each
from colorfast.extproc.http2 import Http2Transport
from colorfast.extproc.wire import ProcessingRequest
from colorfast.k8s import TARGETS
from colorfast.mesh._launch import program
from colorfast.mesh.conformance import BACKENDS
from colorfast.policy import _mesh_model as mesh_models
from colorfast.policy import _model as models
from colorfast.policy._vectors import ExpectModel, RequestModel, VectorModel
from colorfast.propagator import Settings
from colorfast.release import _spec as release_models
from helpers.certificates import Authority
from helpers.watchers import processor_of, watcher_of

EVERY_PAGE = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)


def rooms() -> set[str]:
    """The packages that the command line reaches, through whatever module: what users can meet."""
    found, ahead = set[str](), {"colorfast.cli._app"}
    while ahead:
        found |= ahead
        sources = [path.read_text() for module in ahead for path in files_of(module)]
        named = set(re.findall(r"\bcolorfast(?:\.\w+)+", "\n".join(sources)))
        ahead = {module for module in named - found if files_of(module)}
    return {module.split(".")[1] for module in found}


def files_of(module: str) -> list[Path]:
    path = module.replace(".", "/")
    return [*ROOT.glob(f"*/src/{path}.py"), *ROOT.glob(f"*/src/{path}/__init__.py")]


def codes() -> dict[str, tuple[str, str]]:
    """Every code of every room: its level and its title."""
    modules = [
        importlib.import_module(f"colorfast.{name}") for name in sorted(rooms() | {"propagator"})
    ]
    tables: list[dict[str, tuple[str, str]]] = [getattr(one, "CODES", {}) for one in modules]
    joined = {code: entry for table in tables for code, entry in table.items()}
    assert len(joined) == sum(map(len, tables)), "two rooms have the same code"
    return joined


def test_the_rooms_with_codes_are_found() -> None:
    assert {"policy", "extproc", "envoy", "lua", "wasm", "mesh", "lane"} <= rooms()


def test_every_code_has_its_entry_and_no_entry_is_of_another_code() -> None:
    found = [heading for heading in headings(page("diagnostics.md")) if heading.startswith("CF")]
    assert found == [
        f"{code}: {title} ({level})" for code, (level, title) in sorted(codes().items())
    ]


def test_every_entry_says_how_to_fix_it() -> None:
    entries = re.split(r"(?m)^#+ ", prose(page("diagnostics.md")))
    lacking = [one.split(":")[0] for one in entries if one[:2] == "CF" and "**Fix.**" not in one]
    assert lacking == []


@EVERY_PAGE
def test_codes_that_a_page_names_exist(path: Path) -> None:
    assert set(re.findall(r"\bCF\d{3}\b", path.read_text())) <= codes().keys()


# The command line.


def command_of(name: str) -> click.Command:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None, f"there is no colorfast {name}"
    return command


def options_of(command: click.Command) -> dict[str, click.Parameter]:
    """Every spelling of every option."""
    params = command.get_params(click.Context(command))
    return {name: one for one in params for name in one.opts if name.startswith("-")}


def check(words: list[str]) -> None:
    """A command line names a command that exists, with options and choices that it has."""
    if words[1].startswith("-"):
        assert words[1] in options_of(cli)
        return
    command = command_of(words[1])
    if isinstance(command, click.Group):
        assert words[2] in command.commands, f"there is no colorfast {words[1]} {words[2]}"
        command = command.commands[words[2]]
    options = options_of(command)
    for word, value in zip_longest(words[2:], words[3:]):
        if word.startswith("-") and word != "-":
            assert word in options, f"colorfast {words[1]} has no {word}"
            kind = options[word].type
            if isinstance(kind, click.Choice) and value is not None:
                assert value in kind.choices


@EVERY_PAGE
def test_commands_exist_with_their_options(path: Path) -> None:
    for words in commands(path):
        check(words)


def test_commands_in_the_examples_exist() -> None:
    text = "\n".join(path.read_text() for path in ROOT.glob("examples/*.yaml"))
    said = re.findall(r"(?m)^#(?: .*:)? +(colorfast .*)$", text)
    assert said
    for line in said:
        check(shlex.split(line))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_explained(name: str) -> None:
    text = "\n".join(path.read_text() for path in PAGES if path.parent.name == "docs")
    assert f"colorfast {name}" in text or name == "version"
    for param in command_of(name).params:
        if isinstance(param, click.Option):
            assert any(re.search(rf"(?<!\w){opt}\b", text) for opt in param.opts), param.opts


@pytest.mark.parametrize(
    ("name", "file", "head"),
    [
        ("serve", "operations.md", "flag"),
        ("compile", "operations.md", "option"),
        ("build", "kubernetes.md", "option"),
        ("status", "kubernetes.md", "flag"),
    ],
)
def test_options_have_the_defaults_that_their_page_says(name: str, file: str, head: str) -> None:
    said = {tuple(spans(row[0])): row[1] for row in table(page(file), head, "default")}
    options = [one for one in command_of(name).params if isinstance(one, click.Option)]
    assert said == {tuple(option.opts): default_of(option) for option in options}


def default_of(option: click.Option) -> str:
    if option.required:
        return "required"
    if option.is_flag:
        return "off"
    default = option.to_info_dict()["default"]
    if option.multiple or default is None:
        return " ".join(f"`{one}`" for one in default or ()) or "none"
    return f"`{default}`"


def test_environment_variables_are_those_of_the_options() -> None:
    known = {
        f"COLORFAST_{name}_{param.name}".upper()
        for name in COMMANDS
        for param in command_of(name).params
    }
    known |= set(re.findall(r"\bCOLORFAST_\w+", program.__doc__ or ""))
    known |= {f"COLORFAST_{name.upper()}" for name in Settings._fields}
    said = {name for path in PAGES for name in re.findall(r"\bCOLORFAST_\w+", path.read_text())}
    assert said
    assert said <= known


@EVERY_PAGE
def test_make_targets_exist(path: Path) -> None:
    text = "\n".join([*spans(prose(path)), *(block.text for block in blocks(path))])
    targets = set(re.findall(r"(?m)^(?:\$ )?make ([a-z0-9-]+)", text))
    makefile = (ROOT / "Makefile").read_text()
    assert {name for name in targets if not re.search(rf"(?m)^{name}:", makefile)} == set()


# Files.

MODELS: dict[str, dict[str, type[BaseModel]]] = {
    "policies.md": {
        "": models.PolicyEnvelope,
        "metadata.": models.Metadata,
        "spec.": models.SpecModel,
        "spec.edge.": models.EdgeModel,
        "spec.edge.baggage.": models.BaggageModel,
        "rules[].": models.RuleModel,
        "match[].": models.Match,
        "matcher.": models.StringMatcher,
        "split.": models.SplitModel,
    },
    "testing.md": {
        "vectors[].": VectorModel,
        "request.": RequestModel,
        "expect.": ExpectModel,
    },
    "mesh.md": {
        "spec.": mesh_models.MeshSpec,
        "services.": mesh_models.ServiceModel,
        "gateways[].": mesh_models.GatewayModel,
        "external[].": mesh_models.ExternalModel,
    },
    "release.md": {
        "spec.": release_models.ReleaseSpec,
        "services.": release_models.ChangeModel,
        "steps[].": release_models.StageModel,
        "split.": release_models.SplitModel,
        "analysis.": release_models.AnalysisModel,
        "metrics[].": release_models.MetricModel,
    },
}
INNER = {
    "metadata",
    "spec",
    "spec.edge",
    "spec.edge.baggage",
    "vectors[].request",
    "vectors[].expect",
}
"""Keys whose own keys are listed instead."""
OF_A_SERVER = {
    *(
        f"metadata.{one.alias or key}"
        for key, one in models.Metadata.model_fields.items()
        if one.annotation is Any
    ),
    "status",
}
"""What an author does not write."""


@pytest.mark.parametrize("name", MODELS)
def test_every_key_of_a_file_is_in_its_table_with_its_default(name: str) -> None:
    said = {spans(row[0])[0]: row[2] for row in table(page(name), "key", "type", "default")}
    said.pop("policy", None)  # of a vector file, whose model leaves it to the loader
    fields = {
        prefix + (field.alias or key): field
        for prefix, model in MODELS[name].items()
        for key, field in model.model_fields.items()
    }
    assert said.keys() == fields.keys() - INNER - OF_A_SERVER
    for key, text in said.items():
        field = fields[key]
        assert (text == "required") == field.is_required(), key
        if isinstance(field.default, bool):
            assert text == f"`{json.dumps(field.default)}`", key
        elif isinstance(field.default, str | int):
            assert text == f"`{field.default}`", key


# The service.


def exposition(tmp_path: Path) -> str:
    """What ``/metrics`` shows after a request."""
    policy = tmp_path / "policy.yaml"
    policy.write_text((ROOT / "examples" / "shop.yaml").read_text())
    processor = processor_of(policy)
    Http2Transport(processor)
    request = ProcessingRequest()
    request.request_headers.SetInParent()
    processor.process(request.SerializeToString(), StreamOptions())
    certificate = Authority(tmp_path).issue("server", "colorfast.example")
    guard = Guard(Tls(certificate=str(certificate.certificate), key=str(certificate.key)))
    shown = registry(processor, watcher_of(policy, processor), guard)
    shown.register(EachWorker())
    return generate_latest(shown).decode()


class EachWorker(Collector):
    """What the parent of workers adds."""

    def collect(self) -> Iterable[Metric]:
        return of_each([Seat(0, ServeSettings(policy="policy.yaml"), lambda _: None)])


def test_metrics_are_those_of_the_registry(tmp_path: Path) -> None:
    text = exposition(tmp_path)
    types = dict(re.findall(r"(?m)^# TYPE (\S+) (\S+)", text))
    ours = {name: kind for name, kind in types.items() if name.startswith("colorfast")}
    said = {spans(row[0])[0]: row[1:3] for row in table(page("operations.md"), "metric", "type")}
    assert said.keys() == ours.keys()
    assert {name.split("_")[0] for name in types.keys() - ours.keys()} == {"process", "python"}
    for name, (kind, labels) in said.items():
        # Prometheus' text format has no info: it is a gauge that is 1.
        assert kind == ours[name]
        samples = re.findall(rf"(?m)^{name}(?:_bucket)?(?:{{(.*)}})? ", text)
        assert sorted(spans(labels)) == sorted(re.findall(r'(\w+)="', samples[0]))


def test_metrics_that_pages_name_exist(tmp_path: Path) -> None:
    text = exposition(tmp_path)
    named = {name for path in PAGES for name in re.findall(r"colorfast_[a-z_]+\w", prose(path))}
    assert {name for name in named if not re.search(rf"(?m)^(?:# TYPE )?{name}\b", text)} == set()


def test_admin_paths_are_those_of_the_service() -> None:
    assert [spans(row[0])[0] for row in table(page("operations.md"), "path", "says")] == [*PATHS]


# Backends.


def test_every_backend_is_explained_and_can_be_compiled() -> None:
    [to] = [one for one in command_of("compile").params if one.name == "target"]
    assert isinstance(to.type, click.Choice)
    wanted = {*BACKENDS}
    assert {*to.type.choices} == wanted | {*TARGETS}
    for head in ("decides", "oldest Envoy", "with `--metadata`"):
        assert {spans(row[0])[0] for row in table(page("backends.md"), "backend", head)} == wanted
    assert wanted <= {*headings(page("backends.md"))}


def test_the_table_of_envoys_has_a_row_for_each_and_is_of_this_corpus() -> None:
    rows = table(page("backends.md"), "Envoy")
    assert [row[0].rpartition(".")[0] or row[0] for row in rows] == [*MINORS]
    vectors = sum(len(file.vectors) for file in corpus())
    for row in rows:
        assert len(row) == 1 + len(BACKENDS)
        for cell in row[1:]:
            assert re.fullmatch(rf"{vectors}|\d+ of {vectors}|refused: .+|cannot be had", cell), (
                cell
            )


# Links and names.


@EVERY_PAGE
def test_links_lead_somewhere(path: Path) -> None:
    for link in links(path):
        file, _, wanted = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), link
        if wanted:
            assert wanted in [anchor(heading) for heading in headings(target)], link


MADE = {"benchmarks/results/"}
"""What `make` makes."""


@EVERY_PAGE
def test_files_that_a_page_names_exist(path: Path) -> None:
    folders = [folder.name for folder in ROOT.iterdir() if folder.is_dir()]
    named = [span for span in spans(prose(path)) if re.fullmatch(r"[\w.-]+/[\w./-]*", span)]
    inside = [name for name in named if name.split("/")[0] in folders]
    assert [name for name in inside if name not in MADE and not (ROOT / name).exists()] == []


def test_contributing_names_what_the_files_hold() -> None:
    for file, said, *_ in table(ROOT / "CONTRIBUTING.md", "file"):
        text = (ROOT / spans(file)[0]).read_text()
        assert [name for name in spans(said) if name not in text] == [], file


def test_the_changelog_has_this_version() -> None:
    assert f"## [{version('colorfast')}]" in (ROOT / "CHANGELOG.md").read_text()


def test_pages_name_no_place_of_the_machine_they_were_written_on() -> None:
    def local(text: str) -> Any:
        return re.search(r"/(?:home|root|tmp|Users)/", text)

    assert [path.name for path in PAGES if local(path.read_text())] == []
