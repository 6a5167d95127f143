"""``colorfast release demo`` as a command; tests/mesh plays the releases."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.processes import DEADLINE, alive, descendants, wait_until

COMMAND = str(Path(sys.executable).with_name("colorfast"))

REFUSED = {
    "a controller that moves routes": ["--controller", "flagger"],
    "a step that the plan does not have": ["--give-up-after", "12"],
    "the last step": ["--give-up-after", "9"],
}


@pytest.mark.parametrize("arguments", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_played_is_said_before_anything_is_started(arguments: list[str]) -> None:
    command = [COMMAND, "release", "demo", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "CF617: the demo does not play " in done.stderr


def test_a_demo_that_is_ended_leaves_nothing_behind() -> None:
    with subprocess.Popen([COMMAND, "release", "demo"], stdout=subprocess.DEVNULL) as demo:
        wait_until(lambda: len(descendants(demo.pid)) > 3, "some processes run")
        children = descendants(demo.pid)
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(DEADLINE) == 130
    assert not [pid for pid in children if alive(pid)]
