"""Where the library comes from, and why there may be none."""

import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from colorfast.core import Core, CoreError, library
from colorfast.policy import Policy
from colorfast.wasm import _build
from helpers.policies import from_data


@pytest.fixture
def fresh() -> Iterator[None]:
    """Nothing is loaded yet, and what a test has loaded is forgotten."""
    library.cache_clear()
    yield
    library.cache_clear()


def named(machine: str, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(_build, "LIBRARIES", {machine: file})


def test_each_library_knows_its_sources() -> None:
    for file in _build.LIBRARIES.values():
        assert _build.digest_of(file) == _build.digest()


def test_it_is_loaded_once() -> None:
    assert library() is library()


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize(("system", "machine"), [("darwin", "x86_64"), ("linux", "riscv64")])
def test_another_machine_has_none(
    system: str, machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    with pytest.raises(CoreError, match=f"none for {system} on {machine}"):
        library()


@pytest.mark.usefixtures("fresh")
def test_a_package_without_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named("m", tmp_path / "none.so", monkeypatch)
    with pytest.raises(CoreError, match="want of Zig"):
        library()


@pytest.mark.usefixtures("fresh")
def test_one_of_other_sources_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "old.so"
    file.write_bytes(b"...colorfast.sources of yesterday")
    named("m", file, monkeypatch)
    with pytest.raises(CoreError, match="make wasm"):
        library()


@pytest.mark.usefixtures("fresh")
def test_a_file_that_is_no_library_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "text.so"
    file.write_bytes(b"..." + _build._mark(_build.digest()))
    named("m", file, monkeypatch)
    with pytest.raises(CoreError, match=r"text\.so"):
        library()


@pytest.mark.usefixtures("fresh")
def test_a_package_has_no_sources_to_compare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = _build.LIBRARIES[platform.machine()]
    shutil.copy(here, tmp_path / here.name)
    named(platform.machine(), tmp_path / here.name, monkeypatch)
    monkeypatch.setattr(_build, "SOURCES", tmp_path)
    assert library() is not None


def regex(pattern: str) -> Policy:
    rule = {"name": "r", "match": [{"headers": {"a": {"regex": pattern}}}], "lane": "base"}
    return from_data({"lanes": ["base"], "rules": [rule]})


def test_policies_that_it_cannot_decide_are_refused_with_a_reason() -> None:
    split = {"by": [{"cookie": "u"}], "weights": {"base": 10_000}, "otherwise": "random"}
    draws = from_data({"lanes": ["base"], "rules": [{"name": "r", "split": split}]})
    with pytest.raises(CoreError, match="at random"):
        Core(draws, "dye")
    with pytest.raises(CoreError, match="states"):
        Core(regex("(a|b)*a(a|b){12}"), "dye")
    # A hop reads no rules.
    assert Core(draws, "carry").sort(b"") == (b"", b"")
    assert Core(regex("(a|b)*a(a|b){12}"), "carry")
