"""What is missing is said; what is there is left alone."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from brokers import install, process


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(install, "RABBITMQ_SCRIPT", tmp_path / "none")
    assert install.missing() == {
        "kafka": "it needs Java 17 or newer (`java` in the PATH)",
        "rabbitmq": "it needs the Debian package rabbitmq-server",
        "redis": "it needs the Debian package redis-server",
    }


def test_a_machine_that_has_all_is_not_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_command(*_: object, **__: object) -> None:
        pytest.fail("it has run something")

    if install.missing():
        pytest.skip(f"not here: {', '.join(install.missing())}")
    monkeypatch.setattr(install, "java", lambda: True)
    monkeypatch.setattr(subprocess, "run", no_command)
    monkeypatch.setattr(sys, "argv", ["install", "--all"])
    assert install.main() == 0


def test_no_service_starts_while_packages_are_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    policy = tmp_path / "policy-rc.d"
    monkeypatch.setattr(install, "_POLICY", policy)
    with install.no_service_starts():
        assert subprocess.run([str(policy)], check=False, timeout=60).returncode == 101
    assert not policy.exists()
    policy.write_text("the machine's own")
    with install.no_service_starts():
        assert policy.read_text() == "the machine's own"
    assert policy.exists()


def test_a_program_that_ends_at_once_is_tried_again(tmp_path: Path) -> None:
    tries: list[str] = []

    @contextlib.contextmanager
    def start() -> Iterator[str]:
        tries.append(command := "false" if len(tries) < 2 else "sleep 60")
        # `false` is never ready; whoever sleeps is.
        with process.running("it", command.split(), tmp_path, lambda: command != "false"):
            yield command

    with process.insisting(start) as found:
        assert found == "sleep 60"
    assert tries == ["false", "false", "sleep 60"]
    with pytest.raises(process.Ended), process.insisting(lambda: ended(tmp_path)):
        pass


@contextlib.contextmanager
def ended(folder: Path) -> Iterator[str]:
    with process.running("it", ["false"], folder, lambda: False):
        yield ""
