"""Random releases, played by the real Argo Rollouts and OpenKruise and held against the model.

``python -m lab.kube.fuzz [SECONDS [SEED]]``, with ``tests`` in PYTHONPATH, plays many at once for SECONDS
(300 by default). What does not agree is printed with its seed, its files and its trace; the exit status
is 1 then.
"""

import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Final

import yaml
from lab.kube import build
from lab.kube._argo import running_argo
from lab.kube._drawn import Drawn
from lab.kube._kruise import running_kruise
from lab.kube._lab import Lab, Restartable
from lab.kube._nodes import define_routes, running_nodes
from lab.kube._plays import play_one
from lab.kube._prometheus import running_prometheus
from lab.kube._record import watching
from lab.kube._rig import running_cluster
from lab.kube.run import apart, become, loopback_up, not_run

from colorfast.release import Controller

AT_ONCE: Final[dict[Controller, int]] = {"argo-rollouts": 70, "kruise": 6}
"""Plays that go on at the same time. Kruise lets everybody wait, and itself most of all."""

CONTROLLERS: Final = (
    "replicaset-controller",
    "deployment-controller",
    "garbage-collector-controller",
)
"""Those of Kubernetes that plays need: Argo the first, Kruise all of them."""

PROGRAMS: Final = (*build.CORE, "kube-controller-manager", "argo-rollouts")


def problems(lab: Lab, seed: int) -> list[str]:
    """What is wrong with the play of *seed*, told in full; nothing when nothing is."""
    drawn = Drawn(seed, lab.controls.name)
    told, script = drawn.script
    made = partial(drawn.case, prometheus=lab.prometheus.url)
    trace = play_one(lab, made, drawn.name, script)
    found = [trace] if isinstance(trace, str) else [*drawn.wrong(trace)]
    if not found:
        return []
    more = [] if isinstance(trace, str) else [trace.text()]
    return [f"{drawn.name}: {told}", *found, *drawn.files.values(), *more]


def play(lab: Lab, seconds: float, seed: int) -> list[str]:
    """Play from *seed* on, and tell what is wrong and how many there were."""
    started, found = monotonic(), list[str]()
    name = lab.controls.name
    played = seed
    with ThreadPoolExecutor(AT_ONCE[name]) as pool:
        running: set[Future[list[str]]] = set()
        while True:
            while len(running) < AT_ONCE[name] and monotonic() - started < seconds:
                running.add(pool.submit(problems, lab, played))
                played += 1
            if not running:
                break
            done, running = wait(running, return_when=FIRST_COMPLETED)
            found += (line for one in done for line in one.result())
    minutes = (monotonic() - started) / 60
    drawn = [Drawn(one, name).release for one in range(seed, played)]
    changes = sum(len(one.changes) for one in drawn)
    told = f"{len(drawn)} releases of {changes} services in {minutes:.1f} minutes"
    print(f"{name}: {told}, {len(drawn) / minutes:.0f} releases a minute")  # noqa: T201
    return found


@contextmanager
def labs() -> Iterator[list[Lab]]:
    """A control plane with Argo Rollouts, and with OpenKruise if it is here, until the block ends."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        cluster = stack.enter_context(running_cluster(folder))
        for file in sorted((build.ROOT / "k8s" / "crds").glob("*.yaml")):
            cluster.define(*yaml.safe_load_all(file.read_text()))
        define_routes(cluster)
        with_kruise = "kruise-rollouts" not in build.missing()
        cluster.start_controllers(CONTROLLERS if with_kruise else CONTROLLERS[:1])
        nodes = stack.enter_context(running_nodes(cluster))
        watches = stack.enter_context(watching(cluster))
        prometheus = stack.enter_context(running_prometheus())
        controls: list[Restartable] = [stack.enter_context(running_argo(cluster, watches))]
        if with_kruise:
            controls.append(stack.enter_context(running_kruise(cluster, watches)))
        yield [
            Lab(cluster=cluster, controls=one, watches=watches, nodes=nodes, prometheus=prometheus)
            for one in controls
        ]


def main(arguments: list[str]) -> int:
    """Build, then play apart."""
    build.main()
    lacking = build.missing().keys() & {*PROGRAMS}
    if lacking:
        return not_run(f"{', '.join(sorted(lacking))} could not be had")
    command = apart()
    if command is None:
        return not_run("this machine lets us have no network namespace (it takes root)")
    within = [sys.executable, "-m", "lab.kube.fuzz", "--inside", *arguments]
    return become([*command, *within])


def inside(arguments: list[str]) -> int:
    """Play, here; 1 when something is wrong."""
    loopback_up()
    seconds, seed = (*arguments, *("300", str(secrets.randbelow(2**31)))[len(arguments) :])
    print(f"from seed {seed} on", flush=True)  # noqa: T201
    with labs() as here, ThreadPoolExecutor() as pool:
        plays = pool.map(lambda lab: play(lab, float(seconds), int(seed)), here)
        found = [line for one in plays for line in one]
    print("\n".join(found))  # noqa: T201
    return bool(found)


if __name__ == "__main__":
    given = sys.argv[1:]
    os.chdir(build.ROOT)
    sys.exit(inside(given[1:]) if given[:1] == ["--inside"] else main(given))
