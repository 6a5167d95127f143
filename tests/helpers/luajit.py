"""The LuaJIT that Envoy has, in process, and just enough of Envoy's stream handle around it.

A script runs in an environment of its own, where a global that it sets or that Lua does not have is
an error, and so is a header value that Envoy would refuse to send.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lupa.luajit21 import LuaError, LuaRuntime

from colorfast.policy import Lines

_HARNESS = rb"""
local handed = ...
local lines = {}                        -- {name, value, name, value, ...}
local metadata, log, address = {}, {}, ""
local iterating, failing = false, nil

local headers = {}
function headers:get(name)
  if name == failing then error("no " .. name) end
  local found
  for i = 1, #lines, 2 do
    if lines[i] == name then found = found and found .. "," .. lines[i + 1] or lines[i + 1] end
  end
  return found
end
function headers:getAtIndex(name, index)
  for i = 1, #lines, 2 do
    if lines[i] == name then
      if index == 0 then return lines[i + 1] end
      index = index - 1
    end
  end
end
function headers:remove(name)
  assert(not iterating, "header map cannot be modified while iterating")
  local kept = {}
  for i = 1, #lines, 2 do
    if lines[i] ~= name then
      kept[#kept + 1] = lines[i]
      kept[#kept + 1] = lines[i + 1]
    end
  end
  lines = kept
end
function headers:replace(name, value)
  assert(type(value) == "string" and not value:find("[%z\1-\8\10-\31\127]"), "a value that Envoy refuses")
  self:remove(name)
  lines[#lines + 1] = name
  lines[#lines + 1] = value
end

local information = {}
function information:downstreamRemoteAddress() return address end
function information:downstreamDirectRemoteAddress() return "peer:1" end
function information:dynamicMetadata() return self.metadata end
information.metadata = {}
function information.metadata:set(space, key, value)
  metadata[space] = metadata[space] or {}
  metadata[space][key] = value
end
function information.metadata:get(space) return metadata[space] end

local handle = {}
function handle:headers() return headers end
function handle:streamInfo() return information end
function handle:logErr(message) log[#log + 1] = message end

local names = {
  "bit", "ipairs", "jit", "math", "os", "pcall", "string", "table", "tonumber", "tostring", "type",
}
local library = {}
for _, name in ipairs(names) do library[name] = _G[name] end
function library.pairs(t)
  if t ~= headers then return pairs(t) end
  iterating = true
  local i = -1
  return function()
    i = i + 2
    if lines[i] then return lines[i], lines[i + 1] end
    iterating = false
  end
end

local entry
local guarded = setmetatable({}, {
  __index = function(_, name)
    return library[name] or error("the script reads the global " .. tostring(name))
  end,
  __newindex = function(_, name, value)
    if name ~= "envoy_on_request" then error("the script sets the global " .. tostring(name)) end
    entry = value
  end,
})
setfenv(assert(loadstring(handed.source, "script")), guarded)()

local function receive(given, options)
  lines, metadata, log, iterating = given, {}, {}, false
  address, failing = options.address, options.failing
  if options.decided then metadata.colorfast = {} end
  entry(handle)
  return lines, metadata.colorfast, log
end

return {
  run = receive,
  steps = function(given, options)
    local n = 0
    jit.off()
    debug.sethook(function() n = n + 1 end, "", 10)
    receive(given, options)
    debug.sethook()
    jit.on()
    return n * 10
  end,
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a script has made of a request."""

    lines: Lines
    lane: str | None
    rule: str | None
    policy: str | None
    errors: tuple[bytes, ...]
    """What it logged as an error."""


class Script:
    """A script, loaded as Envoy's Lua filter loads it: once, for many requests."""

    def __init__(self, source: str) -> None:
        self._lua = LuaRuntime(encoding=None)
        harness = self._lua.execute(_HARNESS, self._lua.table_from({b"source": source.encode()}))
        self._run, self._steps = harness[b"run"], harness[b"steps"]

    def run(
        self,
        lines: Iterable[tuple[str, bytes]],
        source_ip: str = "",
        *,
        decided: bool = False,
        failing: str = "",
    ) -> Answer:
        """Let the script see a request. Raises LuaError where Envoy would log one.

        *decided* says that a filter in front has left the metadata ``colorfast``; the header
        *failing* cannot be read.
        """
        options = self._options(source_ip, decided=decided, failing=failing)
        after, told, log = self._run(self._flat(lines), options)
        pairs = list(after.values())
        return Answer(
            lines=tuple(
                (name.decode(), value) for name, value in zip(pairs[::2], pairs[1::2], strict=True)
            ),
            lane=_text(told, b"lane"),
            rule=_text(told, b"rule"),
            policy=_text(told, b"policy"),
            errors=tuple(log.values()),
        )

    def steps(self, lines: Iterable[tuple[str, bytes]]) -> int:
        """How many of LuaJIT's instructions a request takes, not compiled."""
        return int(self._steps(self._flat(lines), self._options("")))

    def _flat(self, lines: Iterable[tuple[str, bytes]]) -> Any:
        return self._lua.table_from(
            [part for name, value in lines for part in (name.encode(), value)]
        )

    def _options(self, source_ip: str, *, decided: bool = False, failing: str = "") -> Any:
        return self._lua.table_from(
            {
                b"address": _with_port(source_ip).encode(),
                b"decided": decided,
                b"failing": failing.encode() or None,
            }
        )


def _with_port(address: str) -> str:
    if not address:
        return ""
    return f"[{address}]:4711" if ":" in address else f"{address}:4711"


def _text(table: Any, key: bytes) -> str | None:
    value = None if table is None else table[key]
    return None if value is None else value.decode()


__all__ = ["Answer", "LuaError", "Script"]
