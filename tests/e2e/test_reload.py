"""A policy is swapped under load: no request fails, none is decided half by each policy."""

from collections.abc import Iterator

import pytest

from colorfast.policy import load_policy
from helpers import policies
from helpers.clients import Line, http1
from helpers.envoys import short_folder
from helpers.gateways import Gateway, Way, echo_gateway
from helpers.load import Load
from helpers.processes import wait_until
from helpers.services import Service, running_service

LANES = "lanes: [base, a-lane, b-lane]\n"
# Everything that a decision writes differs: lane header, member, what is kept of baggage, route.
A = policies.file(LANES + "default: a-lane")
B = policies.file(LANES + "default: b-lane\nedge: {baggage: {keep: false}}")
BROKEN = A.replace("default: a-lane", "default: nobody")
SWAPS = 6

SENT: list[Line] = [(b"baggage", b"keep=1"), (b"baggage", b"lane=base")]
BY_A = ("a-lane", (b"a-lane",), (b"lane=a-lane,keep=1",))
BY_B = ("b-lane", (b"b-lane",), (b"lane=b-lane",))


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with short_folder() as folder, running_service(folder, A) as started:
        yield started


@pytest.fixture(scope="module")
def gateway(service: Service) -> Iterator[Gateway]:
    way = Way(name="edge", policy=load_policy(A).policy, target=service.target)
    with short_folder() as folder, echo_gateway(folder, [way]) as started:
        yield started


@pytest.fixture
def on_a(service: Service) -> Iterator[None]:
    """The service serves A before and after the test."""
    yield
    service.swap(A)
    wait_served(service, A)


def digest(policy: str) -> str:
    return load_policy(policy).policy.digest


def wait_served(service: Service, policy: str) -> None:
    wait_until(
        lambda: (
            (shown := service.shown())["digest"] == digest(policy) and shown["lastRefusal"] is None
        ),
        "the policy is served",
    )


def reloads(service: Service, result: str) -> float:
    return service.metric(f'colorfast_policy_reloads_total{{result="{result}"}}')


@pytest.mark.usefixtures("on_a")
def test_every_request_is_wholly_of_the_old_or_of_the_new_policy(
    gateway: Gateway, service: Service
) -> None:
    taken = reloads(service, "success")
    with Load(gateway.listener("edge"), SENT) as load:
        for policy, outcome in [(B, BY_B), (A, BY_A)] * SWAPS:
            before = load.outcomes[outcome]
            service.swap(policy)
            wait_served(service, policy)
            wait_until(lambda: load.outcomes[outcome] > before, "it decides")  # noqa: B023
    assert set(load.outcomes) == {BY_A, BY_B}
    assert reloads(service, "success") == taken + 2 * SWAPS
    assert gateway.stats("edge")["failure_mode_allowed"] == 0


@pytest.mark.usefixtures("on_a")
def test_a_policy_that_is_served_decides_every_request_from_then_on(
    gateway: Gateway, service: Service
) -> None:
    service.swap(B)
    wait_served(service, B)
    with Load(gateway.listener("edge"), SENT) as load:
        wait_until(lambda: load.outcomes.total() > 100, "some requests")
    assert set(load.outcomes) == {BY_B}


@pytest.mark.usefixtures("on_a")
def test_a_broken_file_changes_nothing_and_is_reported(gateway: Gateway, service: Service) -> None:
    refused = reloads(service, "refused")
    with Load(gateway.listener("edge"), SENT) as load:
        service.swap(BROKEN)
        wait_until(lambda: service.shown()["lastRefusal"] is not None, "it is refused")
        before = load.outcomes[BY_A]
        wait_until(lambda: load.outcomes[BY_A] > before + 50, "requests go on")
    assert set(load.outcomes) == {BY_A}
    shown = service.shown()
    assert shown["digest"] == digest(A)
    assert [finding["code"] for finding in shown["lastRefusal"]["diagnostics"]] != []
    assert reloads(service, "refused") == refused + 1
    assert any("CF602" in line for line in service.log())


@pytest.mark.usefixtures("on_a")
def test_a_file_that_is_gone_changes_nothing(gateway: Gateway, service: Service) -> None:
    service.file.unlink()
    wait_until(lambda: reloads(service, "unreadable") > 0, "it is missed")
    seen = http1(gateway.listener("edge"), SENT).seen
    assert (seen.upstream, tuple(seen.header(b"baggage"))) == (BY_A[0], BY_A[2])
