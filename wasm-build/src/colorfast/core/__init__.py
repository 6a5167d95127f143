"""The core of the Wasm plugin as native code in this process: requests sorted by their answer."""

from colorfast.core._core import Core
from colorfast.core._errors import CoreError
from colorfast.core._library import library

__all__ = ["Core", "CoreError", "library"]
