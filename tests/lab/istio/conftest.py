"""What the tests of this folder share: Istio's engine, for those who ask for it.

``make test`` holds the goldens to the code and does not render: that takes minutes.
"""

from pathlib import Path

import pytest
from lab.istio.tools import need_istio

HERE = Path(__file__).parent


def asked(config: pytest.Config) -> bool:
    """Whether this folder, or something in it, was named."""
    named = [Path(config.invocation_params.dir, one.partition("::")[0]) for one in config.args]
    return any(HERE in (path, *path.parents) for path in named)


@pytest.fixture
def istio(request: pytest.FixtureRequest) -> None:
    """Istio's engine and istioctl, or the test is skipped."""
    if not asked(request.config):
        pytest.skip("make lab-istio runs it")
    need_istio()
