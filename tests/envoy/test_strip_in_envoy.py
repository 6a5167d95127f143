"""A drop edge strips the client's lane in a real Envoy, also when the service is dead."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from colorfast.envoy import (
    EnvoyVersion,
    ExtProcOptions,
    Json,
    bootstrap,
    ext_proc_chain,
    extproc_cluster,
)
from colorfast.lane import Member, join_lines
from colorfast.policy import Policy, load_policy
from helpers.envoys import Seen, echo_upstream, running_envoy, send, send_http2, short_folder

HEAD = "apiVersion: colorfast.dev/v1alpha1\nkind: LanePolicy\nmetadata: {name: edge}\nspec:\n"
DROP = load_policy(HEAD + "  lanes: [base, canary]").policy
NOT_KEPT = load_policy(HEAD + "  lanes: [base]\n  edge: {baggage: {keep: false}}").policy
ACCEPT = load_policy(
    HEAD + "  lanes: [base, canary]\n  edge: {client: accept, accept: [canary]}"
).policy
EDGES = {"drop": DROP, "drop-before-1.38": DROP, "not-kept": NOT_KEPT, "accept": ACCEPT}
DROPS = ("drop", "drop-before-1.38")

SPOOFS = [
    [b"lane=canary"],
    [b"lane=canary,a=1"],
    [b"a=1,lane=canary"],
    [b"a=1,lane=canary,b=2"],
    [b"a=1", b"lane=canary"],
    [b"lane=canary", b"a=1"],
    [b"a=1", b"lane=canary", b"b=2", b"lane=x"],
    [b"lane=canary,lane=canary,lane=base"],
    [b"lane=x,a=1,lane=y,b=2,lane=z"],
    [b"lane\t= canary ;p=1;q, a=1"],
    [b"a=1 , \t lane =canary"],
    [b"a=1 ,lane=canary,  "],
    [b"lane=canary,,"],
    [b",,lane=canary"],
    [b"lane=,a=1"],
    [b"lane=canary;lane=canary,a=1"],
    [b"xlane=1,lane=canary,lane2=2,LANE=3"],
    [b'a="q,lane=canary,b"'],
    [b"a=%2C,lane=%63anary"],
    ["ä=1,lane=canary,ü=2".encode()],
    [b"a=" + b"x" * 4000 + b",lane=canary," + b"b" * 3000],
    [b",".join(b"k%d=v" % n for n in range(100)), b"lane=canary"],
]
RAW = [
    [b"lane=\xff"],
    [b"\xff,lane=canary"],
    [b"a=\xff", b"lane=canary", b"b=\xfe"],
    [b"lane=canary\xff;p,a=1"],
    [b"lane=\xff,lane=canary,\xfflane=1"],
    [b"a=1,lane=x\xff,lane=y\xc3,b=2"],
    [b"\xe2\x82,lane=canary\xe2\x82"],
    [b"a=\xff \t", b"lane=\xff"],
]
FOREIGN = [
    [b"a=1"],
    [b"xlane=canary"],
    [b"lane2=canary"],
    [b"a=1;lane=canary"],
    [b"lane"],
    [b"lane;x=1"],
    [b"LANE=canary"],
    [b"a=1,", b" ,b=2"],
    [b"a=\xff, lane"],
    [b"a= 1;p ", b"b"],
]


@pytest.fixture(scope="module")
def edges() -> Iterator[Path]:
    """One Envoy with a listener for each edge. Nobody listens where the service should be."""
    with short_folder() as folder, ExitStack() as stack:
        for upstream in ("base", "canary"):
            stack.enter_context(echo_upstream(folder / upstream, upstream))
        stack.enter_context(running_envoy(_config(folder)))
        yield folder


def _config(folder: Path) -> Json:
    options = ExtProcOptions(target=f"unix:{folder}/nobody")
    clusters = [bootstrap.cluster(name, f"unix:{folder}/{name}") for name in ("base", "canary")]
    return bootstrap.bootstrap(
        admin=f"unix:{folder}/admin",
        listeners=[_edge(name, folder, policy, options) for name, policy in EDGES.items()],
        clusters=[*clusters, extproc_cluster(options)],
    )


def _edge(name: str, folder: Path, policy: Policy, options: ExtProcOptions) -> Json:
    routes = [
        bootstrap.route(f"{name}.canary", "canary", headers={policy.header: "canary"}),
        bootstrap.route(f"{name}.base", "base"),
    ]
    hosts = [bootstrap.virtual_host(name, routes)]
    if name.endswith("before-1.38"):
        options = replace(options, envoy=EnvoyVersion(1, 37))
    chain = ext_proc_chain(policy, options)
    manager = bootstrap.connection_manager(name, hosts, chain)
    return bootstrap.listener(name, f"unix:{folder}/{name}.edge", manager)


def ask(folder: Path, edge: str, *lines: tuple[bytes, bytes]) -> Seen:
    return send(f"{folder}/{edge}.edge", list(lines))


@pytest.mark.parametrize("edge", DROPS)
@pytest.mark.parametrize("lines", SPOOFS)
def test_a_spoofed_member_leaves_exactly_the_rest(
    edges: Path, edge: str, lines: list[bytes]
) -> None:
    seen = ask(edges, edge, *((b"baggage", line) for line in lines))
    rest = Member().strip(join_lines(lines))
    assert seen.header(b"baggage") == ([rest] if rest else [])
    assert seen.upstream == "base"


@pytest.mark.parametrize("lines", RAW)
def test_raw_bytes_hide_no_member(edges: Path, lines: list[bytes]) -> None:
    seen = ask(edges, "drop", *((b"baggage", line) for line in lines))
    left = join_lines(seen.header(b"baggage"))
    assert not Member().read(left).values
    assert left == Member().strip(join_lines(lines))


@pytest.mark.parametrize("lines", FOREIGN)
def test_foreign_baggage_stays_byte_for_byte(edges: Path, lines: list[bytes]) -> None:
    seen = ask(edges, "drop", *((b"Baggage", line) for line in lines))
    assert seen.header(b"baggage") == [line.strip(b" ") for line in lines]


@pytest.mark.parametrize("name", [b"x-lane", b"X-Lane"])
@pytest.mark.parametrize("copies", [1, 2])
def test_a_spoofed_header_is_neither_routed_nor_forwarded(
    edges: Path, name: bytes, copies: int
) -> None:
    seen = ask(edges, "drop", *([(name, b"canary")] * copies))
    assert seen.upstream == "base"
    assert not seen.header(b"x-lane")


def test_http2_is_stripped_like_http1(edges: Path) -> None:
    lines = [(b"x-lane", b"canary"), (b"baggage", b"a=1"), (b"baggage", b"lane=canary")]
    seen = send_http2(f"{edges}/drop.edge", lines)
    assert (seen.upstream, seen.header(b"x-lane")) == ("base", [])
    assert seen.header(b"baggage") == [b"a=1"]


@pytest.mark.parametrize(("size", "left"), [(8191, 1), (8192, 0)])
def test_beyond_8_kib_of_rest_all_of_it_goes(edges: Path, size: int, left: int) -> None:
    seen = ask(edges, "drop", (b"baggage", b"lane=canary,a=" + b"x" * (size - 2)))
    assert len(seen.header(b"baggage")) == left


def test_header_and_member_at_once_are_both_gone(edges: Path) -> None:
    seen = ask(edges, "drop", (b"x-lane", b"canary"), (b"baggage", b"lane=canary,a=1"))
    assert (seen.upstream, seen.header(b"x-lane")) == ("base", [])
    assert seen.header(b"baggage") == [b"a=1"]


def test_an_edge_that_keeps_no_baggage_removes_it_with_the_spoof(edges: Path) -> None:
    assert not ask(edges, "not-kept", (b"baggage", b"lane=canary,a=1")).header(b"baggage")
    assert ask(edges, "not-kept", (b"baggage", b"a=1")).header(b"baggage") == [b"a=1"]


def test_an_edge_that_accepts_lanes_strips_nothing_by_itself(edges: Path) -> None:
    seen = ask(edges, "accept", (b"x-lane", b"canary"), (b"baggage", b"lane=canary"))
    assert seen.upstream == "canary"
    assert seen.header(b"baggage") == [b"lane=canary"]
