"""``python -m benchmarks [policy] [baggage] [extproc] [--quick]``: all when none is named."""

import argparse
import importlib
import sys

NAMES = ("policy", "baggage", "extproc")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="which to run")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: a look, not a figure")
    arguments = parser.parse_args()
    missed = False
    for name in arguments.names or NAMES:
        module = importlib.import_module(f"benchmarks.{name}")
        missed |= not module.run(quick=arguments.quick)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
