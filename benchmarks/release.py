"""How long a release of twelve services and eight shares takes to verify, and how much memory.

Bound: 10 seconds and 1 GiB for each, in a process of its own. Beside it what looking at every
combination of services would take, for as many services as that is bearable for.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from random import Random
from typing import Any

import yaml

from benchmarks._measure import heading, save
from benchmarks._options import Options
from benchmarks._targets import Target, print_targets
from colorfast.release import Release, load_release
from colorfast.release.verify import verify

SERVICES = 12
SHARES = (1, 5, 10, 25, 50, 60, 75, 100)
SECONDS, MEBIBYTES = 10.0, 1024.0
WHOLE = (2, 3, 4)

NAMES = [f"s{number:02}" for number in range(SERVICES)]

GRAPHS: dict[str, dict[str, list[str]]] = {
    "chain": {name: NAMES[i + 1 : i + 2] for i, name in enumerate(NAMES)},
    "fan-out": {name: NAMES[1:] if i == 0 else [] for i, name in enumerate(NAMES)},
    "each calls a third of the others": {
        name: [other for other in NAMES[i + 1 :] if Random(f"{name}{other}").random() < 1 / 3]
        for i, name in enumerate(NAMES)
    },
}
KINDS: dict[str, dict[str, str]] = {
    "argo-rollouts, version": {"controller": "argo-rollouts"},
    "argo-rollouts, labels": {"controller": "argo-rollouts", "style": "labels"},
    "argo-rollouts, managed": {"controller": "argo-rollouts", "style": "managed"},
    "argo-rollouts, ordered": {"controller": "argo-rollouts", "pattern": "ordered"},
    "kruise, version": {"controller": "kruise"},
    "istio, version": {"controller": "istio"},
    "istio, entrance first": {"controller": "istio", "finish": "first"},
}


def release(graph: Mapping[str, list[str]], kind: Mapping[str, str]) -> Release:
    """A release of every service of *graph*, with two entrances."""
    locked = kind.get("pattern", "locked") == "locked"
    lanes = {"base": {"version": "v1"}, "canary": {"version": "v2"}}
    entrances = [{"name": f"g-{n}", "hosts": [f"{n}.example.com"], "entry": n} for n in NAMES[:2]]
    services = {name: {"calls": calls, "lanes": lanes} for name, calls in graph.items()}
    files = {
        "policy": _file("LanePolicy", {"lanes": ["base", "canary"]}),
        "mesh": _file("LaneMesh", {"entry": NAMES[0], "gateways": entrances, "services": services}),
    }
    changes = {name: {"from": "v1", "to": "v2", "image": name} for name in graph}
    spec = {
        "policy": "policy",
        "mesh": "mesh",
        "pattern": "locked",
        "services": changes,
        "steps": [{"weight": share} for share in SHARES],
    }
    if locked:
        spec |= {"lane": "canary", "split": {"by": ["sourceIp"]}}
    return load_release(_file("LaneRelease", spec | dict(kind)), read=files.__getitem__).release


def _file(kind: str, spec: Mapping[str, Any]) -> str:
    head = {"apiVersion": "colorfast.dev/v1alpha1", "kind": kind, "metadata": {"name": "bench"}}
    return yaml.safe_dump(head | {"spec": spec}, sort_keys=False)


def run(options: Options) -> bool:
    """Print the table; whether every bound was kept."""
    heading(f"Verifying a release of {SERVICES} services and {len(SHARES)} shares")
    kinds = list(KINDS)[:1] if options.quick else list(KINDS)
    rows = [_in_a_process(graph, kind) for kind in kinds for graph in GRAPHS]
    for row in rows:
        print(
            f"  {row['kind']:<24} {row['graph']:<33} {row['verdict']:<8} {row['states']:>7,} states"
            f"  {row['seconds']:6.2f} s  {row['mebibytes']:4.0f} MiB"
        )
    combinations = [] if options.quick else _combinations()
    for line in combinations:
        print(
            f"  {line['services']} services: {line['pairs']:,} states by pairs, "
            f"{line['whole']:,} in all combinations"
        )
    targets = [
        Target(name="the slowest", value=max(r["seconds"] for r in rows), bound=SECONDS, unit=" s"),
        Target(
            name="the largest",
            value=max(r["mebibytes"] for r in rows),
            bound=MEBIBYTES,
            unit=" MiB",
        ),
    ]
    save(
        "release",
        {"rows": rows, "combinations": combinations, "targets": [t.as_json() for t in targets]},
    )
    return print_targets(targets)


def _in_a_process(graph: str, kind: str) -> dict[str, Any]:
    # Peak memory is a process's.
    command = [sys.executable, "-m", "benchmarks.release", graph, kind]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
    row: dict[str, Any] = json.loads(done.stdout)
    return row


def _combinations() -> list[dict[str, int]]:
    found = []
    for number in WHOLE:
        chain = {name: GRAPHS["chain"][name] for name in NAMES[:number]}
        chain[NAMES[number - 1]] = []
        made = release(chain, KINDS["istio, version"])
        pairs, whole = verify(made), verify(made, whole=True)
        found.append({"services": number, "pairs": pairs.states, "whole": whole.states})
    return found


def _one(graph: str, kind: str) -> None:
    made = release(GRAPHS[graph], KINDS[kind])
    start = time.perf_counter()
    verdict = verify(made)
    row = {
        "graph": graph,
        "kind": kind,
        "verdict": "safe" if verdict.safe else "not safe",
        "states": verdict.states,
        "seconds": time.perf_counter() - start,
        "mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(row))


if __name__ == "__main__":
    _one(*sys.argv[1:])
