"""Options of ``colorfast compile`` that are about Kubernetes objects, and what comes of them."""

from collections.abc import Callable
from typing import Any, Final

import click

from colorfast.cli._output import report
from colorfast.envoy import Json
from colorfast.k8s import (
    BACKENDS,
    TARGETS,
    Place,
    Placement,
    Target,
    TargetOptions,
    Version,
    compile_target,
)
from colorfast.policy import Labels, Policy

_DEFAULTS: Final = TargetOptions()

_PLACES: Final[dict[str, Place]] = {"dye": "gateway", "carry": "sidecar"}
"""What a station of Envoy is in a cluster, where nothing else is said."""

_OPTIONS: Final = (
    click.option(
        "--backend",
        type=click.Choice(BACKENDS),
        help="For an object: what decides; without it the first that the object can carry.",
    ),
    click.option(
        "--namespace",
        default=_DEFAULTS.placement.namespace,
        show_default=True,
        help="For an object: where it is.",
    ),
    click.option(
        "--selector",
        multiple=True,
        metavar="KEY=VALUE",
        help="For an object: a label of the proxies' pods; may come again.",
    ),
    click.option(
        "--gateway",
        metavar="NAME",
        help="For an object: the Gateway of the Gateway API that it is for, instead of labels.",
    ),
    click.option(
        "--image",
        default=_DEFAULTS.image,
        show_default=True,
        help="For an object, with wasm: where the control plane finds the plugin.",
    ),
    click.option(
        "--istio-version",
        default=str(_DEFAULTS.istio),
        show_default=True,
        metavar="X.Y",
        help="The Istio that an object is for: say what that one cannot do.",
    ),
    click.option(
        "--envoy-gateway-version",
        default=str(_DEFAULTS.envoy_gateway),
        show_default=True,
        metavar="X.Y",
        help="The Envoy Gateway that an extensionpolicy is for.",
    ),
)


def object_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to *command*."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def objects(
    policy: Policy, target: Target, chosen: dict[str, Any], *, service_given: bool
) -> list[Json]:
    """The objects; warnings go to stderr. Raises InvalidInput, ValueError, click.UsageError."""
    station = chosen["station"]
    options = TargetOptions(
        placement=Placement(
            place=_PLACES.get(station, station),
            namespace=chosen["namespace"],
            selector=_labels(chosen["selector"]),
            gateway=chosen["gateway"],
        ),
        backend=chosen["backend"] or TARGETS[target].carries[0],
        fallback=None if chosen["fallback"] == "none" else chosen["fallback"],
        # The default is for an Envoy beside the service, which a pod's never is.
        service=chosen["services"][0] if service_given else _DEFAULTS.service,
        image=chosen["image"],
        message_timeout=chosen["message_timeout"],
        istio=Version.parse(chosen["istio_version"]),
        envoy_gateway=Version.parse(chosen["envoy_gateway_version"]),
    )
    made, warnings = compile_target(policy, target, options)
    report(warnings)
    return list(made)


def _labels(pairs: tuple[str, ...]) -> Labels:
    labels = []
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not (key and equals):
            raise ValueError(f"--selector {pair!r} is not KEY=VALUE")
        labels.append((key, value))
    return tuple(labels)
