"""A release played in the local mesh, step by step under load: what ``verify`` says, seen."""

from colorfast.mesh.release._demo import DEFAULT_RELEASE, Demo, run_release_demo

__all__ = ["DEFAULT_RELEASE", "Demo", "run_release_demo"]
