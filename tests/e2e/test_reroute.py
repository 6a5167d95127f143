"""The route is picked again by the lane that the service wrote, and by nothing else."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from colorfast.envoy import Json, bootstrap
from helpers import policies
from helpers.clients import Line, Reply, http1
from helpers.envoys import short_folder
from helpers.gateways import Gateway, Way, echo_gateway
from helpers.services import running_service

SPEC = """
lanes: [base, canary, blue]
rules:
- name: pc
  match: [{headers: {agent: {exact: pc}}}]
  lane: blue
"""
ACCEPT = SPEC + "edge: {client: accept, accept: [canary]}"
PC: Line = (b"agent", b"pc")
MARK = "x-settings-of"
"""A header that tells whose per-route settings a filter behind ours has used."""


def lane(value: bytes) -> Line:
    return (b"x-lane", value)


def baggage(value: bytes) -> Line:
    return (b"baggage", value)


def marker() -> Json:
    message = "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation"
    return {"name": "marker", "typed_config": {"@type": f"type.googleapis.com/{message}"}}


def marks(value: str) -> Json:
    message = "envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute"
    mutation = {"append": {"header": {"key": MARK, "value": value}}}
    settings = {
        "@type": f"type.googleapis.com/{message}",
        "mutations": {"request_mutations": [mutation]},
    }
    return {"typed_per_filter_config": {"marker": settings}}


def opted_out(name: str) -> Json:
    """A route for ``/plain`` on which the service is not asked."""
    off = {"@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", "disabled": True}
    route = bootstrap.route(f"{name}.plain", "base") | {
        "typed_per_filter_config": {"colorfast.dye": off}
    }
    route["match"] = {"prefix": "/plain"}
    return route


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    settings = {name: marks(name) for name in ("canary", "blue")}
    drop, accept = policies.policy(SPEC), policies.policy(ACCEPT)
    with short_folder() as folder, ExitStack() as stack:
        dropping, accepting = (
            stack.enter_context(running_service(folder, policies.file(spec), name=name)).target
            for name, spec in (("dropping", SPEC), ("accepting", ACCEPT))
        )
        dye = Way(
            name="dye",
            policy=drop,
            target=dropping,
            routes=(opted_out("dye"),),
            behind=(marker(),),
            lane_settings=settings,
        )
        carry = Way(
            name="carry",
            policy=drop,
            target=dropping,
            options={"station": "carry"},
            behind=(marker(),),
            lane_settings=settings,
        )
        choose = Way(name="choose", policy=accept, target=accepting)
        yield stack.enter_context(echo_gateway(folder, [dye, carry, choose]))


def ask(gateway: Gateway, name: str, *lines: Line, target: bytes = b"/") -> Reply:
    return http1(gateway.listener(name), lines, target=target)


@pytest.mark.parametrize(
    ("way", "lines", "upstream"),
    [
        ("dye", [PC], "blue"),
        ("dye", [PC, lane(b"canary"), baggage(b"lane=canary")], "blue"),
        ("dye", [lane(b"canary")], "base"),
        ("dye", [baggage(b"lane=canary")], "base"),
        ("carry", [baggage(b"lane=canary")], "canary"),
        ("carry", [baggage(b"a=1,lane=canary;p=1,b=2")], "canary"),
        ("carry", [lane(b"canary")], "canary"),
        ("carry", [lane(b"blue"), baggage(b"lane=canary")], "canary"),
        ("carry", [lane(b"blue"), lane(b"blue"), baggage(b"lane=canary")], "canary"),
        ("carry", [lane(b"canary"), baggage(b"lane=base")], "base"),
        ("carry", [lane(b"blue"), baggage(b"lane=base,lane=canary")], "canary"),
        ("carry", [PC], "base"),
        ("choose", [baggage(b"lane=canary")], "canary"),
        ("choose", [lane(b"canary"), PC], "canary"),
        ("choose", [lane(b"blue")], "base"),
        ("choose", [lane(b"base"), PC], "blue"),
    ],
)
def test_the_lane_that_was_written_routes(
    gateway: Gateway, way: str, lines: list[Line], upstream: str
) -> None:
    seen = ask(gateway, way, *lines).seen
    assert seen.upstream == upstream
    if upstream != "base":
        assert seen.header(b"x-lane") == [upstream.encode()]


@pytest.mark.parametrize(
    ("way", "lines", "mark"),
    [
        ("dye", [PC], [b"blue"]),
        ("dye", [PC, lane(b"canary")], [b"blue"]),
        ("dye", [lane(b"canary")], []),
        ("carry", [baggage(b"lane=canary")], [b"canary"]),
        ("carry", [lane(b"blue"), baggage(b"lane=canary")], [b"canary"]),
        ("carry", [], []),
    ],
)
def test_filters_behind_have_the_settings_of_the_new_route(
    gateway: Gateway, way: str, lines: list[Line], mark: list[bytes]
) -> None:
    assert ask(gateway, way, *lines).seen.header(MARK.encode()) == mark


def test_a_route_may_opt_out_and_is_stripped_all_the_same(gateway: Gateway) -> None:
    lines = [PC, lane(b"canary"), baggage(b"a=1,lane=canary")]
    seen = ask(gateway, "dye", *lines, target=b"/plain").seen
    assert (seen.upstream, seen.header(b"x-lane")) == ("base", [])
    assert seen.header(b"baggage") == [b"a=1"]
