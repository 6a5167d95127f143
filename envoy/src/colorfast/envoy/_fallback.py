"""The service first, and a filter inside of Envoy for the requests that it left undecided.

The service marks what it has decided, dyed or not, in the dynamic metadata ``colorfast``, which no
client can send. So when it is dead, hung or wrong, dyeing goes on with the policy that was compiled
in; and what it decided is decided once.
"""

from dataclasses import replace
from typing import Literal, TypeAlias

from colorfast.envoy import _filters
from colorfast.envoy._chain import Chain
from colorfast.envoy._lua import LuaOptions, lua_chain
from colorfast.envoy._options import ExtProcOptions
from colorfast.envoy._types import Json
from colorfast.envoy._wasm import WasmOptions, wasm_chain
from colorfast.policy import Policy

Fallback: TypeAlias = Literal["lua", "wasm"]
"""What decides where the service has not."""


def fallback_chain(
    policy: Policy, options: ExtProcOptions, fallback: Fallback, *, module: str | None = None
) -> Chain:
    """The filters of one station: the service, then *fallback*.

    *module* is the Wasm plugin's file where Envoy runs. Raises InvalidInput for a policy that
    *fallback* cannot express.
    """
    behind = _behind(policy, options, fallback, module)
    marked = replace(options, metadata=True)
    return Chain(early=behind.early, filters=(_filters.ext_proc(policy, marked), *behind.filters))


def _behind(
    policy: Policy, options: ExtProcOptions, fallback: Fallback, module: str | None
) -> Chain:
    if fallback == "lua":
        chain = lua_chain(policy, LuaOptions(station=options.station, fallback=True))
    else:
        wasm = WasmOptions(station=options.station, fallback=True)
        chain = wasm_chain(policy, wasm if module is None else replace(wasm, module=module))
    first, *others = chain.filters
    return Chain(early=chain.early, filters=(_named(first), *others))


def _named(one: Json) -> Json:
    """A name of its own: the service's filter has the station's."""
    return one | {"name": f"{one['name']}.fallback"}
