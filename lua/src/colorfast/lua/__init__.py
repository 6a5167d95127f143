"""Policies as Lua scripts for Envoy's Lua filter: one self-contained script a station."""

from colorfast.lua._errors import CODES, MAX_BYTES
from colorfast.lua._script import LuaScript, SourceAddress, Station, compile_lua

__all__ = [
    "CODES",
    "MAX_BYTES",
    "LuaScript",
    "SourceAddress",
    "Station",
    "compile_lua",
]
