"""Fixtures of this room."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.envoys import short_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder whose path leaves room for the names of sockets."""
    with short_folder() as path:
        yield path
