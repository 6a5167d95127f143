"""Timing that a noisy machine cannot spoil: everything interleaved, medians of ratios."""

import gc
import json
import os
import platform
import statistics
import sys
import timeit
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def interleaved(
    calls: Mapping[str, Callable[[], object]], *, rounds: int, seconds: float = 0.02
) -> dict[str, list[float]]:
    """Microseconds a call of each, *rounds* samples each; one sample of each a round."""
    timers = {name: timeit.Timer(call) for name, call in calls.items()}
    loops = {name: max(1, int(seconds / _once(timer))) for name, timer in timers.items()}
    samples: dict[str, list[float]] = {name: [] for name in calls}
    gc.collect()
    for _ in range(rounds):
        for name, timer in timers.items():
            samples[name].append(timer.timeit(loops[name]) / loops[name] * 1e6)
    return samples


def _once(timer: timeit.Timer) -> float:
    loops, taken = timer.autorange()
    return max(taken / loops, 1e-9)


def ratio(samples: Sequence[float], base: Sequence[float]) -> float:
    """The median over the rounds of this round's sample to this round's base."""
    return statistics.median(one / other for one, other in zip(samples, base, strict=True))


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    return {
        "python": platform.python_version(),
        "system": platform.system().lower(),
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "colorfast": version("colorfast"),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def heading(title: str) -> None:
    """Start a benchmark's part of the output."""
    facts = machine()
    print(f"\n{title}")
    print(f"  {facts['processor']}, {facts['cores']} cores, Python {facts['python']}")
    sys.stdout.flush()


def save(name: str, result: Mapping[str, Any]) -> None:
    """Keep *result* as ``benchmarks/results/<name>.json``."""
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps({"machine": machine(), **result}, indent=2)
    (RESULTS / f"{name}.json").write_text(text + "\n")


def save_plot(name: str, svg: str) -> None:
    """Keep *svg* as ``benchmarks/results/<name>.svg``."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.svg").write_text(svg)
