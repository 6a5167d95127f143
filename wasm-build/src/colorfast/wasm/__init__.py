"""Policies for the proxy-wasm plugin: its configuration, its module, and an image of it."""

from colorfast.wasm._config import Station, plugin_config
from colorfast.wasm._errors import CODES
from colorfast.wasm._image import write_image
from colorfast.wasm._module import path

__all__ = ["CODES", "Station", "path", "plugin_config", "write_image"]
