"""Which requests the warnings of a native chain are about."""

from collections.abc import Iterable, Sequence

from colorfast.envoy._errors import cookie_lines, long_baggage
from colorfast.envoy._native import METADATA_LIMIT
from colorfast.envoy._options import Station
from colorfast.policy import Diagnostic, Policy, Source


def beyond_native(
    policy: Policy, station: Station, headers: Iterable[Sequence[str]]
) -> tuple[Diagnostic, ...]:
    """Why a native chain may treat a request with *headers* otherwise: CF422, CF423, or nothing."""
    lines = [(name.lower(), value) for name, value in headers]
    found = []
    if sum(len(value.encode()) + 1 for name, value in lines if name == "baggage") > METADATA_LIMIT:
        found.append(long_baggage(policy))
    cookies = [value for name, value in lines if name == "cookie"]
    reads = station == "dye" and any(one.source is Source.COOKIE for one in policy.reads())
    if reads and len(cookies) > 1 and any("," in value for value in cookies):
        found.append(cookie_lines(policy))
    return tuple(found)
