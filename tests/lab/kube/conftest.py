"""A real control plane for the tests of this folder, which run when asked for: ``make lab-kube``."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from lab.kube import build
from lab.kube._nodes import Nodes, define_routes, running_nodes
from lab.kube._pods import ROOT, namespace
from lab.kube._prometheus import Prometheus, running_prometheus
from lab.kube._record import Watches, watching
from lab.kube._rig import Cluster, running_cluster

HERE = Path(__file__).parent
_SPACES = itertools.count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record", action="store_true", help="keep what was played for `make test`")
    parser.addoption(
        "--plays", default="", help="a regular expression: of releases, only these plays"
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    asked = [Path(config.invocation_params.dir, arg.partition("::")[0]) for arg in config.args]
    return None if any(HERE in (one, *one.parents) for one in asked) else True


def alone() -> bool:
    """Whether nothing but loopback is here: what listens on every address reaches nobody."""
    lines = Path("/proc/net/dev").read_text().splitlines()[2:]
    return {line.partition(":")[0].strip() for line in lines} <= {"lo"}


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A control plane for all tests of a process; each test has namespaces of its own."""
    if not alone():
        pytest.skip("it runs in a network namespace of its own: make lab-kube")
    lacking = {one: why for one, why in build.missing().items() if one in build.CORE}
    if lacking:
        pytest.skip("; ".join(f"{one} is missing: {why}" for one, why in lacking.items()))
    with running_cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def defined(cluster: Cluster) -> Cluster:
    """The control plane, with our definitions."""
    for file in sorted((ROOT / "k8s" / "crds").glob("*.yaml")):
        cluster.define(*yaml.safe_load_all(file.read_text()))
    return cluster


@pytest.fixture(scope="session")
def nodes(defined: Cluster) -> Iterator[Nodes]:
    """What release controllers need besides: routes' kinds, Deployments, pods that get ready."""
    if why := build.missing().get("kube-controller-manager"):
        pytest.skip(f"kube-controller-manager is missing: {why}")
    define_routes(defined)
    defined.start_controllers()
    with running_nodes(defined) as nodes:
        yield nodes


@pytest.fixture(scope="session")
def watches(nodes: Nodes, defined: Cluster) -> Iterator[Watches]:
    """What is written anywhere, for who plays releases."""
    with watching(defined) as watches:
        yield watches


@pytest.fixture(scope="session")
def prometheus() -> Iterator[Prometheus]:
    """Who is asked by what measures releases."""
    with running_prometheus() as prometheus:
        yield prometheus


@pytest.fixture
def space(defined: Cluster) -> str:
    """A namespace for one test, with the service account and its Role."""
    name = f"test-{next(_SPACES)}"
    namespace(defined, name)
    return name
