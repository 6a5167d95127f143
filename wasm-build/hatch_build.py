"""hatchling's build hook: the plugin into the wheel and the sdist (``pyproject.toml`` names it)."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_BUILD = Path(__file__).parent / "src" / "colorfast" / "wasm" / "_build.py"


class WasmBuildHook(BuildHookInterface[Any]):
    """Builds the plugin when there is none of these sources yet."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Before anything is packed; *version* is ``editable`` for a checkout in use."""
        build = _load()
        # A checkout builds at need, so that nobody waits for Zig who never uses it.
        if version == "editable" or build.digest_of(build.PLUGIN) == build.digest():
            return
        try:
            build.build()
        except build.BuildError as error:
            if build.PLUGIN.exists():
                # It would be packed, and it is not what the sources say.
                raise
            self.app.display_warning(f"no Wasm plugin in this package: {error}")


def _load() -> ModuleType:
    # By its path: colorfast itself is not installed where packages are built.
    spec = importlib.util.spec_from_file_location("colorfast_wasm_build", _BUILD)
    assert spec is not None  # noqa: S101 (the file is there)
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
