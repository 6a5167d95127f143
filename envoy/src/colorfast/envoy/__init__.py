"""From a policy to Envoy: filter chains and clusters as plain data, the same bytes every time.

``colorfast.envoy.bootstrap`` has builders for whole configurations.
"""

from colorfast.envoy._chain import FILTERS, ext_proc_chain
from colorfast.envoy._cluster import extproc_cluster
from colorfast.envoy._errors import CODES
from colorfast.envoy._fallback import Fallback, fallback_chain
from colorfast.envoy._lua import LuaOptions, lua_chain
from colorfast.envoy._native import native_chain
from colorfast.envoy._native_limits import beyond_native
from colorfast.envoy._options import ExtProcOptions, NativeOptions, Station
from colorfast.envoy._order import EARLY, Chain
from colorfast.envoy._releases import NEWEST, OLDEST, EnvoyVersion
from colorfast.envoy._strip import presence_regex, strip_regex
from colorfast.envoy._types import Json
from colorfast.envoy._upstream_tls import UpstreamTls
from colorfast.envoy._versions import Backend, version_findings
from colorfast.envoy._wasm import WasmOptions, wasm_chain

__all__ = [
    "CODES",
    "EARLY",
    "FILTERS",
    "NEWEST",
    "OLDEST",
    "Backend",
    "Chain",
    "EnvoyVersion",
    "ExtProcOptions",
    "Fallback",
    "Json",
    "LuaOptions",
    "NativeOptions",
    "Station",
    "UpstreamTls",
    "WasmOptions",
    "beyond_native",
    "ext_proc_chain",
    "extproc_cluster",
    "fallback_chain",
    "lua_chain",
    "native_chain",
    "presence_regex",
    "strip_regex",
    "version_findings",
    "wasm_chain",
]
