"""Requests reach the pods of their lane, through Envoys with what Istio renders from our objects."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from lab.istio.cases import CASES, Case
from lab.istio.cluster import deployment
from lab.istio.tools import render

from colorfast.envoy.bootstrap import bootstrap, cluster
from colorfast.policy import Engine, Request, Service, lane_targets
from helpers.envoys import connect, echo_upstream, running_envoy, short_folder

pytestmark = pytest.mark.usefixtures("istio")

Json = dict[str, Any]
Line = tuple[str, str]

LANES = (None, "base", "canary", "pr-42", "pr-7")
REQUESTS: tuple[tuple[Line, ...], ...] = (
    (),
    (("agent", "pc"),),
    (("agent", "pc"), ("x-lane", "pr-42"), ("baggage", "lane=pr-42")),
    (("x-lane", "canary"), ("my-request-id", "canary")),
    (("x-developer", "42"),),
    *((("cookie", f"uid={number}"),) for number in range(40)),
)
REFUSED = "503"
OUTSIDE = "outside"
"""Answers for every host that is not of the mesh."""

each_case = pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.options.dye != "wasm" and not case.ambient],
    ids=lambda case: case.name,
)


def pods(case: Case) -> dict[str, str]:
    """The Deployment of each address: istio-render gives them out in the objects' order."""
    found = (one["metadata"]["name"] for one in case.objects if one["kind"] == "Deployment")
    return {f"10.244.0.{number}": name for number, name in enumerate(found, start=1)}


def localized(case: Case, one: Json, folder: Path, gone: Sequence[str]) -> Json:
    """A cluster whose pods are servers of ours; those of *gone* are not there."""
    if one["name"] == "colorfast":
        return cluster("colorfast", f"unix:{folder}/no-service")  # so the fallback decides
    names = pods(case)
    kept: Json = {key: value for key, value in one.items() if not key.startswith("typed_ext")}
    for locality in kept.get("load_assignment", {}).get("endpoints", ()):
        found = locality.get("lb_endpoints", [])
        at = [
            names.get(e["endpoint"]["address"]["socket_address"]["address"], OUTSIDE) for e in found
        ]
        kept["type"] = "STATIC"  # a name has nothing to be resolved any more
        locality["lb_endpoints"] = [
            {"endpoint": {"address": {"pipe": {"path": f"{folder}/{name}"}}}}
            for name in at
            if name not in gone
        ]
    return kept


def entered(one: Json, folder: Path) -> Json:
    """A listener; the one that is not handed its connections by another has a socket."""
    if one.get("bind_to_port") is False:
        return one
    return one | {"address": {"pipe": {"path": f"{folder}/in"}}}


@contextmanager
def running(case: Case, proxy: str, gone: Sequence[str] = ()) -> Iterator[str]:
    """Envoy as *proxy*; yields the socket of its entrance."""
    resources = render(case.objects, [proxy], output="bootstrap")[proxy]["static_resources"]
    with ExitStack() as stack:
        folder = stack.enter_context(short_folder())
        for name in {OUTSIDE, *pods(case).values()}:
            stack.enter_context(echo_upstream(folder / name, name))
        config = bootstrap(
            admin=f"unix:{folder}/admin",
            listeners=[entered(one, folder) for one in resources["listeners"]],
            clusters=[localized(case, one, folder, gone) for one in resources["clusters"]],
        )
        layer = {"name": "static", "static_layer": {"re2.max_program_size.error_level": 32768}}
        stack.enter_context(running_envoy(config | {"layered_runtime": {"layers": [layer]}}))
        yield f"{folder}/in"


def ask(path: str, host: str, lines: Sequence[Line], *, port: int | None = None) -> str:
    """Which Deployment answers, or the status of an answer that is Envoy's own."""
    return told(path, host, lines, port=port).partition("\n")[0]


