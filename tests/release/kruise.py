"""Kruise's traffic-routing scripts as the controller runs them: Lua 5.1, ``obj`` in, data out.

An empty table comes back as a list, as it does from the controller.
"""

from pathlib import Path
from typing import Any

from lupa.lua51 import LuaRuntime, lua_type

import colorfast.release.generate as room

SCRIPTS = Path(room.__file__).parent / "lua"


def run(
    script: str, spec: dict[str, Any], *, annotations: dict[str, str] | None = None, **given: Any
) -> dict[str, Any]:
    """The new spec of an object; *given* is what the step says."""
    obj: dict[str, Any] = {
        "data": {"spec": spec, "annotations": annotations or {}},
        "stableService": "shop",
        "canaryService": "shop",
    }
    weight = given.pop("weight", -1)
    obj |= given | {"canaryWeight": weight, "stableWeight": 100 - weight}
    # The machine's own libraries are not there; neither are they in the controller.
    lua = LuaRuntime(unpack_returned_tuples=True, register_eval=False)
    call = lua.execute("return function(text, given) obj = given; return loadstring(text)() end")
    made = _to_python(call((SCRIPTS / f"{script}.lua").read_text(), _to_lua(lua, obj)))
    found: dict[str, Any] = made["spec"]
    return found


def _to_lua(lua: LuaRuntime, value: Any) -> Any:
    if isinstance(value, dict):
        return lua.table_from({key: _to_lua(lua, each) for key, each in value.items()})
    if isinstance(value, list):
        return lua.table_from([_to_lua(lua, each) for each in value])
    return value


def _to_python(value: Any) -> Any:
    if lua_type(value) != "table":
        return int(value) if isinstance(value, float) and value.is_integer() else value
    keys = list(value.keys())
    if all(isinstance(key, int) for key in keys):
        return [_to_python(value[index]) for index in sorted(keys)]
    return {key: _to_python(value[key]) for key in keys}
