"""What every test of the SDK starts from."""

from collections.abc import Callable, Iterator

import pytest
from opentelemetry.context import Context, attach, detach

from colorfast.propagator import Settings, settings
from colorfast.propagator import _log as log
from colorfast.propagator._propagator import own


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Nothing said yet, settings not read yet, an empty current context."""
    log.forget()
    settings.cache_clear()
    own.cache_clear()
    token = attach(Context())
    yield
    detach(token)
    settings.cache_clear()
    own.cache_clear()


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    """Set ``COLORFAST_*`` variables as if the process had started with them."""

    def configure(**variables: str) -> Settings:
        for name, value in variables.items():
            monkeypatch.setenv(f"COLORFAST_{name.upper()}", value)
        settings.cache_clear()
        own.cache_clear()
        return settings()

    return configure
