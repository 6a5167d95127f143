"""The plugin in a real Envoy: what the small host cannot show."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import wasmtime

from colorfast.envoy import Chain, ExtProcOptions, Json, bootstrap, ext_proc_chain, extproc_cluster
from colorfast.envoy._wasm import WasmOptions, wasm_chain
from colorfast.policy import Policy
from helpers import policies
from helpers.clients import http1, http2
from helpers.envoys import (
    DEADLINE,
    ENVOY,
    Seen,
    echo_upstream,
    get,
    running_envoy,
    send,
    short_folder,
)
from helpers.services import running_service

SPEC = """
default: base
rules:
- name: pc
  match: [{headers: {agent: {exact: pc}}}]
  lane: canary
"""
DROP = policies.policy(SPEC)
ACCEPT = policies.policy(SPEC + "edge: {client: accept, accept: [canary]}")
UNDYED = policies.policy("header: x-lane")
BY_ADDRESS = policies.policy("""
    rules:
    - name: here
      match: [{sourceIp: [127.0.0.0/8]}]
      lane: canary
    """)
PC = (b"agent", b"pc")
SPOOF = [(b"x-lane", b"canary"), (b"baggage", b"a=1,lane=canary")]

TRAP = """
(module
  (memory (export "memory") 1)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) i32.const 1024)
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) i32.const 1)
  (func (export "proxy_on_configure") (param i32 i32) (result i32) i32.const 1)
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) unreachable))
"""


def configuration(folder: Path, chains: dict[str, Chain], clusters: list[Json]) -> Json:
    upstreams = [bootstrap.cluster(name, f"unix:{folder}/{name}") for name in ("base", "canary")]
    return bootstrap.bootstrap(
        admin=f"unix:{folder}/admin",
        listeners=[edge(f"unix:{folder}/{name}.edge", name, one) for name, one in chains.items()],
        clusters=[*upstreams, *clusters],
    )


def behind(service: Chain, fallback: Chain) -> Chain:
    """The service first; behind it the plugin, for what the service leaves undecided."""
    return Chain(early=service.early, filters=(service.filters[0], fallback.filters[0]))


def edge(target: str, name: str, chain: Chain) -> Json:
    routes = [
        bootstrap.route(f"{name}.canary", "canary", headers={"x-lane": "canary"}),
        bootstrap.route(f"{name}.base", "base"),
    ]
    manager = bootstrap.connection_manager(
        name, [bootstrap.virtual_host(name, routes)], chain, edge=True
    )
    return bootstrap.listener(name, target, manager)


@pytest.fixture(scope="module")
def folder(plugin: Path) -> Iterator[Path]:
    """One Envoy, one VM for all the filters; the traps have VMs of their own."""
    with short_folder() as folder, ExitStack() as stack:
        for upstream in ("base", "canary"):
            stack.enter_context(echo_upstream(folder / upstream, upstream))
        service = stack.enter_context(running_service(folder, policies.file(SPEC)))
        options = ExtProcOptions(target=service.target, metadata=True, message_timeout=DEADLINE)
        trap = folder / "trap.wasm"
        trap.write_bytes(wasmtime.wat2wasm(TRAP))

        def wasm(policy: Policy, **chosen: Any) -> Chain:
            return wasm_chain(policy, WasmOptions(**({"module": str(plugin)} | chosen)))

        dead = ExtProcOptions(target=f"unix:{folder}/nobody", cluster="dead", metadata=True)
        chains = {
            "drop": wasm(DROP),
            "accept": wasm(ACCEPT),
            "undyed": wasm(UNDYED),
            "hop": wasm(DROP, station="carry"),
            "address": wasm(BY_ADDRESS),
            "service": behind(ext_proc_chain(DROP, options), wasm(UNDYED, fallback=True)),
            "no-service": behind(ext_proc_chain(DROP, dead), wasm(DROP, fallback=True)),
        } | {
            policy: wasm(DROP, module=str(trap), vm_id=policy, failure_policy=policy)
            for policy in ("FAIL_OPEN", "FAIL_RELOAD", "FAIL_CLOSED")
        }
        config = configuration(folder, chains, [extproc_cluster(options), extproc_cluster(dead)])
        stack.enter_context(running_envoy(config))
        yield folder


def ask(folder: Path, name: str, *lines: tuple[bytes, bytes]) -> Seen:
    return send(f"{folder}/{name}.edge", list(lines))


@pytest.mark.parametrize("client", [http1, http2])
def test_the_dyed_route_is_taken(folder: Path, client: Any) -> None:
    seen = client(f"{folder}/drop.edge", [PC]).seen
    assert seen.upstream == "canary"
    assert seen.header(b"x-lane") == [b"canary"]
    assert seen.header(b"baggage") == [b"lane=canary"]


def test_a_spoof_is_neither_routed_nor_forwarded(folder: Path) -> None:
    for name, lane in (("drop", [b"base"]), ("undyed", [])):
        seen = ask(folder, name, *SPOOF, *SPOOF)
        assert (seen.upstream, seen.header(b"x-lane")) == ("base", lane)
        assert b"canary" not in b"".join(seen.header(b"baggage"))


def test_repeated_lines_become_one(folder: Path) -> None:
    lines = [PC, *SPOOF, (b"X-Lane", b"base"), (b"baggage", b"b=2"), (b"Baggage", b"lane=x")]
    seen = ask(folder, "drop", *lines)
    assert seen.header(b"x-lane") == [b"canary"]
    assert seen.header(b"baggage") == [b"lane=canary,a=1,b=2"]


def test_filters_of_one_vm_decide_by_their_own_policies(folder: Path) -> None:
    for _ in range(3):
        assert ask(folder, "drop", *SPOOF).upstream == "base"
        assert ask(folder, "accept", *SPOOF).upstream == "canary"
        assert ask(folder, "hop", *SPOOF).upstream == "canary"
    assert stat(folder, "wasm.envoy.wasm.runtime.v8.active") > 0


def test_without_the_address_of_an_internet_socket_no_block_holds_a_client(folder: Path) -> None:
    assert ask(folder, "address").upstream == "base"


def test_a_fallback_leaves_alone_what_the_service_has_decided(folder: Path) -> None:
    seen = ask(folder, "service", PC)
    assert (seen.upstream, seen.header(b"baggage")) == ("canary", [b"lane=canary"])


def test_a_fallback_dyes_when_there_is_no_service(folder: Path) -> None:
    seen = ask(folder, "no-service", PC, (b"baggage", b"a=1"))
    assert (seen.upstream, seen.header(b"baggage")) == ("canary", [b"lane=canary,a=1"])


@pytest.mark.parametrize("byte", [*range(0x80, 0x100, 9), 0x09])
def test_whatever_bytes_envoy_lets_in_go_on(folder: Path, byte: int) -> None:
    value = b"a=1%c2,b=%c" % (byte, byte)
    seen = ask(folder, "drop", PC, (b"baggage", value + b",lane=x"))
    assert seen.header(b"baggage") == [b"lane=canary," + value.rstrip(b"\t")]


@pytest.mark.parametrize("size", [1 << 10, 1 << 15, 55_000])
def test_baggage_of_any_size_is_dyed(folder: Path, size: int) -> None:
    value = b"a=" + b"x" * size
    seen = ask(folder, "drop", PC, (b"baggage", value + b",lane=x"))
    assert seen.header(b"baggage") == [b"lane=canary," + value]


def test_a_dead_vm_lets_requests_pass_undyed_and_stripped(folder: Path) -> None:
    path = f"{folder}/FAIL_OPEN.edge"
    assert http1(path, SPOOF).status == 503  # the one that it dies of
    for _ in range(3):
        seen = http1(path, [PC, *SPOOF]).seen
        assert (seen.upstream, seen.header(b"x-lane")) == ("base", [])
        assert seen.header(b"baggage") == [b"a=1"]


@pytest.mark.parametrize("policy", ["FAIL_RELOAD", "FAIL_CLOSED"])
def test_other_policies_let_nothing_pass(folder: Path, policy: str) -> None:
    replies = [http1(f"{folder}/{policy}.edge", SPOOF) for _ in range(3)]
    assert [reply.status for reply in replies] == [503] * 3


def stat(folder: Path, name: str) -> int:
    text = get(f"{folder}/admin", f"/stats?filter=^{name}$")[1]
    return int(text.rpartition(":")[2])


def validated(plugin: Path, change: Any) -> "subprocess.CompletedProcess[bytes]":
    with short_folder() as folder:
        chain = wasm_chain(DROP, WasmOptions(module=str(plugin)))
        config = chain.filters[0]["typed_config"]["config"]["configuration"]
        config["value"] = change(config["value"])
        path = folder / "envoy.json"
        path.write_text(bootstrap.dump(configuration(folder, {"bad": chain}, [])))
        command = [ENVOY, "--mode", "validate", "--disable-hot-restart", "-c", str(path)]
        return subprocess.run(command, capture_output=True, timeout=DEADLINE, check=False)


def test_a_bad_configuration_does_not_start_and_says_why(plugin: Path) -> None:
    result = validated(plugin, lambda text: text.replace('"lane":"canary"', '"lane":"blue"'))
    assert result.returncode != 0
    assert b"colorfast: configuration refused: pc: blue is not in lanes" in result.stderr


def test_a_good_configuration_starts_and_says_which(plugin: Path) -> None:
    result = validated(plugin, str)
    assert result.returncode == 0, result.stderr[-2000:]
    assert f"colorfast: policy {DROP.digest}, station dye, 1 rules".encode() in result.stderr
