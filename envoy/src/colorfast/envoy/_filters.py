"""The filters of a chain, one function each."""

import re

from colorfast.envoy import _parts as parts
from colorfast.envoy._options import ExtProcOptions
from colorfast.envoy._strip import KEEP, LONGEST_KEY, presence_regex, strip_regex
from colorfast.envoy._types import Json, duration, extension
from colorfast.policy import Attribute, Policy, Source

BAGGAGE = "baggage"

_METADATA = "colorfast"
"""Namespace of the dynamic metadata that the service may answer with."""

_EDGE_METADATA = "colorfast.edge"
"""Namespace that the native strip keeps its intermediate value in."""

_SOURCE_ADDRESS = "source.address"

_READ_FROM = {
    Source.COOKIE: "cookie",
    Source.QUERY: ":path",
    Source.PATH: ":path",
    Source.METHOD: ":method",
    Source.HOST: ":authority",
}
"""Which header holds the attributes of a source."""


def ext_proc(policy: Policy, options: ExtProcOptions) -> Json:
    """``envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor`` for one station."""
    reads = policy.reads() if options.station == "dye" else frozenset()
    headers = forwarded_headers(policy, reads)
    attributes = [_SOURCE_ADDRESS] if Attribute(Source.SOURCE_IP) in reads else []
    config = {
        "grpc_service": _grpc_service(options, [*headers, *attributes, *_edge(policy, options)]),
        "failure_mode_allow": options.failure_mode_allow,
        "message_timeout": duration(options.message_timeout),
        # Envoy resets the stream as soon as it has the one answer: nothing else is in flight.
        "processing_mode": {
            "request_header_mode": "SEND",
            "response_header_mode": "SKIP",
            "request_body_mode": "NONE",
            "response_body_mode": "NONE",
            "request_trailer_mode": "SKIP",
            "response_trailer_mode": "SKIP",
        },
        # A service that is compromised or wrong can touch these two headers and nothing else.
        "mutation_rules": {
            "disallow_all": True,
            "allow_expression": {"regex": f"{re.escape(policy.header)}|{BAGGAGE}"},
        },
        "forward_rules": {"allowed_headers": {"patterns": [{"exact": name} for name in headers]}},
        # The route was picked before the lane was known.
        "route_cache_action": "CLEAR",
    }
    if attributes:
        config["request_attributes"] = attributes
    if options.metadata:
        config["metadata_options"] = {"receiving_namespaces": {"untyped": [_METADATA]}}
    if options.stat_prefix:
        config["stat_prefix"] = options.stat_prefix
    if not options.failure_mode_allow:
        # A broken dye is a fault of ours that a retry may heal: 503, not 500. (Timeouts stay 504.)
        config["status_on_error"] = {"code": "ServiceUnavailable"}
    message = "envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor"
    return extension(f"colorfast.{options.station}", message, **config)


def _edge(policy: Policy, options: ExtProcOptions) -> tuple[str, ...]:
    """What the chain around the filter does with the client's lane, for the service to compare."""
    if options.station == "carry":
        return ()
    return ("edge.accept" if policy.edge.accept.patterns else "edge.drop",)


def forwarded_headers(policy: Policy, reads: frozenset[Attribute]) -> tuple[str, ...]:
    """The headers that a station needs: lane header, baggage, and what the rules look at."""
    names = {policy.header, BAGGAGE}
    for attribute in reads:
        if attribute.source is Source.HEADER:
            names.add(attribute.name.lower())
        elif attribute.source in _READ_FROM:
            names.add(_READ_FROM[attribute.source])
    return tuple(sorted(names))


def early_strip(policy: Policy) -> Json:
    """Remove the client's lane header before a route is chosen."""
    message = "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation"
    return extension("colorfast.edge.header", message, mutations=[{"remove": policy.header}])


