"""What a station has to be told about a request, in the names that Envoy uses."""

from typing import Final

from colorfast.extproc._stream import Station
from colorfast.policy import Attribute, Policy, Source

SOURCE_ADDRESS: Final = "source.address"
"""The attribute (Envoy's ``request_attributes``) that holds the client's ``ip:port``."""

_HEADERS: Final = {
    Source.COOKIE: "cookie",
    Source.QUERY: ":path",
    Source.PATH: ":path",
    Source.METHOD: ":method",
    Source.HOST: ":authority",
    Source.SOURCE_IP: SOURCE_ADDRESS,
}


def needs(policy: Policy, station: Station) -> frozenset[str]:
    """Headers, pseudo-headers and ``source.address``: whatever *policy* reads at *station*."""
    if station == "carry":
        return frozenset({policy.header, "baggage"})
    names = {_name(attribute) for attribute in policy.reads()} | {"baggage"}
    if policy.edge.accept.patterns:
        names.add(policy.header)
    return frozenset(names)


def compiled_in(policy: Policy, station: Station) -> frozenset[str]:
    """What a filter has to be configured for to serve *policy* at *station*.

    Beside what is read, the lane header (Envoy lets no other be written) and, at the entrance,
    ``edge.drop`` or ``edge.accept``: whether Envoy strips the client's lane by itself.
    """
    names = needs(policy, station) | {policy.header}
    if station == "carry":
        return names
    return names | {"edge.accept" if policy.edge.accept.patterns else "edge.drop"}


def _name(attribute: Attribute) -> str:
    return _HEADERS.get(attribute.source) or attribute.name
