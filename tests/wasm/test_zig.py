"""The core's own tests, in Zig: units, allocation failures, bounded fuzzing."""

import re
import subprocess
import sys

import pytest

from colorfast.wasm import _build

AT_LEAST = 35


@pytest.fixture(scope="module", autouse=True)
def zig() -> None:
    try:
        _build._check_version()
    except _build.BuildError as error:
        pytest.skip(str(error))


def test_the_core_passes_its_own_tests() -> None:
    told = _build.zig("test", "tests.zig", cache=_build.ROOM / ".zig-cache")
    passed = re.search(r"All (\d+) tests passed", told)
    assert passed, told
    assert int(passed[1]) >= AT_LEAST


def test_the_sources_are_laid_out_as_zig_does() -> None:
    command = [sys.executable, "-m", "ziglang", "fmt", "--check", str(_build.SOURCES)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stdout
