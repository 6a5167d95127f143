"""The rows of the backends' benchmark: what each does, and to which request."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from benchmarks._backend_policies import policy_text
from benchmarks._backend_scripts import SCRIPT, SCRIPT_WITH_BAGGAGE, by_hand, rule_only
from benchmarks._request import BAGGAGE, CURL, Headers
from colorfast.envoy import (
    Chain,
    ExtProcOptions,
    LuaOptions,
    NativeOptions,
    Station,
    WasmOptions,
    ext_proc_chain,
    lua_chain,
    native_chain,
    wasm_chain,
)
from colorfast.envoy.bootstrap import NO_CHAIN
from colorfast.policy import Policy, load_policy
from colorfast.wasm import path as wasm_module

MERGED: Headers = (*CURL, BAGGAGE)
CARRIED: Headers = (*CURL[:-1], ("baggage", "tenant=acme,lane=canary"))

EMPTY: Mapping[Headers, str] = {
    CURL: "empty, no baggage",
    MERGED: "empty, baggage",
    CARRIED: "empty, lane in baggage",
}
"""The row without a filter that each request is compared to: its headers take time as well."""

BY_HAND = "Lua by hand, the rule alone"
BY_HAND_BAGGAGE = "Lua by hand, with baggage"
RULE_ONLY = "Lua, the rule alone"
EXT_PROC = "ext_proc"

_Builder: TypeAlias = Callable[[Policy, Station], Chain]
Kind: TypeAlias = Literal["empty", "by hand", "dye", "carry"]


def _native(policy: Policy, station: Station) -> Chain:
    compiled = native_chain(policy, NativeOptions(station=station))
    if not compiled.chain.filters:
        raise ValueError(f"native: {compiled.diagnostics[0]}")
    return compiled.chain


def _lua(policy: Policy, station: Station) -> Chain:
    return lua_chain(policy, LuaOptions(station=station))


def _wasm(policy: Policy, station: Station) -> Chain:
    return wasm_chain(policy, WasmOptions(station=station, module=str(wasm_module())))


BUILDERS: Mapping[str, _Builder] = {"Lua": _lua, "Wasm": _wasm, "native": _native}
"""Those that run inside of Envoy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A row to be measured: a request and the filters that it passes."""

    name: str
    kind: Kind
    chain: Chain
    headers: Headers
    rules: int | None = None
    """With ext_proc: the service of the policy of so many rules decides."""

    @property
    def empty(self) -> str:
        """The row to compare with."""
        return EMPTY[self.headers]

    @property
    def dyes(self) -> bool:
        return self.kind != "empty"


def plain_dye(backend: str) -> str:
    """The row of one rule, and no baggage to merge with."""
    return f"{backend}, dye, no baggage"


def dye(backend: str, rules: int) -> str:
    """The row of so many rules, with baggage to merge with."""
    return f"{backend}, dye, {rules:,} rule{'s' if rules > 1 else ''}"


def carry(backend: str) -> str:
    return f"{backend}, carry"


def wanted(sizes: Sequence[int]) -> list[Wanted]:
    """All rows inside of Envoy, with one of each backend for each number of rules in *sizes*.

    Raises ColorfastError or ValueError when a backend does not take a policy.
    """
    policies = {size: load_policy(policy_text(size)).policy for size in {1, *sizes}}
    one = policies[1]
    rows = [
        Wanted(name=name, kind="empty", chain=NO_CHAIN, headers=headers)
        for headers, name in EMPTY.items()
    ]
    scripts: tuple[tuple[str, Chain], ...] = (
        (BY_HAND, by_hand(SCRIPT)),
        (RULE_ONLY, rule_only(_lua(one, "dye"))),
        (BY_HAND_BAGGAGE, by_hand(SCRIPT_WITH_BAGGAGE)),
    )
    rows += [
        Wanted(name=name, kind="by hand", chain=chain, headers=CURL) for name, chain in scripts
    ]
    for name, build in BUILDERS.items():
        rows.append(Wanted(name=plain_dye(name), kind="dye", chain=build(one, "dye"), headers=CURL))
        rows += [
            Wanted(
                name=dye(name, size),
                kind="dye",
                chain=build(policies[size], "dye"),
                headers=MERGED,
            )
            for size in sizes
        ]
        rows.append(
            Wanted(name=carry(name), kind="carry", chain=build(one, "carry"), headers=CARRIED)
        )
    return rows


def asking(rules: int, options: ExtProcOptions) -> Wanted:
    """The row whose filter asks the service that has so many rules."""
    policy = load_policy(policy_text(rules)).policy
    carries = options.station == "carry"
    return Wanted(
        name=carry(EXT_PROC) if carries else dye(EXT_PROC, rules),
        kind=options.station,
        chain=ext_proc_chain(policy, options),
        headers=CARRIED if carries else MERGED,
        rules=rules,
    )
