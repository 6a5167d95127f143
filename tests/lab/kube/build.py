"""What the tests of this folder run on: ``python -m lab.kube.build``, or ask ``missing``.

kube-apiserver, kube-controller-manager and the release controllers are built from their Go modules
into ``.lab/kube`` of the checkout, named by what their module and flags pin; etcd is the machine's,
or as root on Debian installed (no service is started), or built too.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from brokers.install import no_service_starts

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
BIN = ROOT / ".lab" / "kube"

KUBERNETES: Final = "1.34.4"
ARGO: Final = "github.com/argoproj/argo-rollouts"
KRUISE: Final = "github.com/openkruise/rollouts"
ISTIO_API: Final = "istio.io/api"

_TIMEOUT: Final = 3600.0
_VERSION = "k8s.io/component-base/version"
_MINOR = KUBERNETES.split(".")[1]
_LDFLAGS = (
    f"-s -w -X {_VERSION}.gitVersion=v{KUBERNETES}"
    f" -X {_VERSION}.gitMajor=1 -X {_VERSION}.gitMinor={_MINOR}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A command of a Go module: *folder* holds the go.mod, *package* is what is built."""

    folder: str
    package: str


PROGRAMS: Final[Mapping[str, Program]] = {
    "kube-apiserver": Program(folder="argo", package="k8s.io/kubernetes/cmd/kube-apiserver"),
    "kube-controller-manager": Program(
        folder="argo", package="k8s.io/kubernetes/cmd/kube-controller-manager"
    ),
    "argo-rollouts": Program(folder="argo", package=f"{ARGO}/cmd/rollouts-controller"),
    "kruise-rollouts": Program(folder="kruise", package=KRUISE),
}
"""What is built, in the order in which it is wanted."""

SOURCES: Final = (("crds", ISTIO_API), ("argo", ARGO), ("kruise", KRUISE))
"""Modules of which files are read, by folder: where that is done there is no network to get them."""

CORE: Final = ("etcd", "kube-apiserver")
"""Without these nothing runs."""

ETCD = Program(folder="argo", package="go.etcd.io/etcd/server/v3")


def binary(name: str) -> Path:
    """Where *name* is, or will be, built: another go.sum or another flag is another file."""
    program = PROGRAMS.get(name, ETCD)
    pinned = hashlib.sha256(_LDFLAGS.encode())
    for file in ("go.mod", "go.sum"):
        pinned.update((HERE / program.folder / file).read_bytes())
    return BIN / f"{name}-{pinned.hexdigest()[:12]}"


def etcd() -> str | None:
    """The etcd to run: the machine's, or the one that was built."""
    built = binary("etcd")
    return shutil.which("etcd") or (str(built) if built.exists() else None)


def missing() -> dict[str, str]:
    """What is not here, and what it needs."""
    lacking = {} if etcd() else {"etcd": "it needs the Debian package etcd-server, or Go"}
    without_go = "" if shutil.which("go") else ", which takes Go (`go` in the PATH)"
    for name in PROGRAMS:
        if not binary(name).exists():
            lacking[name] = f"run `make lab-kube` to build it{without_go}"
    return lacking


def module(folder: str, path: str) -> Path:
    """Where the module cache has the module *path* that *folder*/go.mod pins."""
    said = _go(folder, "mod", "download", "-json", path)
    return Path(json.loads(said)["Dir"])


def definitions(folder: str, path: str, file: str) -> list[dict[str, Any]]:
    """The CustomResourceDefinitions in *file* of the module *path*."""
    text = (module(folder, path) / file).read_text()
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [one for one in yaml.load_all(text, loader) if one]


def install_etcd() -> None:
    """Debian's etcd, where we may and there is none; no service is started."""
    if etcd() or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "etcd-server"]
    with no_service_starts():
        for command in (["apt-get", "update", "-qq"], install):
            subprocess.run(command, check=True, timeout=_TIMEOUT, env=env)


def build(name: str) -> None:
    """Build *name* unless it is there; what other versions left behind goes."""
    target = binary(name)
    if target.exists() or not shutil.which("go"):
        return
    program = PROGRAMS.get(name, ETCD)
    part = target.with_suffix(".part")
    flags = ("-mod=readonly", "-trimpath", f"-ldflags={_LDFLAGS}", "-o", str(part))
    _go(program.folder, "build", *flags, program.package)
    for stale in BIN.glob(f"{name}-*[0-9a-f]"):
        stale.unlink()
    part.rename(target)


def _go(folder: str, *command: str) -> str:
    env = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false"}
    done = subprocess.run(
        ["nice", "-n", "15", "go", *command],
        cwd=HERE / folder,
        env=env,
        timeout=_TIMEOUT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout


def _steps() -> dict[str, str]:
    """Install and build everything; what could not be had, and why."""
    failed = {}
    try:
        install_etcd()
    except (OSError, subprocess.SubprocessError) as error:
        failed["etcd-server"] = str(error)
    for name in (*PROGRAMS, *(() if etcd() else ("etcd",))):
        try:
            build(name)
        except (OSError, subprocess.SubprocessError) as error:
            failed[name] = str(error)
    for folder, path in SOURCES if shutil.which("go") else ():
        try:
            module(folder, path)
        except (OSError, subprocess.SubprocessError) as error:
            failed[path] = str(error)
    return failed


def main() -> int:
    """Install and build what is missing; say what is missing then."""
    for name, why in {**_steps(), **missing()}.items():
        print(f"{name} is missing: {why}", file=sys.stderr)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
