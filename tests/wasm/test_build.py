"""How the plugin is made, found and told from an outdated one."""

import importlib.metadata
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest
import wasmtime

from colorfast.policy import ColorfastError
from colorfast.wasm import _build, path

# ABI 0.2.1: what a host calls, and what it may be asked for.
CALLED = {
    "memory",
    "proxy_abi_version_0_2_1",
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_delete",
    "proxy_on_memory_allocate",
    "proxy_on_request_headers",
    "proxy_on_vm_start",
}
ASKED = {
    ("env", "proxy_get_buffer_bytes"),
    ("env", "proxy_get_current_time_nanoseconds"),
    ("env", "proxy_get_header_map_pairs"),
    ("env", "proxy_get_property"),
    ("env", "proxy_log"),
    ("env", "proxy_remove_header_map_value"),
    ("env", "proxy_replace_header_map_value"),
    ("env", "proxy_set_property"),
    ("wasi_snapshot_preview1", "random_get"),
}


def test_another_folder_another_cache_the_same_bytes(plugin: Path, tmp_path: Path) -> None:
    shutil.copytree(_build.SOURCES, tmp_path / "elsewhere")
    other = tmp_path / "other.wasm"
    _build.build(other, sources=tmp_path / "elsewhere", cache=tmp_path / "cache")
    assert other.read_bytes() == plugin.read_bytes()


def test_the_plugin_knows_its_sources(plugin: Path) -> None:
    assert _build.digest_of(plugin) == _build.digest()


def test_the_plugin_speaks_the_abi_and_nothing_else(plugin: Path) -> None:
    module = wasmtime.Module.from_file(wasmtime.Engine(), str(plugin))
    assert {one.name for one in module.exports} >= CALLED
    assert {(one.module, one.name) for one in module.imports} == ASKED


def test_tests_are_not_sources(tmp_path: Path) -> None:
    shutil.copytree(_build.SOURCES, tmp_path / "filter")
    before = _build.digest(tmp_path / "filter")
    (tmp_path / "filter" / "core_test.zig").write_text("")
    assert _build.digest(tmp_path / "filter") == before
    (tmp_path / "filter" / "core.zig").write_text("")
    assert _build.digest(tmp_path / "filter") != before


def test_the_core_knows_no_proxy() -> None:
    glue = _build.SOURCES / "abi.zig"
    for source in set(_build.SOURCES.glob("*.zig")) - {glue}:
        text = source.read_text()
        assert "proxy_" not in text
        assert 'abi.zig")' not in text
        assert "extern" not in text


def test_the_plugin_is_built_when_the_sources_have_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[Path] = []
    plugin = tmp_path / "colorfast.wasm"
    monkeypatch.setattr(_build, "PLUGIN", plugin)
    monkeypatch.setattr(_build, "build", lambda: built.append(plugin))
    path()
    assert built == [plugin]
    plugin.write_bytes(b"..." + _build._section("of other sources"))
    path()
    assert built == [plugin, plugin]
    plugin.write_bytes(b"..." + _build._section(_build.digest()))
    assert path() == plugin
    assert built == [plugin, plugin]


def missing(_: str) -> NoReturn:
    raise importlib.metadata.PackageNotFoundError


@pytest.mark.parametrize(
    ("version", "why"),
    [(missing, "ziglang is not installed"), (lambda _: "0.9.1", "is 0.9.1, and")],
)
def test_without_the_right_zig_there_is_no_plugin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: object, why: str
) -> None:
    monkeypatch.setattr(_build, "PLUGIN", tmp_path / "colorfast.wasm")
    monkeypatch.setattr(importlib.metadata, "version", version)
    with pytest.raises(ColorfastError, match=why) as caught:
        path()
    assert caught.value.code == "CF412"
    assert caught.value.fix == f"pip install ziglang=={_build.ZIG}"


def test_a_wheel_without_the_plugin_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_build, "SOURCES", tmp_path)
    monkeypatch.setattr(_build, "PLUGIN", tmp_path / "colorfast.wasm")
    with pytest.raises(ColorfastError, match="no Zig"):
        path()
    (tmp_path / "colorfast.wasm").touch()
    assert path() == tmp_path / "colorfast.wasm"


def test_broken_sources_leave_the_plugin_alone(tmp_path: Path) -> None:
    sources = tmp_path / "filter"
    sources.mkdir()
    (sources / "abi.zig").write_text("nonsense")
    output = tmp_path / "colorfast.wasm"
    output.write_bytes(b"old")
    with pytest.raises(_build.BuildError, match=r"abi\.zig:1:1: error"):
        _build.build(output, sources=sources, cache=tmp_path / "cache")
    assert output.read_bytes() == b"old"
    assert {one.name for one in tmp_path.iterdir()} <= {"filter", "cache", "colorfast.wasm"}


def test_the_command_builds() -> None:
    command = [sys.executable, "-m", "colorfast.wasm.build"]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    assert result.stdout.startswith(f"{path()}: ")
    assert result.stderr == ""
