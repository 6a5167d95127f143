"""The native core is built by ``make test`` where Zig is."""

import pytest

from colorfast.core import CoreError, library


@pytest.fixture(scope="session", autouse=True)
def native() -> None:
    try:
        library()
    except CoreError as error:
        pytest.skip(f"no native core: {error}")
