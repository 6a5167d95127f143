"""The peer: installed once, into a virtual environment of its own."""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
PROGRAM = HERE / "peers" / "extproc_sdk.py"

ENVIRONMENT = {
    # Its tracer would look for a Datadog agent, and report to it; without is how it is fastest.
    "DD_TRACE_ENABLED": "false",
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
    "DD_REMOTE_CONFIGURATION_ENABLED": "false",
}

_REQUIREMENTS = HERE / "peers" / "requirements.txt"
_FOLDER = HERE / ".peers" / "extproc_sdk"
_WITHIN = 300.0
"""Seconds that the installation may take."""


class NoPeerError(Exception):
    """The peer cannot be had; the text says why."""


def command() -> list[str]:
    """How to run the peer; installs it when that has not been done. Raises NoPeerError."""
    done = _FOLDER / "installed"
    wanted = f"{sys.version}\n{_REQUIREMENTS.read_text()}"
    if not done.is_file() or done.read_text() != wanted:
        _install()
        done.write_text(wanted)
    return [str(_python()), str(PROGRAM)]


def _install() -> None:
    print("  installing the peer into a virtual environment of its own (once; a minute or two)")
    sys.stdout.flush()
    shutil.rmtree(_FOLDER, ignore_errors=True)
    try:
        venv.create(_FOLDER)
        _pip("install", "--requirement", str(_REQUIREMENTS))
    except (OSError, subprocess.SubprocessError) as error:
        shutil.rmtree(_FOLDER, ignore_errors=True)
        raise NoPeerError(f"it cannot be installed: {_reason(error)}") from None


def _pip(*arguments: str) -> None:
    options = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-compile"]
    # The big ones as wheels or not at all: to build them would take longer than to measure them.
    options += ["--only-binary", "ddtrace,grpcio,protobuf,uvloop"]
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(_python()), *arguments, *options],
        check=True,
        capture_output=True,
        text=True,
        timeout=_WITHIN,
    )


def _python() -> Path:
    return _FOLDER / "bin" / "python"


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.TimeoutExpired):
        return f"pip took longer than {_WITHIN:g} seconds"
    if isinstance(error, subprocess.CalledProcessError):
        lines = [line for line in error.stderr.splitlines() if line.startswith("ERROR")]
        return lines[-1] if lines else f"pip exited with status {error.returncode}"
    return str(error)
