"""Brokers for the tests of this folder, which run when they are asked for: ``make test-brokers``."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

with warnings.catch_warnings():
    # kafka-python reads its own schemas by what Python deprecates.
    warnings.simplefilter("ignore", DeprecationWarning)
    import kafka  # noqa: F401

from brokers import servers
from brokers.install import missing
from brokers.process import insisting

HERE = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--need-brokers", action="store_true", help="a broker that is missing is a failure"
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    asked = [Path(config.invocation_params.dir, arg.partition("::")[0]) for arg in config.args]
    return None if any(HERE in (one, *one.parents) for one in asked) else True


def running(
    request: pytest.FixtureRequest,
    name: str,
    server: Callable[[Path], AbstractContextManager[str]],
    factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """*server*'s address while the tests run; without it they are skipped, or fail if told so."""
    if reason := missing().get(name):
        text = f"{name} is missing: {reason}"
        if request.config.getoption("--need-brokers"):
            pytest.fail(text)
        pytest.skip(text)
    with insisting(lambda: server(factory.mktemp(name))) as address:
        yield address


@pytest.fixture(scope="session")
def kafka_address(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    yield from running(request, "kafka", servers.kafka, tmp_path_factory)


@pytest.fixture(scope="session")
def rabbit_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    yield from running(request, "rabbitmq", servers.rabbit, tmp_path_factory)


@pytest.fixture(scope="session")
def redis_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    yield from running(request, "redis", servers.redis_server, tmp_path_factory)
