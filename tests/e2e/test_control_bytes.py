"""Whatever bytes Envoy lets in, no request fails for what the service makes of them."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from colorfast.envoy import Json
from helpers import policies
from helpers.clients import Client, Line, Reply, at_once, http1, http2
from helpers.envoys import short_folder
from helpers.gateways import Gateway, Way, echo_gateway
from helpers.services import Service, running_service

SPEC = """
rules:
- name: pc
  match: [{headers: {agent: {exact: pc}}}]
  lane: canary
"""
PC = (b"agent", b"pc")
CONTROLS = [*range(0x20), 0x7F]
OBS_TEXT = range(0x80, 0x100)
STATIONS = ("dye", "carry")
LARGEST = 60 * 1024
"""Envoy's default for all headers of a request together."""

# Envoy lets no control byte in. A filter in front of ours may still make one.
SMUGGLED = "a=1\\1b,c=\\127"


def lua(source: str) -> Json:
    return {
        "name": "lua",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": {"inline_string": source},
        },
    }


def smuggler() -> Json:
    replace = f'request_handle:headers():replace("baggage", "{SMUGGLED}")'
    return lua(f"function envoy_on_request(request_handle) {replace} end")


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with short_folder() as folder, running_service(folder, policies.file(SPEC)) as started:
        yield started


@pytest.fixture(scope="module")
def gateway(service: Service) -> Iterator[Gateway]:
    policy = policies.policy(SPEC)
    ways = [
        Way(name=f"{name}{station}", policy=policy, target=service.target, before=before, options=o)
        for station in STATIONS
        for o in [{"station": station}]
        for name, before in (("", ()), ("smuggled-", (smuggler(),)))
    ]
    with short_folder() as folder, ExitStack() as stack:
        yield stack.enter_context(echo_gateway(folder, ways))


@pytest.fixture(params=[http1, http2])
def client(request: pytest.FixtureRequest) -> Client:
    chosen: Client = request.param
    return chosen


def dyed(value: bytes) -> list[Line]:
    """A request that is dyed at an entrance and carried at a hop, with *value* as baggage."""
    return [PC, (b"x-lane", b"canary"), (b"baggage", value)]


def left(reply: Reply) -> tuple[str, list[bytes]]:
    return reply.seen.upstream, reply.seen.header(b"baggage")


@pytest.mark.parametrize("station", STATIONS)
def test_bytes_above_ascii_are_dyed_and_kept(
    gateway: Gateway, client: Client, station: str
) -> None:
    values = [b"a=1%c2,b=%c" % (byte, byte) for byte in OBS_TEXT] + [bytes(OBS_TEXT)]
    replies = at_once(client, gateway.listener(station), map(dyed, values))
    wanted = [("canary", [b"lane=canary," + value]) for value in values]
    assert [left(reply) for reply in replies] == wanted


def test_bytes_above_ascii_stay_when_the_spoof_goes(gateway: Gateway, client: Client) -> None:
    values = [b"a=1%c2" % byte for byte in OBS_TEXT]
    requests = [[(b"baggage", value + b",lane=canary\xff")] for value in values]
    replies = at_once(client, gateway.listener("dye"), requests)
    assert [left(reply) for reply in replies] == [("base", [value]) for value in values]


@pytest.mark.parametrize("station", STATIONS)
def test_no_control_byte_fails_a_request_that_envoy_lets_in(
    gateway: Gateway, client: Client, station: str
) -> None:
    values = [b"a=1%c2" % byte for byte in CONTROLS]
    replies = at_once(client, gateway.listener(station), map(dyed, values))
    got = {
        byte: reply.status if reply.status != 200 else left(reply)
        for byte, reply in zip(CONTROLS, replies, strict=True)
    }
    refused = 400 if client is http1 else 0  # over HTTP/2 the connection ends
    wanted = dict.fromkeys(CONTROLS, refused) | {0x09: ("canary", [b"lane=canary,a=1\t2"])}
    if client is http1:  # Envoy takes a lone CR out
        wanted[0x0D] = ("canary", [b"lane=canary,a=12"])
    assert got == wanted


@pytest.mark.parametrize("station", STATIONS)
def test_a_control_byte_that_got_in_is_never_written(
    gateway: Gateway, service: Service, station: str
) -> None:
    before = service.metric("colorfast_extproc_refused_values_total")
    reply = http1(gateway.listener(f"smuggled-{station}"), dyed(b""))
    assert left(reply) == ("canary", [b"lane=canary"])
    assert service.metric("colorfast_extproc_refused_values_total") == before + 1
    assert gateway.stats(f"smuggled-{station}")["rejected_header_mutations"] == 0


@pytest.mark.parametrize("station", STATIONS)
def test_baggage_of_any_size_that_envoy_lets_in_is_dyed(gateway: Gateway, station: str) -> None:
    sizes = range(LARGEST - 2048, LARGEST, 64)
    requests = [dyed(b"a=" + b"x" * size) for size in sizes]
    replies = at_once(http1, gateway.listener(station), requests)
    admitted = [reply for reply in replies if reply.status != 431]
    assert 10 < len(admitted) < len(replies)
    assert {left(reply)[0] for reply in admitted} == {"canary"}
    assert all(line.startswith(b"lane=canary") for reply in admitted for line in left(reply)[1])
