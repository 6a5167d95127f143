"""Whether one condition makes another true, for finding rules that can never be reached."""

from ipaddress import IPv4Network, IPv6Network, ip_network

from colorfast.policy._ir import Condition, Entry, Kind
from colorfast.policy._match import fold, predicate

_TEXTUAL = (Kind.EXACT, Kind.PREFIX, Kind.SUFFIX, Kind.CONTAINS)


def entry_implies(specific: Entry, general: Entry) -> bool:
    """Whether every request that meets *specific* meets *general*. May say no when it is yes."""
    return all(any(implies(one, other) for one in specific) for other in general)


def implies(specific: Condition, general: Condition) -> bool:
    """Whether *specific* being true makes *general* true. May say no when it is yes."""
    if specific.attribute != general.attribute:
        return False
    if specific == general:
        return True
    if specific.negate:
        return False
    if general.kind is Kind.PRESENT:
        return not general.negate
    if specific.kind is Kind.CIDR:
        return general.kind is Kind.CIDR and not general.negate and _within(specific, general)
    if specific.kind in (Kind.EXACT, Kind.IN) and not specific.ignore_case:
        holds = predicate(general)
        return all(holds(text.encode()) for text in specific.values)
    return not general.negate and _textual(specific, general)


def _textual(specific: Condition, general: Condition) -> bool:
    if specific.kind not in _TEXTUAL or general.kind not in _TEXTUAL:
        return False
    if specific.ignore_case and not general.ignore_case:
        return False
    ours, theirs = specific.values[0].encode(), general.values[0].encode()
    if general.ignore_case:
        ours, theirs = fold(ours), fold(theirs)
    match general.kind:
        case Kind.PREFIX:
            return specific.kind in (Kind.EXACT, Kind.PREFIX) and ours.startswith(theirs)
        case Kind.SUFFIX:
            return specific.kind in (Kind.EXACT, Kind.SUFFIX) and ours.endswith(theirs)
        case Kind.CONTAINS:
            return theirs in ours
        case _:
            return specific.kind is Kind.EXACT and ours == theirs


def _within(specific: Condition, general: Condition) -> bool:
    outer = [ip_network(block, strict=False) for block in general.values]
    return all(
        any(_subnet(ip_network(block, strict=False), network) for network in outer)
        for block in specific.values
    )


def _subnet(inner: IPv4Network | IPv6Network, outer: IPv4Network | IPv6Network) -> bool:
    if isinstance(inner, IPv4Network):
        return isinstance(outer, IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, IPv6Network) and inner.subnet_of(outer)
