"""Rules about OpenKruise Rollouts and Flagger; what they do was observed, not guessed."""

from collections.abc import Iterator
from typing import Final

from colorfast.k8s.lint._index import Index
from colorfast.k8s.lint._rule import Hit
from colorfast.k8s.manifests import Kind, Manifest, Node

_ROUTE: Final = "VirtualService"
_SUBSETS: Final = "DestinationRule"


def no_traffic_routing_ref(index: Index) -> Iterator[Hit]:
    """A Rollout names its TrafficRouting where Kruise looks for it."""
    for rollout in index.all(Kind.KRUISE_ROLLOUT):
        node = rollout.spec["strategy"]["canary"]["trafficRoutingRef"]
        if node.text:
            yield Hit(
                owner=rollout,
                node=node,
                what="trafficRoutingRef is not read by the controller",
                fix=f'annotate the Rollout with rollouts.kruise.io/trafficrouting: "{node.text}"',
                at_key=True,
            )


def one_service_each(index: Index) -> Iterator[Hit]:
    """A TrafficRouting is about one service."""
    for routing in index.all(Kind.TRAFFIC_ROUTING):
        refs = routing.spec["objectRef"].items
        services = [one["service"] for one in refs]
        for node in services[1:]:
            if node.text != services[0].text:
                yield Hit(
                    owner=routing,
                    node=node,
                    what=f"{node.text} is the second service of this TrafficRouting; its lane "
                    f"would lead to {services[0].text}",
                )
        if len(refs) == 1:
            yield from _foreign_routes(index, routing, refs[0])


def _foreign_routes(index: Index, routing: Manifest, ref: Node) -> Iterator[Hit]:
    service = ref["service"].text
    for node in ref["customNetworkRefs"].items:
        for one in index.all(Kind.VIRTUAL_SERVICE):
            named = node["kind"].text == _ROUTE and node["name"].text == one.name
            if not named or one.namespace != routing.namespace:
                continue
            hosts = {
                to["destination"]["host"].text.partition(".")[0]
                for rule in one.spec["http"].items
                for to in rule["route"].items
            }
            if hosts and service not in hosts:
                yield Hit(
                    owner=routing,
                    node=node["name"],
                    what=f"{one.title} leads to {', '.join(sorted(hosts))}, and this "
                    f"TrafficRouting is about {service}",
                )


def subsets_come_first(index: Index) -> Iterator[Hit]:
    """The DestinationRule is listed before the VirtualService that needs its subset."""
    for owner in index.all(Kind.TRAFFIC_ROUTING, Kind.KRUISE_ROLLOUT):
        canary = owner.spec["strategy"]["canary"]
        for ref in (*owner.spec["objectRef"].items, *canary["trafficRoutings"].items):
            refs = ref["customNetworkRefs"].items
            kinds = [one["kind"].text for one in refs]
            if _ROUTE in kinds and _SUBSETS in kinds[kinds.index(_ROUTE) :]:
                yield Hit(
                    owner=owner,
                    node=refs[kinds.index(_ROUTE)],
                    what="the VirtualService is listed before the DestinationRule",
                )


def flagger_owns_its_routes(index: Index) -> Iterator[Hit]:
    """Nobody writes the VirtualService that Flagger writes."""
    for canary in index.all(Kind.FLAGGER_CANARY):
        if canary.spec["provider"].text not in ("", "istio"):
            continue
        name = canary.spec["service"]["name"].text or canary.spec["targetRef"]["name"].text
        for one in index.all(Kind.VIRTUAL_SERVICE):
            if one.name != name or one.namespace != canary.namespace:
                continue
            owners = {ref["kind"].text for ref in one.root["metadata"]["ownerReferences"].items}
            if "Canary" not in owners:  # else it is what Flagger itself has written
                yield Hit(
                    owner=one,
                    node=one.root["metadata"]["name"],
                    what=f"{one.title} is the one that Flagger writes for {canary.title}",
                )
