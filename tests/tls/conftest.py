"""Fixtures of this room."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from colorfast.extproc._transport import TransportName
from helpers.envoys import short_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder whose path leaves room for the names of sockets."""
    with short_folder() as path:
        yield path


@pytest.fixture(params=get_args(TransportName))
def transport(request: pytest.FixtureRequest) -> str:
    """Each transport in turn."""
    return str(request.param)
