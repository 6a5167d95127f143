"""hatchling's build hook: plugin and libraries into wheel and sdist (see ``pyproject.toml``)."""

import importlib.util
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_BUILD = Path(__file__).parent / "src" / "colorfast" / "wasm" / "_build.py"


class WasmBuildHook(BuildHookInterface[Any]):
    """Builds what there is none of from these sources yet."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Before anything is packed; *version* is ``editable`` for a checkout in use."""
        # A checkout builds at need, so that nobody waits for Zig who never uses it.
        if version == "editable":
            return
        build = _load()
        self._make(build, build.PLUGIN, build.build)
        for machine, library in build.LIBRARIES.items():
            self._make(build, library, partial(build.build_library, machine))

    def _make(self, build: ModuleType, output: Path, make: Callable[[], None]) -> None:
        if build.digest_of(output) == build.digest():
            return
        try:
            make()
        except build.BuildError as error:
            if output.exists():
                # It would be packed, and it is not what the sources say.
                raise
            self.app.display_warning(f"no {output.name} in this package: {error}")


def _load() -> ModuleType:
    # By its path: colorfast itself is not installed where packages are built.
    spec = importlib.util.spec_from_file_location("colorfast_wasm_build", _BUILD)
    assert spec is not None  # noqa: S101 (the file is there)
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
