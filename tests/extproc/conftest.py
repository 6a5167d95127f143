"""Fixtures of this room."""

from extproc.fixtures import folder, transport

__all__ = ["folder", "transport"]
