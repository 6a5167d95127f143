"""Client addresses: the script reads what Python's ipaddress reads, and no more."""

from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colorfast.lua import compile_lua
from colorfast.policy import Engine, Policy, Request
from helpers.luajit import Script
from helpers.policies import from_data
from helpers.strategies import ADDRESSES

addresses = st.ip_addresses()


def inside(blocks: list[str]) -> Policy:
    rules = [{"name": "inside", "match": [{"sourceIp": blocks}], "lane": "canary"}]
    return from_data({"lanes": ["base", "canary"], "rules": rules})


@cache
def everything() -> tuple[Engine, Script]:
    policy = inside(["0.0.0.0/0", "::/0"])
    return Engine(policy), Script(compile_lua(policy, "dye").source)


def is_inside(script: Script, address: str) -> bool:
    return ("x-lane", b"canary") in script.run([], address).lines


@pytest.mark.parametrize("text", ADDRESSES)
def test_the_same_texts_are_addresses(text: str) -> None:
    engine, script = everything()
    assert is_inside(script, text) is (engine.dye(Request([], text)).lane == "canary")


@given(st.text("0123456789abcfF:.%", max_size=24) | addresses.map(str))
def test_the_same_random_texts_are_addresses(text: str) -> None:
    engine, script = everything()
    assert is_inside(script, text) is (engine.dye(Request([], text)).lane == "canary")


@given(addresses, st.data())
def test_a_block_ends_where_it_ends(
    address: IPv4Address | IPv6Address, data: st.DataObject
) -> None:
    network = ip_network((address, data.draw(st.integers(0, address.max_prefixlen))), strict=False)
    script = Script(compile_lua(inside([str(network)]), "dye").source)
    first, last = int(network[0]), int(network[-1])
    for number in (first - 1, first, int(address), last, last + 1):
        if 0 <= number < 2**address.max_prefixlen:
            one = type(address)(number)
            assert is_inside(script, str(one)) is (one in network)
            assert is_inside(script, one.exploded.upper()) is (one in network)
