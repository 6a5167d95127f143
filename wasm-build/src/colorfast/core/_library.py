"""The shared library of this machine: where it is, and what it exports."""

import ctypes
import platform
import sys
from functools import cache

from colorfast.core._errors import CoreError
from colorfast.wasm import _build as build


@cache
def library() -> ctypes.PyDLL:
    """The library for this machine, loaded once. Raises CoreError."""
    file = build.LIBRARIES.get(platform.machine()) if sys.platform == "linux" else None
    if file is None:
        raise CoreError(f"there is none for {sys.platform} on {platform.machine()}")
    if not file.is_file():
        raise CoreError("it was not built with this package, for want of Zig")
    if build.is_checkout() and build.digest_of(file) != build.digest():
        raise CoreError("it is older than its sources: make wasm")
    try:
        # PyDLL keeps the interpreter's lock: letting go of it would take longer than the work.
        loaded = ctypes.PyDLL(str(file))
    except OSError as error:
        raise CoreError(str(error)) from None
    return _declared(loaded)


def _declared(loaded: ctypes.PyDLL) -> ctypes.PyDLL:
    """See ``library.zig``."""
    address, size = ctypes.c_void_p, ctypes.c_size_t
    told = ctypes.POINTER(size)
    loaded.colorfast_open.restype = address
    loaded.colorfast_open.argtypes = (
        ctypes.c_char_p, size, ctypes.c_bool, ctypes.c_char_p, told,
    )  # fmt: skip
    loaded.colorfast_out.restype = address
    loaded.colorfast_out.argtypes = (address,)
    loaded.colorfast_look.restype = ctypes.c_uint64
    loaded.colorfast_look.argtypes = (address, ctypes.c_char_p, size)
    loaded.colorfast_close.restype = None
    loaded.colorfast_close.argtypes = (address,)
    return loaded
