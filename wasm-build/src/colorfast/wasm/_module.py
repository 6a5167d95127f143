"""Where the built plugin is."""

from pathlib import Path

from colorfast.wasm import _build
from colorfast.wasm._errors import no_plugin


def path() -> Path:
    """The plugin's file. A wheel carries it; a checkout builds it when the sources have changed.

    Raises ColorfastError (CF412).
    """
    if _build.is_checkout():
        _refresh()
    elif not _build.PLUGIN.is_file():
        raise no_plugin(
            "this wheel was built where there was no Zig",
            "install a released wheel, or run the service (ext_proc), lua or native instead",
        )
    return _build.PLUGIN


def _refresh() -> None:
    if _build.digest_of(_build.PLUGIN) == _build.digest():
        return
    try:
        _build.build()
    except _build.BuildError as error:
        raise no_plugin(error.what, error.fix) from None
