"""``python -m benchmarks [NAME ...] [--quick]``: all of them when none is named.

``python -m benchmarks report`` writes the last figures into docs/performance.md.
"""

import argparse
import importlib
import sys

from benchmarks._options import Options

NAMES = ("policy", "baggage", "propagator", "release", "extproc", "backends")
REPORT = "report"

PARTS = ("main", "free", "workers", "shapes", "alone", "soak", "processor")
"""Of extproc. They are known here so that a wrong one is told before anything is loaded."""


def main() -> int:
    arguments = _parser().parse_args()
    options = Options(
        quick=arguments.quick,
        rows=tuple(arguments.rows),
        connections=tuple(arguments.connections),
        parts=tuple(arguments.parts),
        soak=arguments.soak,
        seconds=arguments.seconds,
        rounds=arguments.rounds,
    )
    missed = False
    for name in arguments.names or NAMES:
        module = importlib.import_module(f"benchmarks.{name}")
        missed |= not module.run(options)
    return int(missed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, REPORT, []], help="which to run")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: a look, not a figure")
    parser.add_argument(
        "--rows", nargs="+", default=(), metavar="PART", help="rows with one of these in their name"
    )
    parser.add_argument(
        "--connections", nargs="+", type=int, default=(), metavar="N", help="of extproc"
    )
    parser.add_argument("--parts", nargs="+", default=(), choices=PARTS, help="of extproc")
    parser.add_argument("--soak", type=float, help="millions of requests of extproc's soak")
    parser.add_argument("--seconds", type=int, help="of one sample")
    parser.add_argument("--rounds", type=int, help="samples of each row")
    return parser


if __name__ == "__main__":
    sys.exit(main())
