"""The public corpus behind a real Envoy that has nothing but its own filters."""

import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from colorfast.envoy import Json, NativeOptions, Station, bootstrap, native_chain
from colorfast.envoy._native import Compiled
from colorfast.envoy._types import extension
from colorfast.lane import is_family, join_lines, lanes_regex
from colorfast.policy import (
    Observed,
    Policy,
    VectorFile,
    VectorModel,
    differences,
    load_vectors,
)
from helpers.envoys import DEADLINE, connect, echo_upstream, running_envoy, short_folder

CORPUS = sorted((Path(__file__).parent.parent / "conformance").glob("*.yaml"))
FILES_AT_LEAST = 23
VECTORS_AT_LEAST = 750
INEXPRESSIBLE: dict[str, str] = {}
"""Files whose policy must raise a diagnostic instead of passing, and its code."""
TOO_LONG = {"one member of others of 8192 bytes"}
"""Vectors past the limit that the warning CF422 is about."""
STATIONS: tuple[Station, ...] = ("dye", "carry")
ROUTE = "x-colorfast-route"
SOURCE = "x-colorfast-source"


def load() -> list[VectorFile]:
    return [load_vectors(path.read_text(), file=path.name, read=str) for path in CORPUS]


def compiled(policy: Policy, station: Station) -> Compiled:
    return native_chain(policy, NativeOptions(station=station))


def native_files() -> list[VectorFile]:
    return [file for file in load() if file.file not in INEXPRESSIBLE]


@pytest.fixture(scope="module")
def bench() -> Iterator[Path]:
    """One Envoy with a listener for each policy and station; its sockets are in this folder."""
    with short_folder() as folder, ExitStack() as stack:
        stack.enter_context(echo_upstream(folder / "up", "up"))
        stack.enter_context(running_envoy(config(folder)))
        yield folder


def config(folder: Path) -> Json:
    listeners = [
        listener(folder, f"{Path(file.file).stem}-{station}", file.policy, station)
        for file in native_files()
        for station in STATIONS
    ]
    whole = bootstrap.bootstrap(
        admin=f"unix:{folder}/admin",
        listeners=listeners,
        clusters=[bootstrap.cluster("up", f"unix:{folder}/up")],
    )
    layer = {"name": "static", "static_layer": {"re2.max_program_size.error_level": 32768}}
    return whole | {"layered_runtime": {"layers": [layer]}}


def listener(folder: Path, name: str, policy: Policy, station: Station) -> Json:
    chain = compiled(policy, station).chain
    manager = bootstrap.connection_manager(name, [host(name, policy)], chain)
    manager["typed_config"] |= {
        "original_ip_detection_extensions": [
            extension(
                "source",
                "envoy.extensions.http.original_ip_detection.custom_header.v3.CustomHeaderConfig",
                header_name=SOURCE,
            )
        ],
        "generate_request_id": False,
    }
    return bootstrap.listener(name, f"unix:{folder}/{name}", manager)


def host(name: str, policy: Policy) -> Json:
    """A route a lane, the baseline's is the default; each says which it is."""
    routes = []
    for number, pattern in enumerate(policy.lanes.patterns):
        one = bootstrap.route(f"{name}-{number}", "up")
        matcher = {"safe_regex": {"regex": lanes_regex(pattern)}}
        one["match"]["headers"] = [{"name": policy.header, "string_match": matcher}]
        value = f"%REQ({policy.header})%" if is_family(pattern) else pattern
        routes.append(one | says(value))
    default = bootstrap.route(name, "up") | says(policy.baseline)
    return bootstrap.virtual_host(name, [*routes, default])


def says(value: str) -> Json:
    header = {"header": {"key": ROUTE, "value": value}}
    return {
        "request_headers_to_add": [header | {"append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}],
    }


def observe(folder: Path, file: VectorFile, vector: VectorModel) -> Observed:
    lines = exchange(folder / f"{Path(file.file).stem}-{vector.station}", vector)
    policy = file.policy
    # What a hop leaves untouched is no valid lane, so the header tells the lane at both stations.
    values = [value for name, value in lines if name == policy.header]
    lane = policy.lanes.admit(join_lines(values)) if values else None
    route = next(value for name, value in lines if name == ROUTE).decode()
    kept = tuple(line for line in lines if line[0] not in (ROUTE, SOURCE))
    return Observed(lane=lane, route=route, lines=kept, rule_known=False)


def exchange(path: Path, vector: VectorModel) -> list[tuple[str, bytes]]:
    request = vector.request
    head = [f"{request.method} {request.path} HTTP/1.1", f"host: {request.host}"]
    head += [f"{name}: {value}" for name, value in request.headers]
    head += [f"{SOURCE}: {request.source_ip}", "connection: close", "", ""]
    with connect(str(path)) as sock:
        sock.settimeout(DEADLINE)
        sock.sendall("\r\n".join(head).encode())
        answer = read_all(sock)
    status, _, body = answer.partition(b"\r\n\r\n")
    assert status.startswith(b"HTTP/1.1 200"), (vector.name, answer[:200])
    seen = body.partition(b"\n")[2].split(b"\r\n")[1:]
    pairs = (line.partition(b":") for line in seen if line)
    return [(name.decode("latin-1").lower(), value.strip(b" \t")) for name, _, value in pairs]


def read_all(sock: socket.socket) -> bytes:
    return b"".join(iter(lambda: sock.recv(65536), b""))


def test_native_filters_pass_every_vector(bench: Path, capsys: pytest.CaptureFixture[str]) -> None:
    failures, passed, files = [], 0, native_files()
    for file in files:
        for vector in file.vectors:
            if vector.name in TOO_LONG:
                continue
            found = differences(vector, observe(bench, file, vector))
            failures += [f"{file.file}: {vector.name}: {one}" for one in found]
            passed += not found
    with capsys.disabled():
        sys.stdout.write(f"\nnative: {len(files)} of {len(CORPUS)} files, {passed} vectors\n")
    assert failures == []
    assert len(files) >= FILES_AT_LEAST
    assert passed >= VECTORS_AT_LEAST


@pytest.mark.parametrize("file", load(), ids=lambda file: file.file)
@pytest.mark.parametrize("station", STATIONS)
def test_what_cannot_be_expressed_is_an_error_and_nothing_else_is(
    file: VectorFile, station: Station
) -> None:
    errors = {d.code for d in compiled(file.policy, station).diagnostics if d.level == "error"}
    assert errors == ({INEXPRESSIBLE[file.file]} if file.file in INEXPRESSIBLE else set())


def test_what_is_too_long_to_keep_is_warned_of_and_leaves_no_spoof(bench: Path) -> None:
    tried = 0
    for file in native_files():
        for vector in (vector for vector in file.vectors if vector.name in TOO_LONG):
            found = compiled(file.policy, vector.station).diagnostics
            assert [d.code for d in found] == ["CF422"]
            seen = observe(bench, file, vector)
            baggage = [value for name, value in seen.lines if name == "baggage"]
            assert seen.lane == vector.expect.lane
            assert baggage == [file.policy.member.write(str(seen.lane))]
            tried += 1
    assert tried == len(TOO_LONG)
