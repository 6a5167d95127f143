"""The built plugin, once for the whole session."""

from pathlib import Path

import pytest

from colorfast.policy import ColorfastError
from colorfast.wasm import path
from helpers.proxy_wasm import Vm


@pytest.fixture(scope="session")
def plugin() -> Path:
    try:
        return path()
    except ColorfastError as error:
        pytest.skip(str(error))


@pytest.fixture
def vm(plugin: Path) -> Vm:
    return Vm(plugin)
