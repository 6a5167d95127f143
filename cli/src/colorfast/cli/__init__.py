"""The ``colorfast`` command."""

from colorfast.cli._app import main

__all__ = ["main"]
