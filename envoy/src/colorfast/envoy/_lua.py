"""The filters of a station whose decisions come from a Lua script inside of Envoy."""

from dataclasses import dataclass

from colorfast.envoy._options import Station, check_station
from colorfast.envoy._order import Chain, Plan, Row, always, assemble
from colorfast.envoy._types import Json, extension
from colorfast.lua import SourceAddress, compile_lua
from colorfast.policy import InvalidInput, Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class LuaOptions:
    """What an operator chooses about the Lua filter. Raises ValueError for an unknown station."""

    station: Station = "dye"
    source_address: SourceAddress = "client"
    """Whose address ``sourceIp`` is: the client's, as far as Envoy trusts to know it, or the
    peer's."""
    metadata: bool = False
    """Put the decision into dynamic metadata ``colorfast`` too, for logs. It costs some time."""
    fallback: bool = False
    """Act only where the Colorfast service, asked by a filter in front, has not decided."""
    stat_prefix: str = "colorfast"
    """Counters are ``http.<listener>.lua.<stat_prefix>.*``; empty leaves the part out."""

    def __post_init__(self) -> None:
        check_station(self.station)


def lua(policy: Policy, options: LuaOptions) -> Json:
    """``envoy.extensions.filters.http.lua.v3.Lua`` for one station. Raises InvalidInput."""
    script = compile_lua(
        policy,
        options.station,
        source_address=options.source_address,
        metadata=options.metadata,
        fallback=options.fallback,
    )
    if script.diagnostics:
        raise InvalidInput(script.diagnostics)
    config: Json = {"default_source_code": {"inline_string": script.source}}
    if options.stat_prefix:
        config["stat_prefix"] = options.stat_prefix
    message = "envoy.extensions.filters.http.lua.v3.Lua"
    return extension(f"colorfast.{options.station}", message, **config)


LUA_FILTERS: tuple[Row[Plan[LuaOptions]], ...] = (
    Row(
        why="first, so that per-route settings of the filters behind it are those of the dyed "
        "route; it clears the route itself, with each header that it writes",
        when=always,
        build=lambda plan: lua(plan.policy, plan.options),
    ),
)
"""Runs in this order; the router comes after."""


def lua_chain(policy: Policy, options: LuaOptions) -> Chain:
    """The filters of one station whose decisions come from a script.

    Raises InvalidInput for a policy that no script can hold.
    """
    return assemble(LUA_FILTERS, Plan(policy=policy, options=options))
