"""The messages that chains of Envoy's own filters are made of, one function each."""

import re
from collections.abc import Iterable, Sequence
from ipaddress import ip_network

from colorfast.envoy._types import Json, extension, typed
from colorfast.policy import BUCKETS

METADATA = "colorfast.native"
"""Namespace of the dynamic metadata that header_to_metadata writes."""

ANY = r"\C*"
SOME = r"\C+"

_INPUTS = "envoy.extensions.matching.common_inputs.network.v3"
_MATCHERS = "envoy.extensions.matching.input_matchers"


def header(name: str) -> Json:
    """Input: all lines of a header (or pseudo-header), joined with ``,``."""
    return extension(name, "envoy.type.matcher.v3.HttpRequestHeaderMatchInput", header_name=name)


def query(name: str) -> Json:
    """Input: the first query parameter of that name, both percent-decoded."""
    message = "envoy.type.matcher.v3.HttpRequestQueryParamMatchInput"
    return extension("query", message, query_param=name)


def state(key: str) -> Json:
    """Input: a filter state object that a filter in front has set."""
    return extension(key, f"{_INPUTS}.FilterStateInput", key=key)


def source_ip() -> Json:
    """Input: the client's address as the connection manager sees it."""
    return extension("sourceIp", f"{_INPUTS}.SourceIPInput")


def text(value: Json, kind: str, literal: str, *, ignore_case: bool = False) -> Json:
    """Predicate: exact, prefix, suffix or contains."""
    matcher: Json = {kind: literal}
    if ignore_case:
        matcher["ignore_case"] = True
    return {"single_predicate": {"input": value, "value_match": matcher}}


def regex(value: Json, pattern: str) -> Json:
    """Predicate: RE2 full match."""
    # Match trees, unlike the rest of Envoy, still want the engine named; and no regex may be "".
    matcher = {"safe_regex": {"google_re2": {}, "regex": pattern or "(?:)"}}
    return {"single_predicate": {"input": value, "value_match": matcher}}


def in_blocks(value: Json, blocks: Iterable[str]) -> Json:
    """Predicate: the address is in one of these CIDR blocks."""
    networks = [ip_network(block, strict=False) for block in blocks]
    ranges = [
        {"address_prefix": str(network.network_address), "prefix_len": network.prefixlen}
        for network in networks
    ]
    message = f"{_MATCHERS}.ip.v3.Ip"
    matcher = extension("ip", message, cidr_ranges=ranges, stat_prefix="colorfast")
    return {"single_predicate": {"input": value, "custom_match": matcher}}


def bucket_from(value: Json, seed: int, start: int) -> Json:
    """Predicate: the value's bucket is *start* or above."""
    matcher = extension(
        "bucket",
        f"{_MATCHERS}.consistent_hashing.v3.ConsistentHashing",
        modulo=BUCKETS,
        threshold=start,
        seed=str(seed),  # proto3 JSON writes 64 bits as text
    )
    return {"single_predicate": {"input": value, "custom_match": matcher}}


def negated(predicate: Json) -> Json:
    """Predicate: not; true for a value that is absent."""
    return {"not_matcher": predicate}


def every(predicates: Sequence[Json]) -> Json:
    """Predicate: and."""
    if len(predicates) == 1:
        return predicates[0]
    return {"and_matcher": {"predicate": list(predicates)}}


def some(predicates: Sequence[Json]) -> Json:
    """Predicate: or."""
    if len(predicates) == 1:
        return predicates[0]
    return {"or_matcher": {"predicate": list(predicates)}}


def first_of(branches: Iterable[tuple[Json, Json]], otherwise: Json | None = None) -> Json:
    """Matcher: (predicate, on_match) pairs in order.

    A branch whose nested matcher comes to nothing gives way to the next one (Envoy 1.40).
    """
    matchers = [{"predicate": predicate, "on_match": then} for predicate, then in branches]
    tree: Json = {"matcher_list": {"matchers": matchers}} if matchers else {}
    return tree | ({} if otherwise is None else {"on_no_match": otherwise})


