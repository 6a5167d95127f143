"""Istio's conditions, which several systems write: StringMatch, hosts."""

from colorfast.k8s.importers import _matchers as matchers
from colorfast.k8s.importers._matchers import Matcher
from colorfast.k8s.manifests import Node


def string_match(node: Node) -> Matcher | None:
    """A StringMatch; an empty one asks for presence, None is one that cannot be said."""
    if node["exact"].present:
        return matchers.exact(node["exact"].text)
    if node["prefix"].present:
        return {"prefix": node["prefix"].text}
    if node["regex"].present:
        return matchers.whole(node["regex"].text)
    return None if node.members else matchers.PRESENT


def host_matcher(host: str) -> Matcher:
    """A host of a route: ``*.example.com`` is every name below it."""
    plain = host.lower().partition(":")[0]
    return {"suffix": plain[1:]} if plain.startswith("*") else matchers.exact(plain)
