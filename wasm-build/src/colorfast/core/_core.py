"""One policy at one station, made ready to sort requests."""

import ctypes
import weakref
from typing import Final

from colorfast.core._errors import CoreError
from colorfast.core._library import library
from colorfast.policy import InvalidInput, Policy, Source
from colorfast.wasm import Station, plugin_config

_REASON: Final = 256
_HEAD: Final = 2 + ctypes.sizeof(ctypes.c_size_t)
_ROOM: Final = _HEAD + 63 + (59 << 10)
_KEY: Final = (1 << 16) - 1


class Core:
    """Sorts ProcessingRequests by the answer that *policy* gives them at *station*.

    For one thread at a time. Raises CoreError for a policy that it cannot decide: one with a regex
    that no table decides, or one that draws lanes at random, for then no two requests are the same.
    """

    __slots__ = ("__weakref__", "_address", "_config", "_look", "_out")

    def __init__(self, policy: Policy, station: Station) -> None:
        native = library()
        self._config = _configuration(policy, station)  # the core reads it as long as it lives
        self._address = ctypes.c_void_p(
            _opened(native, self._config, station == "dye" and _reads_address(policy))
        )
        weakref.finalize(self, native.colorfast_close, self._address)
        self._look = native.colorfast_look
        out = (ctypes.c_char * _ROOM).from_address(native.colorfast_out(self._address))
        self._out = memoryview(out).cast("B")

    def sort(self, message: bytes) -> tuple[bytes, bytes]:
        """The key of *message*, and what its answer writes to ``baggage`` if that repeats baggage.

        Messages with the same key have the same answer, up to that baggage. An empty key: the core
        does not know; it is not asked about other things than the plain headers of a request.
        """
        found = self._look(self._address, message, len(message))
        if found <= _KEY:
            return self._out[:found].tobytes(), b""
        end = found & _KEY
        return self._out[:end].tobytes(), self._out[end : end + (found >> 16)].tobytes()

    @staticmethod
    def lane_of(key: bytes) -> str | None:
        """The lane that requests with *key* get."""
        return key[_HEAD:].decode() or None


def _configuration(policy: Policy, station: Station) -> bytes:
    if station == "dye" and policy.draws:
        raise CoreError("the policy draws lanes at random")
    try:
        return plugin_config(policy, station).encode()
    except InvalidInput as error:
        raise CoreError("; ".join(f"{one.what}: {one.why}" for one in error.diagnostics)) from None


def _reads_address(policy: Policy) -> bool:
    return any(attribute.source is Source.SOURCE_IP for attribute in policy.reads())


def _opened(native: ctypes.PyDLL, config: bytes, attributes: bool) -> int:
    reason, length = ctypes.create_string_buffer(_REASON), ctypes.c_size_t()
    address = native.colorfast_open(config, len(config), attributes, reason, length)
    if address is None:
        raise CoreError(reason.raw[: length.value].decode("utf-8", "replace"))
    return int(address)