def look_up(value: Json, found: dict[str, Json], otherwise: Json | None = None) -> Json:
    """Matcher: one exact look-up, whatever the number of values."""
    tree: Json = {"matcher_tree": {"input": value, "exact_match_map": {"map": found}}}
    return tree | ({} if otherwise is None else {"on_no_match": otherwise})


def nested(matcher: Json) -> Json:
    """On match: ask another matcher."""
    return {"matcher": matcher}


def run(name: str, config: Json) -> Json:
    """On match: run a filter with *config*."""
    action = typed(
        "envoy.extensions.filters.http.composite.v3.ExecuteFilterAction",
        typed_config={"name": name, "typed_config": config},
    )
    return {"action": {"name": name, "typed_config": action}}


def run_all(name: str, filters: Iterable[Json]) -> Json:
    """On match: run *filters*, one after the other (Envoy 1.38)."""
    action = typed(
        "envoy.extensions.filters.http.composite.v3.ExecuteFilterAction",
        filter_chain={"typed_config": list(filters)},
    )
    return {"action": {"name": name, "typed_config": action}}


def composite(name: str, matcher: Json) -> Json:
    """Filter: the one that *matcher* names for the request, or none."""
    return extension(
        name,
        "envoy.extensions.common.matching.v3.ExtensionWithMatcher",
        extension_config=extension(
            "composite", "envoy.extensions.filters.http.composite.v3.Composite"
        ),
        xds_matcher=matcher,
    )


def filter_of(name: str, config: Json) -> Json:
    """Filter: *config*, always."""
    return {"name": name, "typed_config": config}


def mutate(*mutations: Json) -> Json:
    """Filter config: change request headers, in order."""
    message = "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation"
    return typed(message, mutations={"request_mutations": list(mutations)})


def put(name: str, value: str, *, when: str = "OVERWRITE_IF_EXISTS_OR_ADD") -> Json:
    """Mutation: write one line, *value* being a format string. An empty value is not written."""
    return {"append": {"header": {"key": name, "value": value}, "append_action": when}}


def drop(name: str) -> Json:
    """Mutation: remove every line."""
    return {"remove": name}


def extract(
    source: str, key: str, pattern: str, substitution: str, *, namespace: str = METADATA
) -> Json:
    r"""header_to_metadata rule: replace every match of *pattern*, keep what is left unless empty.

    It keeps nothing of 8 KiB or more.
    """
    rewrite = {"pattern": {"regex": pattern}, "substitution": substitution}
    kept = {"metadata_namespace": namespace, "key": key, "regex_value_rewrite": rewrite}
    return {"header": source, "on_header_present": kept}


def to_metadata(rules: Iterable[Json]) -> Json:
    """Filter config: header_to_metadata."""
    message = "envoy.extensions.filters.http.header_to_metadata.v3.Config"
    return typed(message, request_rules=list(rules))


def metadata(key: str, *, namespace: str = METADATA) -> str:
    """Format: what ``extract`` kept, or another filter."""
    return f"%DYNAMIC_METADATA({namespace}:{key})%"


def kept(key: str) -> str:
    """Format: a filter state object."""
    return f"%FILTER_STATE({key}:PLAIN)%"


def keep(key: str, value: str, *, empty: bool = False) -> Json:
    """set_filter_state rule: *value* is a format string; *empty* keeps an empty value too."""
    text_format = {"text_format_source": {"inline_string": value}, "omit_empty_values": True}
    rule = {"object_key": key, "factory_key": "envoy.string", "format_string": text_format}
    return rule if empty else rule | {"skip_if_empty": True}


def to_state(rules: Iterable[Json], *, reroute: bool = False) -> Json:
    """Filter config: set_filter_state. *reroute* makes Envoy pick the route again."""
    message = "envoy.extensions.filters.http.set_filter_state.v3.Config"
    config = typed(message, on_request_headers=list(rules))
    return config | ({"clear_route_cache": True} if reroute else {})


def literal(value: str) -> str:
    """*value* in a format string."""
    return value.replace("%", "%%")


def escape(value: str) -> str:
    """*value* in a regex."""
    return re.escape(value)
