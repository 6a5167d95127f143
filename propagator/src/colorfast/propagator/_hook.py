"""Installing the propagator without OTEL_PROPAGATORS.

A name in ``OTEL_PROPAGATORS`` that is not installed stops the application at its start. This way
cannot: it runs where the package is, and nothing that goes wrong in it is raised.
"""

import logging
import os
from collections.abc import Iterator
from typing import Any

from colorfast.propagator._log import once
from colorfast.propagator._propagator import LanePropagator
from colorfast.propagator._settings import Settings, settings


def post_instrument() -> None:
    """The entry point that ``opentelemetry-instrument`` calls when it has instrumented everything.

    Does what ``install`` does, unless ``COLORFAST_AUTO`` is ``off``.
    """
    if settings().auto:
        install()


def install() -> None:
    """Add the lane to OpenTelemetry's global propagator, and the egress guard where hosts are set.

    Changes nothing where they are there already, nor where ``OTEL_PROPAGATORS`` is ``none``. Never
    raises: what goes wrong is logged.
    """
    try:
        _install(settings())
    except Exception:  # noqa: BLE001 (it would end the application or the rest of its instrumentation)
        once(logging.ERROR, "CF705", "the lane propagator could not be installed", error=True)


def _install(chosen: Settings) -> None:
    # Not above: these take longer to import than everything else here together.
    from opentelemetry import propagate  # noqa: PLC0415
    from opentelemetry.propagators.composite import CompositePropagator  # noqa: PLC0415

    there = propagate.get_global_textmap()
    unwanted = os.environ.get("OTEL_PROPAGATORS", "").strip().lower() == "none"
    if not unwanted and not any(isinstance(one, LanePropagator) for one in _every(there)):
        propagate.set_global_textmap(CompositePropagator([there, LanePropagator(chosen)]))
    if chosen.hosts != ("*",):
        from colorfast.propagator import guard  # noqa: PLC0415

        guard.install()


def _every(propagator: Any) -> Iterator[object]:
    """*propagator*, and those it is composed of. There is no public way to ask."""
    yield propagator
    for part in getattr(propagator, "_propagators", ()):
        yield from _every(part)
