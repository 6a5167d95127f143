"""The peer from PyPI: installed once, into a virtual environment of its own."""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

from benchmarks._builds import AbsentError
from benchmarks._processes import Launch

_HERE = Path(__file__).parent
_PROGRAM = _HERE / "peers" / "extproc_sdk.py"

_ENVIRONMENT = {
    # Its tracer would look for a Datadog agent, and report to it; without is how it is fastest.
    "DD_TRACE_ENABLED": "false",
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
    "DD_REMOTE_CONFIGURATION_ENABLED": "false",
}

_REQUIREMENTS = _HERE / "peers" / "requirements.txt"
_FOLDER = _HERE / ".peers" / "extproc_sdk"
_WITHIN = 300.0
"""Seconds that the installation may take."""


def get_peer() -> Launch:
    """envoy-extproc-sdk; installs it when that has not been done. Raises AbsentError."""
    done = _FOLDER / "installed"
    wanted = f"{sys.version}\n{_REQUIREMENTS.read_text()}"
    if not done.is_file() or done.read_text() != wanted:
        _install()
        done.write_text(wanted)
    return Launch(command=(str(_python()), str(_PROGRAM)), env=_ENVIRONMENT)


def _install() -> None:
    print("  installing the peer into a virtual environment of its own (once; a minute or two)")
    sys.stdout.flush()
    shutil.rmtree(_FOLDER, ignore_errors=True)
    try:
        venv.create(_FOLDER, symlinks=True)
        _pip("install", "--requirement", str(_REQUIREMENTS))
    except (OSError, subprocess.SubprocessError) as error:
        shutil.rmtree(_FOLDER, ignore_errors=True)
        raise AbsentError(f"it cannot be installed: {_reason(error)}") from None


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
        return (error.stderr.strip() or f"pip exited with status {error.returncode}")[-500:]
    return str(error)
