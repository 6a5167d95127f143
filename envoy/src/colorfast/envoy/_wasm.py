"""The filters of a station whose decisions come from the Wasm plugin inside of Envoy."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from colorfast.envoy._options import Station, check_station
from colorfast.envoy._order import Chain, Plan, Row, always, assemble, strip_behind
from colorfast.envoy._releases import NEWEST, EnvoyVersion
from colorfast.envoy._types import Json, extension
from colorfast.policy import Policy
from colorfast.wasm import plugin_config

FailurePolicy: TypeAlias = Literal["FAIL_OPEN", "FAIL_RELOAD", "FAIL_CLOSED"]
"""``envoy.extensions.wasm.v3.FailurePolicy``: what becomes of requests when the VM has died."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WasmOptions:
    """What an operator chooses about the Wasm filter. Raises ValueError for an unknown value."""

    station: Station = "dye"
    envoy: EnvoyVersion = NEWEST
    """The Envoy that the chain is for; older ones need a filter more."""
    module: str = "/etc/envoy/colorfast.wasm"
    """The plugin's file, where Envoy runs; here it is ``colorfast.wasm.path()``."""
    metadata: bool = False
    """Put the decision into filter state ``wasm.colorfast.lane`` and ``wasm.colorfast.rule`` too,
    for logs. It costs some time."""
    fallback: bool = False
    """Act only where the Colorfast service, asked by a filter in front, has not decided."""
    failure_policy: FailurePolicy = "FAIL_OPEN"
    """With FAIL_OPEN requests pass undyed until the next configuration; with FAIL_RELOAD they are
    answered with an error until, a second later, there is another VM."""
    vm_id: str = "colorfast"
    """Filters with the same one share a VM, and its memory, in each worker."""

    def __post_init__(self) -> None:
        check_station(self.station)
        if self.failure_policy not in get_args(FailurePolicy):
            raise ValueError(f"{self.failure_policy!r} is not a failure policy of Envoy's")


def wasm(policy: Policy, options: WasmOptions) -> Json:
    """``envoy.extensions.filters.http.wasm.v3.Wasm`` for one station. Raises InvalidInput."""
    configuration = plugin_config(
        policy, options.station, metadata=options.metadata, fallback=options.fallback
    )
    name = f"colorfast.{options.station}"
    config = {
        "name": name,
        "root_id": name,
        "failure_policy": options.failure_policy,
        "configuration": {
            "@type": "type.googleapis.com/google.protobuf.StringValue",
            "value": configuration,
        },
        "vm_config": {
            "vm_id": options.vm_id,
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": options.module}},
        },
    }
    return extension(name, "envoy.extensions.filters.http.wasm.v3.Wasm", config=config)


def _strips_behind(plan: Plan[WasmOptions]) -> bool:
    # Otherwise no request passes a VM that has died.
    return plan.strips and plan.options.failure_policy == "FAIL_OPEN"


WASM_FILTERS: tuple[Row[Plan[WasmOptions]], ...] = (
    Row(
        why="first, so that per-route settings of the filters behind it are those of the dyed "
        "route; with ABI 0.2.1 Envoy picks the route again by itself",
        when=always,
        build=lambda plan: wasm(plan.policy, plan.options),
    ),
    *strip_behind(_strips_behind),
)
"""Runs in this order; the router comes after."""


def wasm_chain(policy: Policy, options: WasmOptions) -> Chain:
    """The filters of one station whose decisions come from the plugin.

    Raises InvalidInput for a policy with a regex that the plugin cannot run.
    """
    return assemble(WASM_FILTERS, Plan(policy=policy, options=options))
