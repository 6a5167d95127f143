"""The script in a real Envoy, where the corpus does not reach."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from colorfast.envoy import Chain, Json, LuaOptions, bootstrap, lua_chain
from colorfast.policy import InvalidInput, Policy
from helpers.envoys import (
    Seen,
    echo_upstream,
    get,
    running_envoy,
    send,
    send_http2,
    short_folder,
    validate,
)
from helpers.policies import from_data, policy

CROWD = [f"n{i}" for i in range(20)]


def crowd(source: str) -> Policy:
    """A look-up by each of many names: the script goes by the names that the request has."""
    rules = [
        {"name": name, "match": [{source: {name: {"exact": "x"}}}], "lane": "canary"}
        for name in CROWD
    ]
    return from_data({"lanes": ["base", "canary"], "default": "base", "rules": rules})


OFFICE = policy("rules: [{name: office, match: [{sourceIp: [10.0.0.0/8]}], lane: canary}]")
EDGES = {
    "headers": (crowd("headers"), LuaOptions()),
    "cookies": (crowd("cookies"), LuaOptions()),
    "query": (crowd("query"), LuaOptions()),
    "client": (OFFICE, LuaOptions(source_address="client")),
    "peer": (OFFICE, LuaOptions(source_address="peer")),
    "dice": (
        policy("""
            rules:
            - name: dice
              split: {by: [{header: u}], weights: {canary: 5000, base: 5000}, otherwise: random}
            """),
        LuaOptions(),
    ),
}


def listener(name: str, folder: Path, chain: Chain) -> Json:
    routes = [
        bootstrap.route(f"{name}.canary", "canary", headers={"x-lane": "canary"}),
        bootstrap.route(f"{name}.base", "base"),
    ]
    manager = bootstrap.connection_manager(name, [bootstrap.virtual_host(name, routes)], chain)
    return bootstrap.listener(name, f"unix:{folder}/{name}", manager)


def configuration(folder: Path) -> Json:
    chains = {name: lua_chain(of, options) for name, (of, options) in EDGES.items()}
    return bootstrap.bootstrap(
        admin=f"unix:{folder}/admin",
        listeners=[listener(name, folder, chain) for name, chain in chains.items()],
        clusters=[bootstrap.cluster(name, f"unix:{folder}/to-{name}") for name in LANES],
    )


LANES = ("base", "canary")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with short_folder() as folder, ExitStack() as stack:
        for lane in LANES:
            stack.enter_context(echo_upstream(folder / f"to-{lane}", lane))
        stack.enter_context(running_envoy(configuration(folder)))
        yield folder


def ask(folder: Path, name: str, *lines: tuple[bytes, bytes], target: bytes = b"/") -> Seen:
    return send(f"{folder}/{name}", list(lines), target=target)


def test_a_crowd_of_headers(folder: Path) -> None:
    assert ask(folder, "headers", (b"a", b"1"), (b"n19", b"x"), (b"b", b"2")).upstream == "canary"
    assert ask(folder, "headers", (b"N0", b"x")).upstream == "canary"
    assert ask(folder, "headers", (b"n3", b"y"), (b"n4", b"x")).upstream == "canary"
    assert ask(folder, "headers", (b"n3", b"x"), (b"n3", b"x")).upstream == "base"
    assert ask(folder, "headers", (b"n20", b"x")).upstream == "base"


def test_a_crowd_of_cookies(folder: Path) -> None:
    assert ask(folder, "cookies", (b"cookie", b"a=1; n7=x; b")).upstream == "canary"
    assert ask(folder, "cookies", (b"cookie", b"n7=y"), (b"cookie", b"n8=x")).upstream == "canary"
    assert ask(folder, "cookies", (b"cookie", b"n7=y; n7=x")).upstream == "base"


def test_a_crowd_of_parameters(folder: Path) -> None:
    assert ask(folder, "query", target=b"/?a&n%37=%78&b=1").upstream == "canary"
    assert ask(folder, "query", target=b"/?n7=y&n7=x").upstream == "base"


def test_http2_splits_cookies_and_envoy_joins_them(folder: Path) -> None:
    lines = [(b"cookie", b"a=1"), (b"cookie", b"n7=x")]
    assert send_http2(f"{folder}/cookies", lines).upstream == "canary"


def test_the_address_is_the_clients_or_the_peers(folder: Path) -> None:
    forwarded = (b"x-forwarded-for", b"10.1.2.3")
    assert ask(folder, "client", forwarded).upstream == "canary"
    assert ask(folder, "peer", forwarded).upstream == "base"


def test_envoy_lets_a_script_draw(folder: Path) -> None:
    lanes = {ask(folder, "dice").upstream for _ in range(40)}
    assert lanes == {"base", "canary"}


def test_no_script_has_failed(folder: Path) -> None:
    # The last test here: it looks at what the others have done.
    for name in EDGES:
        ask(folder, name, (b"baggage", b"lane=canary"), (b"cookie", b"\xff=;"), target=b"/?%")
    stats = get(f"{folder}/admin", "/stats?filter=lua.colorfast.errors")[1].splitlines()
    assert len(stats) == len(EDGES)
    assert all(line.endswith(": 0") for line in stats)


def test_envoy_accepts_a_script_that_reads_everything() -> None:
    everything = policy("""
        lanes: [base, canary, 'pr-*']
        edge: {client: accept, accept: [canary, 'pr-*'], baggage: {maxBytes: 4096}}
        rules:
        - name: r
          match:
          - headers: {a: {regex: 'v[0-9]+', ignoreCase: true}, b: {in: [x, 'y"\\\\']}}
            cookies: {c: {prefix: é}}
            query: {d: {contains: x, not: true}}
            path: {suffix: .html}
            method: {exact: GET}
            host: {exact: shop.example.com}
            sourceIp: [10.0.0.0/8, '2001:db8::/32']
          split: {by: [{header: u}, {cookie: u}, sourceIp], weights: {canary: 1, base: 9999}}
        """)
    with short_folder() as folder:
        chains = {
            "dye": lua_chain(everything, LuaOptions(metadata=True, fallback=True)),
            "carry": lua_chain(everything, LuaOptions(station="carry", metadata=True)),
        }
        validate(
            bootstrap.bootstrap(
                admin=f"unix:{folder}/admin",
                listeners=[listener(name, folder, chain) for name, chain in chains.items()],
                clusters=[bootstrap.cluster(name, f"unix:{folder}/{name}") for name in LANES],
            )
        )


def test_only_an_edge_that_drops_strips_early() -> None:
    accepting = policy("edge: {client: accept, accept: [canary]}")
    assert len(lua_chain(policy(), LuaOptions()).early) == 1
    assert lua_chain(accepting, LuaOptions()).early == ()
    assert lua_chain(policy(), LuaOptions(station="carry")).early == ()


def test_a_policy_that_no_script_can_hold_is_refused() -> None:
    hard = policy("rules: [{name: r, match: [{path: {regex: '.*a.{20}b'}}], lane: canary}]")
    with pytest.raises(InvalidInput, match="CF402"):
        lua_chain(hard, LuaOptions())


def test_a_station_is_one_of_two() -> None:
    with pytest.raises(ValueError, match="station must be"):
        LuaOptions(station="both")  # type: ignore[arg-type]
