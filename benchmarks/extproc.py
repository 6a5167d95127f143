"""Envoy with our ext_proc service, and with what one would use in its place.

Every part is one Envoy, one policy of ten rules, the same filter for every server, and the rows
take turns: whatever the machine does, it does to all of them. Judge by the ratios. Fails when a
request fails or is not dyed, and in full when a target is missed.
"""

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from benchmarks._cpu import AVAILABLE
from benchmarks._extproc_run import Run, servers_of
from benchmarks._extproc_tables import tables
from benchmarks._extproc_targets import Judge
from benchmarks._measure import heading, save, save_plot
from benchmarks._micro import processor_costs
from benchmarks._options import Options
from benchmarks._plot import plot
from benchmarks._servers import POLICY, find
from benchmarks._targets import print_targets
from benchmarks._text import print_tables
from colorfast.policy import load_policy

PROCESSOR: Final = "processor"


def run(options: Options) -> bool:
    """Print targets, ratios, then figures; whether everything is as it should be."""
    heading("Envoy with the ext_proc service: ten rules, the tenth matches")
    if not AVAILABLE:
        print("  FAIL this machine has no /proc to read CPU times from: run it on Linux")
        return False
    with tempfile.TemporaryDirectory(prefix="colorfast-") as folder:
        done = Run(options, find(servers_of(options), Path(folder)))
        done.take()
    result = done.figures() | _processor(options)
    targets = Judge(done.parts, done.alone, done.soaked).targets()
    kept = print_targets(targets)
    _print_troubles(done)
    print_tables(tables(result))
    result |= {"targets": [one.as_json() for one in targets], "options": asdict(options)}
    save("extproc", result)
    save_plot("extproc", plot(result))
    return not done.failed and not done.broken and (kept or options.quick)


def _processor(options: Options) -> dict[str, Any]:
    if not options.wants_part(PROCESSOR):
        return {}
    policy = load_policy(POLICY.read_text(), file=POLICY.name).policy
    return {PROCESSOR: processor_costs(policy, quick=options.quick)}


def _print_troubles(done: Run) -> None:
    """What is missing or wrong, and how noisy it was."""
    for name, why in done.absent.items():
        print(f"  ABSENT {name}: {why}")
    for name, part in done.parts.items():
        print(f"  {name}: {part.rounds.noise()}")
    print(f"  {'FAIL' if done.failed else 'ok    '} requests failed or not dyed: {done.failed}")
