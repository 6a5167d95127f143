"""What npm's validators say about objects, all of them in one process."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest
from validators.install import HERE, missing

Verdicts = dict[str, list[str] | None]
"""By name what is wrong with an object: nothing, or None where no package knows its kind."""


def need_validators() -> None:
    """Skip the test where they cannot run, and say why."""
    if reason := missing():
        pytest.skip(f"no validators: {reason}")


def judge(objects: Mapping[str, Any]) -> Verdicts:
    """Hold *objects* to their kinds' schemas and types."""
    node = shutil.which("node")
    assert node is not None
    done = subprocess.run(
        [node, str(HERE / "validate.mjs")],
        input=json.dumps(objects),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    verdicts: Verdicts = json.loads(done.stdout)
    return verdicts
