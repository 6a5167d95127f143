"""``colorfast wasm``: the plugin's file, its image, and what is said when there is none."""

import importlib.metadata
import json
import sys
from pathlib import Path

import pytest

from colorfast.cli import main
from colorfast.wasm import _build, path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", ["colorfast", "wasm", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    assert isinstance(ended.value.code, int)
    return ended.value.code, *capsys.readouterr()


@pytest.fixture
def plugin() -> Path:
    # For want of Zig only: sources that do not compile must fail, not skip.
    try:
        _build._check_version()
    except _build.BuildError as error:
        pytest.skip(str(error))
    return path()


@pytest.fixture
def no_zig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(_build, "PLUGIN", tmp_path / "colorfast.wasm")
    monkeypatch.setattr(importlib.metadata, "version", missing)


def test_path_is_the_file_of_the_plugin(plugin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "path") == (0, f"{plugin}\n", "")
    assert plugin.read_bytes().startswith(b"\0asm")


@pytest.mark.usefixtures("plugin")
def test_image_writes_a_layout_and_prints_its_digest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, digest, errors = run(capsys, "image", "--output", str(tmp_path / "image"), "--tag", "v1")
    (named,) = json.loads((tmp_path / "image" / "index.json").read_text())["manifests"]
    assert (code, digest, errors) == (0, f"{named['digest']}\n", "")
    assert named["annotations"] == {"org.opencontainers.image.ref.name": "v1"}


@pytest.mark.usefixtures("no_zig")
def test_without_a_plugin_both_say_how_to_get_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (["path"], ["image", "--output", str(tmp_path / "image")]):
        code, output, errors = run(capsys, *arguments)
        assert (code, output) == (1, "")
        assert errors.startswith("error CF412: the Wasm plugin is not there\n")
        assert f"fix: pip install ziglang=={_build.ZIG}" in errors
    assert not (tmp_path / "image").exists()


@pytest.mark.usefixtures("plugin")
def test_a_folder_that_cannot_be_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    code, _, errors = run(capsys, "image", "--output", str(tmp_path / "file" / "image"))
    assert code == 1
    assert errors.startswith("error CF413: ")
    assert run(capsys, "image", "--output", str(tmp_path / "file"))[0] == 64


def test_what_is_not_said_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["image"], ["paint"]):
        assert run(capsys, *arguments)[0] == 64
