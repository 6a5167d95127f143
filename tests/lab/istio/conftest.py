"""What the tests of this folder share."""

import pytest
from lab.istio.tools import need_istio


@pytest.fixture
def istio() -> None:
    """Istio's config engine, or the test is skipped."""
    need_istio()
