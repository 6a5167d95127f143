"""What the tests of this folder run on: ``python -m tests.lab.istio.build``, or ask ``missing``.

Istio's config engine and istioctl are built from Istio's Go modules into ``.lab/istio`` of the
checkout, in a folder that is named by what they are built from.
"""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

HERE: Final = Path(__file__).parent
FOLDER: Final = HERE.parents[2] / ".lab" / "istio"

PACKAGES: Final = ("./istio-render", "istio.io/istio/istioctl/cmd/istioctl")
CRDS: Final = (
    "manifests/charts/base/files/crd-all.gen.yaml",
    "tests/integration/pilot/testdata/gateway-api-crd.yaml",
)
"""In Istio's module: its own, and those of the Gateway API."""

FLAGS: Final = ("-gcflags=all=-N -l", "-ldflags=-s -w")
"""Without optimization the build takes half the time; what is rendered here is small."""

_OURS: Final = (
    "missing go.sum entry",
    "updates to go.mod",
    "malformed module",
    "no required module",
)
"""What Go says when the fault is in our files, and not in how modules are fetched."""

_TIMEOUT: Final = 3600.0


def place() -> Path:
    """The folder of what is built from the files that are here now."""
    pinned = hashlib.sha256("\0".join((*PACKAGES, *CRDS, *FLAGS)).encode())
    for path in (HERE / "go.mod", HERE / "go.sum", *sorted(HERE.glob("*/*.go"))):
        pinned.update(path.read_bytes())
    return FOLDER / pinned.hexdigest()[:12]


def missing() -> str:
    """Why nothing can be rendered; empty when it can."""
    if (place() / "crds.json").exists():
        return ""
    return "make lab-istio builds it" + ("" if shutil.which("go") else " (takes Go)")


def fetch() -> str:
    """Have Go fetch the modules. What stood in the way comes back, empty when nothing did."""
    done = _go("list", "-deps", "-f", "", *PACKAGES)
    if done.returncode and any(fault in done.stderr for fault in _OURS):
        raise SystemExit(done.stderr)
    said = [line for line in done.stderr.splitlines() if not line.startswith("go: downloading")]
    return "\n".join(said[-3:]) if done.returncode else ""


def build() -> None:
    """Build it all; it stands in its folder when all of it is there."""
    part = FOLDER / "part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    done = _go("build", "-buildvcs=false", *FLAGS, "-o", f"{part}/", *PACKAGES)
    if done.returncode:
        raise SystemExit(done.stderr)
    (part / "crds.json").write_text("".join(f"{json.dumps(one)}\n" for one in _crds()))
    for stale in FOLDER.iterdir():
        if stale != part:
            shutil.rmtree(stale)
    part.rename(place())


def _crds() -> Iterator[Any]:
    """The schemas alone, in a form that is read fast: they are read each time."""
    module = Path(_go("list", "-m", "-f", "{{.Dir}}", "istio.io/istio").stdout.strip())
    for name in CRDS:
        with (module / name).open() as file:
            yield from (_bare(one) for one in yaml.load_all(file, yaml.CSafeLoader) if one)


def _bare(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_bare(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _bare(value)
        for key, value in schema.items()
        if not (key == "description" and isinstance(value, str))
    }


def _go(*command: str) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "GOTOOLCHAIN": "local"}
    return subprocess.run(
        ["go", *command],
        cwd=HERE,
        env=env,
        timeout=_TIMEOUT,
        capture_output=True,
        check=False,
        text=True,
    )


def main() -> None:
    """Build what is missing, or say plainly why that cannot be."""
    if not missing():
        return
    reason = "there is no Go on this machine" if not shutil.which("go") else fetch()
    if reason:
        print(f"make lab-istio: NOT RUN, Istio cannot be had: {reason}")  # noqa: T201
        return
    print("building Istio's config engine and istioctl: some minutes the first time")  # noqa: T201
    build()


if __name__ == "__main__":
    main()
