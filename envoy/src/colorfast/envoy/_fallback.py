"""The service first, and filters inside of Envoy for the requests that it left undecided.

The service marks what it has decided, dyed or not, in the dynamic metadata ``colorfast``, which no
client can send. So when it is dead, hung or wrong, dyeing goes on with the policy that was compiled
in; and what it decided is decided once.

Script and plugin look for the mark themselves. Envoy's own filters cannot, so a match tree in front
of them does, and runs the whole native chain or nothing of it.
"""

from dataclasses import replace
from typing import Literal, TypeAlias

from colorfast.envoy import _filters
from colorfast.envoy import _parts as parts
from colorfast.envoy._lua import LuaOptions, lua_chain
from colorfast.envoy._native import native_chain
from colorfast.envoy._options import ExtProcOptions, NativeOptions, Station
from colorfast.envoy._order import Chain
from colorfast.envoy._types import Json
from colorfast.envoy._wasm import WasmOptions, wasm_chain
from colorfast.policy import Policy

Fallback: TypeAlias = Literal["lua", "wasm", "native"]
"""What decides where the service has not."""

_DECIDED = "colorfast.decided"


def fallback_chain(
    policy: Policy, options: ExtProcOptions, fallback: Fallback, *, module: str | None = None
) -> Chain:
    """The filters of one station: the service, then *fallback*.

    *module* is the Wasm plugin's file where Envoy runs. Raises InvalidInput for a policy that
    *fallback* cannot express; its warnings are those of the fallback alone.
    """
    behind = _behind(policy, options, fallback, module)
    marked = replace(options, metadata=True)
    return Chain(early=behind.early, filters=(_filters.ext_proc(policy, marked), *behind.filters))


def _behind(
    policy: Policy, options: ExtProcOptions, fallback: Fallback, module: str | None
) -> Chain:
    match fallback:
        case "lua":
            chain = lua_chain(policy, LuaOptions(station=options.station, fallback=True))
        case "wasm":
            wasm = WasmOptions(station=options.station, envoy=options.envoy, fallback=True)
            chain = wasm_chain(policy, wasm if module is None else replace(wasm, module=module))
        case "native":
            native = native_chain(policy, NativeOptions(station=options.station)).sound()
            return Chain(early=native.early, filters=_where_undecided(native, options.station))
    first, *others = chain.filters
    return Chain(early=chain.early, filters=(_named(first), *others))


def _named(one: Json) -> Json:
    """A name of its own: the service's filter has the station's."""
    return one | {"name": f"{one['name']}.fallback"}


def _where_undecided(native: Chain, station: Station) -> tuple[Json, Json]:
    """The mark laid out for a match tree, and the tree that runs all filters of *native*."""
    decided = parts.keep(_DECIDED, parts.metadata("policy", namespace="colorfast"))
    undecided = parts.negated(parts.regex(parts.state(_DECIDED), parts.SOME))
    name = f"colorfast.{station}.fallback"
    return (
        parts.filter_of("colorfast.decided", parts.to_state([decided])),
        parts.composite(name, parts.first_of([(undecided, parts.run_all(name, native.filters))])),
    )