def keeps_rest(policy: Policy) -> bool:
    """Whether Envoy by itself lets other members of a spoofed ``baggage`` through.

    With a key that is too long to be cut out by a pattern, all of ``baggage`` goes.
    """
    return policy.edge.keep_baggage and len(policy.member.key) <= LONGEST_KEY


def strip_baggage(policy: Policy) -> Json:
    """Take our pieces out of ``baggage``, in one filter (Envoy 1.38)."""
    name = "colorfast.edge.baggage"
    filters = [
        parts.filter_of("colorfast.edge.rest", _rest(policy)),
        parts.filter_of(name, _replaced(policy)),
    ]
    return _when_spoofed(policy, name, parts.run_all(name, filters))


def compute_rest(policy: Policy) -> Json:
    """Put ``baggage`` without our pieces into metadata, when it is going to be needed."""
    name = "colorfast.edge.rest"
    return _when_spoofed(policy, name, parts.run(name, _rest(policy)))


def replace_baggage(policy: Policy) -> Json:
    """Replace a ``baggage`` that holds a piece of ours by what ``compute_rest`` left of it."""
    name = "colorfast.edge.baggage"
    return _when_spoofed(policy, name, parts.run(name, _replaced(policy)))


def _rest(policy: Policy) -> Json:
    """Filter config: what is to be left of ``baggage``, into metadata.

    header_to_metadata drops a value of 8 KiB or more; then all of ``baggage`` goes with our pieces,
    which W3C Baggage section 3.3.2 allows above that size.
    """
    pattern = strip_regex(policy.member)
    rule = parts.extract(BAGGAGE, "rest", pattern, KEEP, namespace=_EDGE_METADATA)
    return parts.to_metadata([rule])


def _replaced(policy: Policy) -> Json:
    """Filter config: ``baggage`` becomes what the metadata says."""
    # An empty value is not added, so a header with nothing left in it is gone.
    rest = parts.put(BAGGAGE, parts.metadata("rest", namespace=_EDGE_METADATA))
    return parts.mutate(parts.drop(BAGGAGE), *([rest] if keeps_rest(policy) else []))


def _when_spoofed(policy: Policy, name: str, then: Json) -> Json:
    """Do *then* only for a request that is undyed but carries a piece of ours.

    The client's lane header is gone by now, so a lane header means that the service dyed it.
    """
    dyed = parts.regex(parts.header(policy.header), parts.ANY)
    spoofed = parts.regex(parts.header(BAGGAGE), presence_regex(policy.member))
    when = parts.every([parts.negated(dyed), spoofed])
    return parts.composite(name, parts.first_of([(when, then)]))


def _grpc_service(options: ExtProcOptions, forwards: list[str]) -> Json:
    metadata = {"colorfast-station": options.station, "colorfast-forwards": ",".join(forwards)}
    if options.metadata:
        metadata["colorfast-metadata"] = "on"
    service: Json = {
        "envoy_grpc": {"cluster_name": options.cluster},
        # Values are format strings to Envoy; static ones cost nothing, HPACK sends an index.
        "initial_metadata": [
            {"key": key, "value": value.replace("%", "%%")} for key, value in metadata.items()
        ],
    }
    if options.tries_again:
        service["retry_policy"] = _retries(options.tries_again)
    return service


def _retries(times: int) -> Json:
    """Ask another instance when one is gone: a decision changes nothing, so it can be had twice."""
    package = "envoy.extensions.retry.host.previous_hosts.v3"
    return {
        "retry_on": "connect-failure,refused-stream,reset,unavailable",
        "num_retries": times,
        # Envoy's own would wait 25 ms, which is longer than all else.
        "retry_back_off": {"base_interval": "0.001s", "max_interval": "0.01s"},
        "retry_host_predicate": [
            extension(
                "envoy.retry_host_predicates.previous_hosts", f"{package}.PreviousHostsPredicate"
            )
        ],
        "host_selection_retry_max_attempts": 3,
    }
