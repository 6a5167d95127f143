"""The SDK's core, from the built wheel, on the oldest and the newest OpenTelemetry API.

``make test-sdk`` runs it, on every Python that is there; those that are not are named. First a clean
environment shows what ``pip install colorfast`` brings along. ``--python 3.12`` (may be repeated)
and ``--api oldest`` choose; ``--wheel PATH`` takes a wheel that is built already.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "sdk"
PYTHONS = ("3.11", "3.12", "3.13")
APIS = {
    # It imports pkg_resources, which newer releases of setuptools have no more.
    "oldest": ("opentelemetry-api==1.12.0", "setuptools<81"),
    "newest": ("opentelemetry-api",),
}
TOOLS = ("hypothesis", "pytest", "pytest-asyncio")
_TIMEOUT = 900.0

CLEAN = """
import re, sys
from importlib.metadata import distribution, distributions

def name(text):
    return re.sub(r"[-_.]+", "-", re.match(r"[\\w.-]+", text)[0]).lower()

def needs(wanted):
    found, ahead = set(), {wanted}
    while ahead:
        found |= ahead
        lines = [line for one in ahead for line in distribution(one).requires or ()]
        ahead = {name(line) for line in lines if "extra ==" not in line} & there - found
    return found

there = {name(one.metadata["Name"]) for one in distributions()} - {"pip", "setuptools", "wheel"}
expected = needs("opentelemetry-api") | {"colorfast"}
assert there == expected, f"installed: {sorted(there)}, expected: {sorted(expected)}"
import colorfast.propagator
from colorfast.propagator import lane
assert colorfast.propagator.__file__.startswith(sys.prefix), colorfast.propagator.__file__
with lane.use("canary"):
    assert lane.headers() == {"x-lane": "canary", "baggage": "lane=canary"}
print(*sorted(there))
"""
"""What a service gets: OpenTelemetry's API, what that needs, and Colorfast."""


def say(line: str) -> None:
    """Tell whoever waits."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def run(*command: str | Path, ok: bool = True) -> subprocess.CompletedProcess[str]:
    """Run *command* outside of the checkout's own environment; tell what it said if it fails."""
    dropped = ("OTEL", "COLORFAST", "PYTHON", "VIRTUAL_ENV")
    environ = {key: value for key, value in os.environ.items() if not key.startswith(dropped)}
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=_TIMEOUT
    )
    if ok and done.returncode:
        say(done.stdout + done.stderr)
        raise SystemExit(f"failed: {' '.join(words[:4])} ...")
    return done


def python(version: str) -> Path | None:
    """The interpreter of *version* in PATH or of pyenv, or None."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    named = shutil.which(f"python{version}")
    found = [*sorted(pyenv.glob(f"{version}.*/bin/python"), reverse=True)]
    ask = "import sys; print('%d.%d' % sys.version_info[:2])"
    for candidate in ([Path(named)] if named else []) + found:
        # A shim of pyenv may be there without anything behind it.
        said = run(candidate, "-c", ask, ok=False)
        if said.stdout.strip() == version:
            return candidate
    return None


def wheel(folder: Path) -> Path:
    """The wheel of this checkout."""
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check")
    run(*pip, "--no-deps", "--wheel-dir", folder, ".")
    [built] = folder.glob("colorfast-*.whl")
    return built


def environment(at: Path, interpreter: Path, *wanted: str | Path) -> Path:
    """A virtual environment that has *wanted*; its interpreter."""
    inside = at / "bin" / "python"
    if not inside.exists():
        run(interpreter, "-m", "venv", at)
    pip = (inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--upgrade", *wanted)
    return inside


def clean(built: Path, interpreter: Path) -> None:
    """Install the wheel and nothing else, and look at what came."""
    with TemporaryDirectory() as folder:
        inside = environment(Path(folder), interpreter, built)
        say(f"pip install colorfast brings: {run(inside, '-c', CLEAN).stdout.strip()}")


def core(built: Path, version: str, interpreter: Path, api: str) -> bool:
    """Run the core's tests from the wheel; whether they passed."""
    inside = environment(FOLDER / f"{version}-{api}", interpreter, *TOOLS, *APIS[api])
    pip = (inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--no-deps", "--force-reinstall", built)
    # pkg_resources and what it loads say that they are deprecated.
    quiet = ("-W", "ignore::DeprecationWarning", "-W", "ignore::UserWarning")
    tests = ROOT / "tests" / "propagator" / "core"
    done = run(inside.with_name("pytest"), "-q", "--no-header", *quiet, tests, ok=False)
    ask = "from importlib.metadata import version; print(version('opentelemetry-api'))"
    found = run(inside, "-c", ask).stdout.strip()
    last = done.stdout.strip().splitlines()[-1:] or [done.stderr.strip()]
    say(f"Python {version}, opentelemetry-api {found}: {last[0].strip('= ')}")
    if done.returncode:
        say(done.stdout)
    return done.returncode == 0


def cells(pythons: Sequence[str], apis: Sequence[str], built: Path) -> Iterator[bool]:
    """What became of each pair."""
    for version in pythons:
        interpreter = python(version)
        if interpreter is None:
            say(f"Python {version}: not on this machine, not tested")
            continue
        for api in apis:
            yield core(built, version, interpreter, api)


def main() -> int:
    """Build, look, test, tell."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--python", action="append", choices=PYTHONS)
    parser.add_argument("--api", action="append", choices=[*APIS])
    parser.add_argument("--wheel", type=Path)
    chosen = parser.parse_args()
    with TemporaryDirectory() as folder:
        built = chosen.wheel or wheel(Path(folder))
        clean(built, Path(sys.executable))
        results = [*cells(chosen.python or PYTHONS, chosen.api or [*APIS], built)]
    return 0 if results and all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
