"""docs/messaging.md: what is shown is what is run."""

import ast
import importlib
import inspect
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from docs.pages import ROOT, Block, blocks, page, prose, spans, tables

from colorfast.propagator import messaging
from colorfast.propagator.messaging import amqp

PAGE = page("messaging.md")
SERVICES = ROOT / "examples" / "services"
PYTHON = [one for one in blocks(PAGE) if one.words[:1] == ["python"]]
EXCERPTS = [one for one in PYTHON if one.words[1] != "run"]
RUN = [one for one in PYTHON if one.words[1] == "run"]


@pytest.mark.parametrize("block", EXCERPTS, ids=str)
def test_an_excerpt_is_in_its_example(block: Block) -> None:
    assert block.text in (SERVICES / block.words[1]).read_text()


@pytest.mark.parametrize("block", RUN, ids=str)
def test_other_code_is_run_with_a_real_broker(block: Block) -> None:
    ast.parse(block.text)
    called = f'snippet("{block.words[2]}")'
    tests = (ROOT / "tests" / "brokers").glob("test_*.py")
    assert any(called in path.read_text() for path in tests), f"no test of a broker has {called}"


def test_every_example_is_linked() -> None:
    text = PAGE.read_text() + (ROOT / "examples" / "README.md").read_text()
    assert [path.name for path in SERVICES.glob("*.py") if f"{path.name})" not in text] == []


def functions() -> dict[str, Any]:
    """What the page's spans may name: ``kafka.records`` and so on."""
    found = {f"{name}": getattr(messaging, name) for name in messaging.__all__}
    for module in ("kafka", "amqp"):
        loaded = importlib.import_module(f"colorfast.propagator.messaging.{module}")
        own = {key: one for key, one in vars(loaded).items() if inspect.isfunction(one)}
        found |= {
            f"{module}.{key}": one for key, one in own.items() if one.__module__ == loaded.__name__
        }
    return {key: one for key, one in found.items() if not key.rpartition(".")[2].startswith("_")}


@pytest.mark.parametrize("module", ["kafka", "amqp"])
def test_every_function_has_its_row(module: str) -> None:
    loaded = importlib.import_module(f"colorfast.propagator.messaging.{module}")
    named = set(re.findall(rf"\b{module}\.\w+", PAGE.read_text()))
    public = {name for name in functions() if name.startswith(f"{module}.")}
    assert public - named == set()
    assert [one for one in named if not hasattr(loaded, one.partition(".")[2])] == []


def test_a_source_is_shown_with_its_defaults() -> None:
    shown = {
        span.partition("(")[0]: span
        for _, rows in tables(PAGE)
        if rows[0][0] == "source"
        for row in rows[1:]
        for span in spans(row[0])
    }
    assert shown.keys() == {"StaticLanes", "FileLanes", "HttpLanes", "PolledLanes"}
    for name, span in shown.items():
        for option, value in re.findall(r"(\w+)=([\d.]+)", span):
            default = inspect.signature(getattr(messaging, name)).parameters[option].default
            assert float(value) == default


def test_what_may_become_of_others_is_listed() -> None:
    assert {f'"{one}"' for one in get_args(amqp.Others)} <= set(spans(prose(PAGE)))


def test_the_page_is_reachable() -> None:
    text = "".join(path.read_text() for path in Path(ROOT).glob("*.md"))
    text += page("architecture.md").read_text()
    assert "messaging.md" in text
