"""Policies as Lua scripts for Envoy's Lua filter: one self-contained script a station."""

from colorfast.lua._errors import CODES, MAX_BYTES, LuaDiagnostic
from colorfast.lua._script import LuaScript, SourceAddress, Station, compile_lua

__all__ = [
    "CODES",
    "MAX_BYTES",
    "LuaDiagnostic",
    "LuaScript",
    "SourceAddress",
    "Station",
    "compile_lua",
]
