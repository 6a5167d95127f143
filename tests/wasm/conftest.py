"""The built plugin, once for the whole session."""

from pathlib import Path

import pytest

from colorfast.wasm import _build, path
from helpers.proxy_wasm import Vm


@pytest.fixture(scope="session")
def plugin() -> Path:
    # For want of Zig only: sources that do not compile must fail, not skip.
    try:
        _build._check_version()
    except _build.BuildError as error:
        pytest.skip(str(error))
    return path()


@pytest.fixture
def vm(plugin: Path) -> Vm:
    return Vm(plugin)
