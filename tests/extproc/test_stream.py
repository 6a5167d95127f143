"""What initial metadata says about a stream."""

import pytest

from colorfast.extproc import PeerError, StreamOptions
from colorfast.extproc._needs import needs
from helpers import policies

READS_ALL = """
header: X-Colour
rules:
- name: everything
  match:
  - headers: {Agent: {exact: pc}}
    cookies: {beta: {present: true}}
    query: {v: {exact: "2"}}
    path: {prefix: /api/}
    method: {exact: GET}
    host: {suffix: .example.com}
    sourceIp: [10.0.0.0/8]
  lane: canary
"""


def test_a_stream_that_says_nothing_is_dyed() -> None:
    plain = StreamOptions.from_metadata([("x-forwarded-for", "192.0.2.1"), ("te", "trailers")])
    assert plain == StreamOptions(station="dye", forwards=None, metadata=False)


def test_metadata_chooses_station_forwards_and_metadata() -> None:
    chosen = StreamOptions.from_metadata(
        [
            ("colorfast-station", "carry"),
            ("colorfast-forwards", "x-lane, Baggage,,source.address"),
            ("colorfast-metadata", "on"),
            ("colorfast-later-bin", b"\x00"),
        ]
    )
    assert chosen == StreamOptions(
        station="carry",
        forwards=frozenset({"x-lane", "baggage", "source.address"}),
        metadata=True,
    )


def test_equal_metadata_gives_the_same_object() -> None:
    pairs = [("colorfast-station", "carry")]
    first = StreamOptions.from_metadata(pairs)
    assert StreamOptions.from_metadata([*pairs, ("x-request-id", "1")]) is first


@pytest.mark.parametrize("station", ["", "Dye", "hop"])
def test_a_station_that_does_not_exist_is_the_peers_error(station: str) -> None:
    with pytest.raises(PeerError) as caught:
        StreamOptions.from_metadata([("colorfast-station", station)])
    assert (caught.value.code, caught.value.grpc_status) == ("CF605", 3)


def test_a_station_needs_what_its_part_of_the_policy_reads() -> None:
    policy = policies.policy(READS_ALL)
    headers = {"agent", "cookie", ":path", ":method", ":authority", "source.address", "baggage"}
    assert needs(policy, "dye") == headers
    assert needs(policy, "carry") == {"x-colour", "baggage"}


def test_an_edge_that_accepts_reads_the_lane_header_too() -> None:
    policy = policies.policy("edge: {client: accept, accept: [canary]}")
    assert needs(policy, "dye") == {"x-lane", "baggage"}
