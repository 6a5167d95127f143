"""Random releases, played by the real Argo Rollouts and OpenKruise and held against the model.

``python -m lab.kube.fuzz [SECONDS [SEED]]``, with ``tests`` in PYTHONPATH, plays many at once for SECONDS
(300 by default): two thirds of them by Argo, then by OpenKruise, each in a control plane of its own, for
whoever watches takes part of the other's time. What does not agree is printed with its seed, its files and
its trace; the exit status is 1 then.
"""

import os
import secrets
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
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
from lab.kube._record import Watches, watching
from lab.kube._rig import Cluster, running_cluster
from lab.kube.run import apart, become, loopback_up, not_run

from colorfast.release import Controller


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """What one controller plays in."""

    name: Controller
    programs: tuple[str, ...]
    """That it takes besides the control plane."""
    controllers: tuple[str, ...]
    """Those of Kubernetes that it needs."""
    running: Callable[[Cluster, Watches], AbstractContextManager[Restartable]]
    share: float
    """Of the time."""
    at_once: int
    """Plays that go on at the same time."""


PARTS: Final = (
    _Part(
        name="argo-rollouts",
        programs=("kube-controller-manager", "argo-rollouts"),
        controllers=("replicaset-controller",),
        running=running_argo,
        share=2 / 3,
        at_once=70,
    ),
    _Part(
        name="kruise",
        programs=("kube-controller-manager", "kruise-rollouts"),
        controllers=(
            "replicaset-controller",
            "deployment-controller",
            "garbage-collector-controller",
        ),
        running=running_kruise,
        share=1 / 3,
        at_once=15,  # of more it loses approvals, for it asks for no more than 20 things a second
    ),
)
"""One after the other."""


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


def play(lab: Lab, seconds: float, seed: int, at_once: int) -> list[str]:
    """Play from *seed* on, and tell what is wrong and how many there were."""
    started, found = monotonic(), list[str]()
    name = lab.controls.name
    played = seed
    with ThreadPoolExecutor(at_once) as pool:
        running: set[Future[list[str]]] = set()
        while True:
            while len(running) < at_once and monotonic() - started < seconds:
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
    print(f"{name}: {told}, {len(drawn) / minutes:.0f} releases a minute", flush=True)  # noqa: T201
    return found


@contextmanager
def lab_of(part: _Part) -> Iterator[Lab]:
    """A control plane with one release controller, until the block ends."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        cluster = stack.enter_context(running_cluster(folder))
        for file in sorted((build.ROOT / "k8s" / "crds").glob("*.yaml")):
            cluster.define(*yaml.safe_load_all(file.read_text()))
        define_routes(cluster)
        cluster.start_controllers(part.controllers)
        nodes = stack.enter_context(running_nodes(cluster))
        watches = stack.enter_context(watching(cluster))
        prometheus = stack.enter_context(running_prometheus())
        controls = stack.enter_context(part.running(cluster, watches))
        yield Lab(
            cluster=cluster, controls=controls, watches=watches, nodes=nodes, prometheus=prometheus
        )


def main(arguments: list[str]) -> int:
    """Build, then play apart."""
    build.main()
    lacking = build.missing().keys() & {*build.CORE}
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
    found = list[str]()
    for part in PARTS:
        if lacking := build.missing().keys() & {*part.programs}:
            not_run(f"{part.name}: {', '.join(sorted(lacking))} could not be had")
            continue
        with lab_of(part) as lab:
            found += play(lab, float(seconds) * part.share, int(seed), part.at_once)
    print("\n".join(found))  # noqa: T201
    return bool(found)


if __name__ == "__main__":
    given = sys.argv[1:]
    os.chdir(build.ROOT)
    sys.exit(inside(given[1:]) if given[:1] == ["--inside"] else main(given))
