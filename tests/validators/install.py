"""The schemas of others, from npm: ``python -m tests.validators.install``, or ask ``missing``.

They go to ``node_modules`` beside this file (60 MB), at the versions in ``package.json``.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"

_TIMEOUT: Final = 300.0


def missing() -> str:
    """Why the validators cannot run; empty when they can."""
    if not shutil.which("node"):
        return "they need Node.js (`node` in the PATH)"
    lacking = [name for name, version in wanted().items() if version != installed(name)]
    if lacking:
        return f"run `make validators`, which fetches {', '.join(lacking)} from npm"
    return ""


def wanted() -> dict[str, str]:
    """The version of each package that the tests are written for."""
    pins: dict[str, str] = _read(HERE / "package.json")["dependencies"]
    return pins


def installed(name: str) -> str | None:
    """The version of a package that is here."""
    path = MODULES / name / "package.json"
    return str(_read(path)["version"]) if path.is_file() else None


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def install() -> str:
    """Install what is missing. What stood in the way comes back, empty when nothing did."""
    reason = missing()
    npm = shutil.which("npm")
    if not reason or not shutil.which("node"):
        return reason
    if npm is None:
        return "they are fetched by npm (`npm` in the PATH)"
    command = [npm, "install", "--loglevel=error"]
    try:
        done = subprocess.run(
            command, cwd=HERE, check=False, capture_output=True, text=True, timeout=_TIMEOUT
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"npm: {error}"
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.startswith("npm error")]
        return "\n".join(["npm could not fetch them", *said[:5]])
    return missing()


def main() -> None:
    """Install what is missing; say what is missing then. The tests that need it are skipped."""
    if reason := install():
        text = f"The validators of Istio, Gateway API and Argo objects do not run: {reason}"
        print(text, file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    main()
