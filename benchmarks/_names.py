"""The rows of the ext_proc benchmark, and which server each of them asks."""

from collections.abc import Mapping
from typing import Final

NONE: Final = "no filter"
FLOOR: Final = "C floor"
HTTP2: Final = "colorfast http2"
COMPILED: Final = "colorfast http2, as compiled"
PYTHON: Final = "colorfast http2, in Python"
GRPCIO: Final = "colorfast grpcio"
WORKERS: Final = "colorfast http2, 2 workers"
H2: Final = "python-hyper/h2"
SDK: Final = "envoy-extproc-sdk"
GO: Final = "Go"
GO_TUNED: Final = "Go, tuned"

SERVERS: Mapping[str, str] = {
    FLOOR: FLOOR,
    HTTP2: HTTP2,
    COMPILED: HTTP2,
    PYTHON: PYTHON,
    GRPCIO: GRPCIO,
    WORKERS: WORKERS,
    H2: H2,
    SDK: SDK,
    GO: GO,
    GO_TUNED: GO_TUNED,
}
"""A row's server; a row that is not here has none."""

CONSTANT: Final = FLOOR
"""The row that decides nothing: nobody checks that it does."""
