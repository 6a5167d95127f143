"""Differential fuzzing with a time budget: ``python tests/fuzz.py [SECONDS]``.

Runs the tests that compare a backend with the reference over and over, each time with another seed,
until the time is over or they disagree. A disagreement prints its seed and the smallest example.
"""

import subprocess
import sys
import time
from itertools import count
from pathlib import Path

ROOT = Path(__file__).parents[1]
TARGETS = (
    "tests/lane/test_member.py",
    "tests/policy/test_engine.py",
    "tests/policy/test_dfa.py",
    "tests/envoy/test_regex_modes.py",
    "tests/core/test_same_answers.py",
    "tests/differential",
)
ROUND = 600.0
"""Seconds that one round may take at most."""


def main(budget: float) -> int:
    end = time.monotonic() + budget
    first = time.time_ns() % 1_000_000
    for seed in count(first):
        command = [sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider"]
        command += [f"--hypothesis-seed={seed}", *TARGETS]
        result = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=ROUND, check=False
        )
        if result.returncode:
            print(result.stdout)
            print(f"seed {seed} finds a disagreement; make it a vector of tests/conformance")
            return 1
        print(f"seed {seed}: {result.stdout.splitlines()[-1]}", flush=True)
        if time.monotonic() > end:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 300.0))
