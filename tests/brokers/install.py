"""What the tests with real brokers run on: ``python -m tests.brokers.install``, or ask ``missing``.

Kafka comes from Maven Central into ``.tools/`` (54 MB) and needs Java 17 and Maven. RabbitMQ and
Redis are those of the machine; as root on Debian they are installed, and no service is started.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".tools"
KAFKA_VERSION = "4.1.0"
KAFKA = TOOLS / f"kafka-{KAFKA_VERSION}"

RABBITMQ_SCRIPT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""Debian's: the one in the PATH changes to a user that may not write to a test's folder."""

_TIMEOUT: Final = 600.0
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_POLICY = Path("/usr/sbin/policy-rc.d")
_POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>colorfast</groupId>
  <artifactId>kafka-for-tests</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    {dependencies}
  </dependencies>
</project>
"""


def missing() -> dict[str, str]:
    """What is not here, by broker, and what it needs."""
    return {name: reason for name, look in LOOKS.items() if (reason := look())}


def _kafka() -> str:
    if not java():
        return "it needs Java 17 or newer (`java` in the PATH)"
    if not (KAFKA / "libs").is_dir():
        needs = "" if shutil.which("mvn") else ", which needs Maven (`mvn` in the PATH)"
        return f"run `make test-brokers` to fetch it from Maven Central{needs}"
    return ""


def _rabbitmq() -> str:
    return "" if rabbitmq() else "it needs the Debian package rabbitmq-server"


def _redis() -> str:
    return "" if shutil.which("redis-server") else "it needs the Debian package redis-server"


LOOKS: Final[Mapping[str, Callable[[], str]]] = {
    "kafka": _kafka,
    "rabbitmq": _rabbitmq,
    "redis": _redis,
}


def java() -> bool:
    """Whether there is a Java that runs Kafka 4."""
    if not shutil.which("java"):
        return False
    command = ["java", "-version"]
    said = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    version = re.search(r'version "(\d+)', said.stderr)
    return version is not None and int(version[1]) >= 17


def rabbitmq() -> str | None:
    """The script that runs RabbitMQ in the foreground as the user that we are."""
    return str(RABBITMQ_SCRIPT) if RABBITMQ_SCRIPT.exists() else None


def fetch_kafka() -> None:
    """Kafka's jars and theirs into ``.tools/``, once."""
    if (KAFKA / "libs").is_dir() or not java() or not shutil.which("mvn"):
        return
    part = KAFKA.with_name(f"{KAFKA.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    artifacts = ("kafka_2.13", "kafka-tools")
    pom = part / "pom.xml"
    pom.write_text(_POM.format(dependencies="\n    ".join(map(_dependency, artifacts))))
    command = ["mvn", "-q", "-B", "-f", str(pom), f"-Dmaven.repo.local={TOOLS / 'm2'}", _COPY]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={part / 'libs'}"]
    subprocess.run(command, check=True, timeout=_TIMEOUT)
    part.rename(KAFKA)


def _dependency(artifact: str) -> str:
    inner = f"<groupId>org.apache.kafka</groupId><artifactId>{artifact}</artifactId>"
    return f"<dependency>{inner}<version>{KAFKA_VERSION}</version></dependency>"


def install_packages() -> None:
    """Debian's RabbitMQ and Redis, where we may and they are not here."""
    wanted = [f"{name}-server" for name in ("rabbitmq", "redis") if LOOKS[name]()]
    if not wanted or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *wanted]
    with no_service_starts():
        for command in (["apt-get", "update", "-qq"], install):
            subprocess.run(command, check=True, timeout=_TIMEOUT, env=env)


@contextlib.contextmanager
def no_service_starts() -> Iterator[None]:
    """While packages are installed, none may start its service: invoke-rc.d asks this file."""
    if _POLICY.exists():  # the machine has a policy of its own
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()


def main() -> int:
    """Install what is missing; say what is missing then. 1 with ``--all`` if anything is."""
    for name, step in (("Kafka", fetch_kafka), ("packages", install_packages)):
        try:
            step()
        except (OSError, subprocess.SubprocessError) as error:
            print(f"{name}: {error}", file=sys.stderr)  # noqa: T201
    lacking = missing()
    for name, reason in lacking.items():
        print(f"{name} is missing, its tests do not run: {reason}", file=sys.stderr)  # noqa: T201
    return int(bool(lacking) and "--all" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
