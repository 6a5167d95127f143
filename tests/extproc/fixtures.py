"""Fixtures of tests that start the service, each transport in turn."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from extproc import support

from colorfast.extproc._transport import TransportName
from helpers.envoys import short_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder whose path leaves room for the names of sockets."""
    with short_folder() as path:
        yield path


@pytest.fixture(params=get_args(TransportName))
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each transport in turn, for every service that the test starts."""
    monkeypatch.setattr(support, "transport_of_the_test", request.param)
    return str(request.param)
