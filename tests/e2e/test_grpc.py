"""gRPC through a real Envoy is dyed like everything else."""

from collections.abc import Iterator
from contextlib import ExitStack
from queue import SimpleQueue

import grpc
import pytest

from helpers import policies
from helpers.envoys import DEADLINE, short_folder
from helpers.gateways import Way, running_gateway
from helpers.services import running_service
from helpers.upstreams import SERVICE, grpc_upstream

SPEC = """
rules:
- name: pc
  match: [{headers: {agent: {exact: pc}}}]
  lane: canary
"""
PC = (("agent", "pc"), ("baggage", "a=1"))
SPOOF = (("x-lane", "canary"), ("baggage", "lane=canary,a=1"))


@pytest.fixture(scope="module")
def channel() -> Iterator[grpc.Channel]:
    """A client whose server is behind Envoy."""
    policy = policies.policy(SPEC)
    with short_folder() as folder, ExitStack() as stack:
        service = stack.enter_context(running_service(folder, policies.file(SPEC)))
        for lane in ("base", "canary"):
            stack.enter_context(grpc_upstream(folder / lane, lane))
        way = Way(name="edge", policy=policy, target=service.target)
        gateway = stack.enter_context(running_gateway(folder, [way], protocol="http2"))
        target = f"unix:{gateway.listener('edge')}"
        yield stack.enter_context(grpc.insecure_channel(target))


def unary(channel: grpc.Channel) -> "grpc.UnaryUnaryMultiCallable[bytes, bytes]":
    return channel.unary_unary(f"/{SERVICE}/Unary")


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        (PC, b"canary|canary|lane=canary,a=1|hello"),
        (SPOOF, b"base||a=1|hello"),
        ((), b"base|||hello"),
        (PC + SPOOF, b"canary|canary|lane=canary,a=1,a=1|hello"),
    ],
)
def test_a_call_is_dyed(
    channel: grpc.Channel, metadata: tuple[tuple[str, str], ...], told: bytes
) -> None:
    assert unary(channel)(b"hello", metadata=metadata, timeout=DEADLINE) == told


def test_status_and_trailers_come_back(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        unary(channel)(b"fail", metadata=PC, timeout=DEADLINE)
    error = caught.value
    assert isinstance(error, grpc.Call)
    assert (error.code(), error.details()) == (grpc.StatusCode.ALREADY_EXISTS, "as asked")
    assert ("told", "canary") in [(pair[0], pair[1]) for pair in error.trailing_metadata()]


def test_a_stream_is_dyed_once_and_flows_both_ways(channel: grpc.Channel) -> None:
    messages: SimpleQueue[bytes | None] = SimpleQueue()
    stream: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(
        f"/{SERVICE}/Stream"
    )
    answers = stream(iter(messages.get, None), metadata=PC, timeout=DEADLINE)
    for number in range(20):
        # The next message is not sent before the answer to this one is here.
        messages.put(b"%d" % number)
        assert next(answers) == b"canary|canary|lane=canary,a=1|%d" % number
    messages.put(None)
    assert list(answers) == []
    assert answers.code() is grpc.StatusCode.OK


def test_calls_on_one_connection_get_their_own_lanes(channel: grpc.Channel) -> None:
    sent = [PC, SPOOF] * 20
    calls = [unary(channel).future(b"", metadata=metadata, timeout=DEADLINE) for metadata in sent]
    upstreams = [future.result(DEADLINE).partition(b"|")[0] for future in calls]
    assert upstreams == [b"canary", b"base"] * 20
