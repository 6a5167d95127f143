"""What a station decided and what it writes."""

from typing import NamedTuple


class Outcome(NamedTuple):
    """The lane of a request, why, and the header writes that make it so.

    Header names are lower-case. *sets* replaces every line of a header by the one given; *removes*
    takes every line away; a header in neither is left as it came. At most two headers are ever
    named: the policy's lane header and ``baggage``.
    """

    lane: str | None
    """The lane; None leaves the request undyed."""
    rule: str | None
    """The rule that decided; None for the default, the client's own lane, and every carry."""
    sets: tuple[tuple[str, bytes], ...] = ()
    removes: tuple[str, ...] = ()
