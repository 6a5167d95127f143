"""From a policy to Envoy: filter chains and clusters as plain data, the same bytes every time.

``colorfast.envoy.bootstrap`` has builders for whole configurations.
"""

from colorfast.envoy._chain import EARLY, FILTERS, Chain, Row, ext_proc_chain
from colorfast.envoy._cluster import extproc_cluster
from colorfast.envoy._options import ExtProcOptions, Station
from colorfast.envoy._strip import presence_regex, strip_regex
from colorfast.envoy._types import Json

__all__ = [
    "EARLY",
    "FILTERS",
    "Chain",
    "ExtProcOptions",
    "Json",
    "Row",
    "Station",
    "ext_proc_chain",
    "extproc_cluster",
    "presence_regex",
    "strip_regex",
]
