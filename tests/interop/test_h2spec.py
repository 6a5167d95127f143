"""h2spec, strict, against the service as it is started when nobody sets anything.

``make h2spec`` builds the tool, for which it takes Go.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

import pytest
from tls.support import files

from helpers import policies
from helpers.envoys import DEADLINE, short_folder
from helpers.processes import wait_until

TOOL: Final = Path(__file__).parents[2] / ".tools" / "h2spec"
CASES: Final = 146

EXCEPTIONS: Final[dict[str, str]] = {}
"""Cases that may fail: their names, and why. One that passes is to be taken out."""

pytestmark = pytest.mark.skipif(not TOOL.exists(), reason="make h2spec builds it (takes Go)")


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as path:
        yield path


@contextmanager
def served(folder: Path, *options: str) -> Iterator[str]:
    """``colorfast serve`` at a port of its own choice; yields the port."""
    (folder / "policy.yaml").write_text(policies.file())
    log = folder / "log"
    command = [sys.executable, "-m", "colorfast.cli", "serve", "--policy", f"{folder}/policy.yaml"]
    command += ["--listen", "127.0.0.1:0", "--admin", "none", "--transport", "http2", *options]
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            wait_until(lambda: " on 127.0.0.1:" in log.read_text(), "it serves", within=DEADLINE)
            yield log.read_text().partition(" on 127.0.0.1:")[2].split()[0]
        finally:
            process.kill()


def outcomes(folder: Path, port: str, *options: str) -> dict[str, str | None]:
    """Every case by its section and name, and what is wrong if it failed."""
    report = folder / "report.xml"
    command = [str(TOOL), "--strict", "--host", "127.0.0.1", "--port", port, "--timeout", "2"]
    command += ["--junit-report", str(report), *options]
    subprocess.run(command, stdout=subprocess.DEVNULL, timeout=300, check=False)
    found: dict[str, str | None] = {}
    for number, case in enumerate(ET.parse(report).iter("testcase")):
        # Cases of one section may have the same name.
        name = f"{case.get('package')}/{case.get('classname')}"
        failed = case.find("failure") if case.find("error") is None else case.find("error")
        said = None if failed is None else " ".join("".join(failed.itertext()).split())
        found[name if name not in found else f"{name} ({number})"] = said
    return found


@pytest.mark.parametrize("encrypted", [False, True], ids=["plaintext", "tls"])
def test_every_case_passes_but_for_the_exceptions(folder: Path, encrypted: bool) -> None:
    made = files(folder)
    tls = ["--tls-cert", str(made.server.certificate), "--tls-key", str(made.server.key)]
    with served(folder, *(tls if encrypted else ())) as port:
        found = outcomes(folder, port, *(["--tls", "--insecure"] if encrypted else ()))
    failures = {name: said for name, said in found.items() if said is not None}
    assert len(found) == CASES
    assert {name: said for name, said in failures.items() if name not in EXCEPTIONS} == {}
    assert EXCEPTIONS.keys() - failures.keys() == set()
