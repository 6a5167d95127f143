"""Rules about ext_proc filters that dye."""

import re
from collections.abc import Iterator
from typing import Final

from colorfast.k8s.lint._filters import EXT_PROC, HttpFilter
from colorfast.k8s.lint._index import Index, pick
from colorfast.k8s.lint._model import service_name
from colorfast.k8s.lint._rule import Hit
from colorfast.k8s.manifests import Kind, Manifest, Node

_NAMED_FOR_IT: Final = re.compile(r"(?i)dye|lane|colorfast|canary|gray|grey")
_GRPC_PORT: Final = re.compile(r"(?:grpc|http2)(?:-.*)?")
_GRPC: Final = frozenset({"grpc", "http2", "kubernetes.io/h2c"})


def is_dye(index: Index, one: HttpFilter) -> bool:
    """Whether an ext_proc filter is there for lanes, as far as its configuration tells.

    Others have reasons of their own: one that authorizes requests is right to fail closed.
    """
    if _NAMED_FOR_IT.search(one.name):
        return True
    for part in ("forward_rules", "mutation_rules", "grpc_service"):
        for node in one.config.either(part).walk():
            text = node.text
            if text and (index.is_lane_header(text.lower()) or text.startswith("colorfast")):
                return True
    return False


def _dyes(index: Index) -> Iterator[HttpFilter]:
    for one in index.filters:
        if one.type == EXT_PROC and is_dye(index, one):
            yield one


def fails_open(index: Index) -> Iterator[Hit]:
    """Requests pass while the service that dyes them is away."""
    for one in _dyes(index):
        node = one.config.either("failure_mode_allow")
        if node.value is not True:
            what = f"requests fail while the service of {one.name} is away"
            yield Hit(
                owner=one.owner,
                node=node if node.present else one.config,
                what=what,
                at_key=not node.present,
            )


def has_timeout(index: Index) -> Iterator[Hit]:
    """A bound that somebody chose for the time that a request waits."""
    for one in _dyes(index):
        node = one.config.either("message_timeout")
        if not node.text:
            what = f"{one.name} has no message_timeout, so requests wait as long as Envoy likes"
            yield Hit(owner=one.owner, node=one.config, what=what, at_key=True)
        elif not re.search(r"[1-9]", node.text):
            what = f"a message_timeout of {node.text} is no bound"
            yield Hit(owner=one.owner, node=node, what=what)


def cluster_exists(index: Index) -> Iterator[Hit]:
    """The cluster of an ext_proc filter is there, with a port that speaks gRPC."""
    added = {name.text for name in _added_clusters(index)}
    for one in index.filters:
        if one.type != EXT_PROC:
            continue
        node = pick(one.config, "grpc_service", "envoy_grpc", "cluster_name")
        if not node.text or node.text in added:
            continue
        if node.text.startswith(("outbound|", "inbound|")):
            yield from _istio_cluster(index, one.owner, node)
        else:
            what = f"no EnvoyFilter that is given adds a cluster {node.text}"
            there = f"; there is {', '.join(sorted(added))}" if added else ""
            yield Hit(owner=one.owner, node=node, what=what + there, note=not added)


def _added_clusters(index: Index) -> Iterator[Node]:
    for owner in index.all(Kind.ENVOY_FILTER):
        for patch in owner.spec["configPatches"].items:
            if patch["applyTo"].text == "CLUSTER" and patch["patch"]["operation"].text == "ADD":
                yield patch["patch"]["value"]["name"]


def _istio_cluster(index: Index, owner: Manifest, node: Node) -> Iterator[Hit]:
    parts = node.text.split("|")
    if len(parts) != 4 or not parts[1].isdigit() or not parts[3]:
        what = f"{node.text!r} is not a name that Istio gives a cluster"
        fix = "write outbound|PORT||HOST, with the host's full name"
        yield Hit(owner=owner, node=node, what=what, fix=fix)
        return
    name = service_name(parts[3], "")
    found = list(index.services(name))
    if not found:
        entries = {host.text for one in index.all(Kind.SERVICE_ENTRY)
                   for host in one.spec["hosts"].items}  # fmt: skip
        if parts[3] not in entries:
            what = f"no Service {name.host} in {name.namespace or 'any namespace'} is given"
            yield Hit(owner=owner, node=node, what=what, note=True)
        return
    for service in found:
        ports = service.spec["ports"].items
        port = next((one for one in ports if one["port"].text == parts[1]), None)
        if port is None:
            has = ", ".join(one["port"].text for one in ports)
            what = f"{service.title} has no port {parts[1]}; it has {has}"
            yield Hit(owner=owner, node=node, what=what)
        elif not (_GRPC_PORT.fullmatch(port["name"].text) or port["appProtocol"].text in _GRPC):
            what = (
                f"port {parts[1]} of {service.title} is not named grpc, so Istio takes it for TCP"
            )
            fix = "name the port grpc, or set appProtocol: grpc"
            yield Hit(owner=owner, node=node, what=what, fix=fix)
