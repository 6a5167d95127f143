"""The filters of a station whose decisions come from a Lua script inside of Envoy."""

from collections.abc import Callable
from dataclasses import dataclass

from colorfast.envoy import _filters
from colorfast.envoy._chain import Chain
from colorfast.envoy._options import Station
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
        if self.station not in ("dye", "carry"):
            raise ValueError(f"station must be 'dye' or 'carry', not {self.station!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LuaRow:
    """A filter in the order: *why* it stands there, and *when* it is needed at all."""

    why: str
    when: Callable[[Policy, LuaOptions], bool]
    build: Callable[[Policy, LuaOptions], Json]


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


def _strips(policy: Policy, options: LuaOptions) -> bool:
    # Where clients may choose a lane, only the script can tell a choice from a spoof.
    return options.station == "dye" and not policy.edge.accept.patterns


def _always(policy: Policy, options: LuaOptions) -> bool:
    return True


LUA_EARLY = (
    LuaRow(
        why="before Envoy picks the first route: whatever became of the script, a client's lane "
        "header never routes",
        when=_strips,
        build=lambda policy, _: _filters.early_strip(policy),
    ),
)
"""Runs in the connection manager, ahead of every HTTP filter."""

LUA_FILTERS = (
    LuaRow(
        why="first, so that per-route settings of the filters behind it are those of the dyed "
        "route; it clears the route itself, with each header that it writes",
        when=_always,
        build=lua,
    ),
)
"""Runs in this order; the router comes after."""


def lua_chain(policy: Policy, options: LuaOptions) -> Chain:
    """The filters of one station whose decisions come from a script.

    Raises InvalidInput for a policy that no script can hold.
    """

    def built(rows: tuple[LuaRow, ...]) -> tuple[Json, ...]:
        return tuple(row.build(policy, options) for row in rows if row.when(policy, options))

    return Chain(early=built(LUA_EARLY), filters=built(LUA_FILTERS))