def told(path: str, host: str, lines: Sequence[Line], *, port: int | None = None) -> str:
    """The answer's body, which has what the upstream was told, or the status if it is Envoy's own."""
    proxied = "" if port is None else f"PROXY TCP4 10.244.0.1 10.96.0.1 40000 {port}\r\n"
    head = ["GET / HTTP/1.1", f"host: {host}", "connection: close"]
    head += [f"{name}: {value}" for name, value in lines]
    with connect(path) as sock:
        sock.sendall((proxied + "\r\n".join([*head, "", ""])).encode())
        answer = b"".join(iter(lambda: sock.recv(65536), b"")).decode()
    status = answer.split()[1]
    return answer.partition("\r\n\r\n")[2] if status == "200" else status


def target(case: Case, service: Service, lane: str | None, gone: Sequence[str] = ()) -> str:
    """What ought to answer a request of *lane*."""
    targets = lane_targets(case.policy, case.mesh, service, lane)
    there = [name for each in targets if (name := deployment(service, each)) not in gone]
    return there[0] if there else REFUSED


def entry(case: Case) -> Service:
    return case.mesh.service(case.mesh.entry)


@each_case
def test_a_gateway_sends_each_request_to_the_lane_that_the_policy_gives_it(case: Case) -> None:
    seen = set()
    with running(case, "gateway:istio-system/shop-gateway") as path:
        for lines in REQUESTS:
            request = Request([(name, value.encode()) for name, value in lines])
            lane = Engine(case.policy).dye(request).lane
            answer = ask(path, "shop.example.com", lines)
            assert answer == target(case, entry(case), lane), lines
            seen.add(answer)
    assert len(seen) > 1


@each_case
def test_a_sidecar_sends_each_lane_to_its_version_of_what_it_calls(case: Case) -> None:
    service = entry(case)
    proxy = f"sidecar-outbound:{service.namespace}/{deployment(service, case.policy.baseline)}"
    lanes = [lane for lane in LANES if lane is None or case.policy.lanes.admit(lane.encode())]
    with running(case, proxy) as path:
        for called in map(case.mesh.service, service.calls):
            for lane in lanes:
                lines = [] if lane is None else [("baggage", f"lane={lane}")]
                answer = ask(path, called.host, lines, port=called.port)
                assert answer == target(case, called, lane), (called.name, lane)


@pytest.mark.parametrize("proxy", ["gateway:istio-system/shop-gateway", "sidecar-outbound"])
def test_a_lane_whose_pods_are_gone_falls_back(proxy: str) -> None:
    case = next(case for case in CASES if case.mesh.fallback == "endpoints")
    service, port, lines = entry(case), None, [("agent", "pc")]
    host = "shop.example.com"
    if proxy == "sidecar-outbound":
        proxy += f":{service.namespace}/{deployment(service, case.policy.baseline)}"
        service, lines = case.mesh.service("mockc"), [("baggage", "lane=canary")]
        host, port = service.host, service.port
    gone = [deployment(service, "canary")]
    for missing in ([], gone):
        with running(case, proxy, missing) as path:
            answer = ask(path, host, lines, port=port)
            assert answer == target(case, service, "canary", missing)


def test_a_host_outside_of_the_mesh_is_told_nothing() -> None:
    case = next(case for case in CASES if case.mesh.external and case.options.routes == "istio")
    service = entry(case)
    proxy = f"sidecar-outbound:{service.namespace}/{deployment(service, case.policy.baseline)}"
    lines = [("baggage", "lane=canary,tenant=blue"), ("x-lane", "canary"), ("accept", "text/plain")]
    with running(case, proxy) as path:
        outside = told(path, case.mesh.external[0].host, lines, port=80)
        inside = told(path, case.mesh.service("mockc").host, lines, port=9000)
    assert outside.startswith(f"{OUTSIDE}\n")
    assert "accept: text/plain" in outside
    assert [word for word in ("x-lane", "baggage", "canary") if word in outside] == []
    assert [word for word in ("x-lane", "baggage", "canary") if word not in inside] == []
