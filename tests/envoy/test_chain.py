"""Which filters a chain has, and what they may see and touch."""

import re

import pytest

from colorfast.envoy import (
    EARLY,
    FILTERS,
    Chain,
    EnvoyVersion,
    ExtProcOptions,
    Json,
    Station,
    bootstrap,
    ext_proc_chain,
    extproc_cluster,
)
from colorfast.policy import Policy, load_policy

HEAD = "apiVersion: colorfast.dev/v1alpha1\nkind: LanePolicy\nmetadata: {name: x}\nspec:\n"


def policy(spec: str = "") -> Policy:
    return load_policy(f"{HEAD}  lanes: [base]\n  default: base\n{spec}").policy


def chain(spec: str = "", station: Station = "dye") -> Chain:
    return ext_proc_chain(policy(spec), ExtProcOptions(station=station))


def ext_proc(chain: Chain) -> Json:
    config: Json = chain.filters[0]["typed_config"]
    return config


def forwarded(config: Json) -> list[str]:
    return [pattern["exact"] for pattern in config["forward_rules"]["allowed_headers"]["patterns"]]


def metadata(config: Json) -> dict[str, str]:
    pairs = config["grpc_service"]["initial_metadata"]
    return {pair["key"]: pair["value"] for pair in pairs}


def rule(match: str) -> str:
    return f"  rules:\n  - name: r\n    match:\n    - {match}\n    lane: base\n"


def test_every_row_of_the_order_has_a_reason() -> None:
    assert all(row.why for row in EARLY + FILTERS)


def test_a_drop_edge_strips_early_and_after_the_service() -> None:
    names = [config["name"] for config in chain().filters]
    assert names == ["colorfast.dye", "colorfast.edge.baggage"]
    assert [config["name"] for config in chain().early] == ["colorfast.edge.header"]


def test_before_1_38_a_drop_edge_strips_in_two_filters() -> None:
    old = ext_proc_chain(policy(), ExtProcOptions(envoy=EnvoyVersion(1, 37)))
    names = [config["name"] for config in old.filters]
    assert names == ["colorfast.dye", "colorfast.edge.rest", "colorfast.edge.baggage"]


def test_a_hop_strips_nothing() -> None:
    carry = chain(station="carry")
    assert [config["name"] for config in carry.filters] == ["colorfast.carry"]
    assert not carry.early


def test_an_accepting_edge_strips_nothing() -> None:
    accepting = chain("  edge: {client: accept, accept: [base]}")
    assert len(accepting.filters) == 1
    assert not accepting.early


@pytest.mark.parametrize(
    ("match", "header"),
    [
        ("headers: {Agent: {exact: pc}}", "agent"),
        ("cookies: {uid: {present: true}}", "cookie"),
        ("query: {v: {exact: '2'}}", ":path"),
        ("path: {prefix: /a}", ":path"),
        ("method: {exact: GET}", ":method"),
        ("host: {exact: a.example}", ":authority"),
    ],
)
def test_only_what_the_rules_read_is_sent(match: str, header: str) -> None:
    config = ext_proc(chain(rule(match)))
    assert forwarded(config) == sorted(["baggage", "x-lane", header])
    assert metadata(config)["colorfast-forwards"] == ",".join([*forwarded(config), "edge.drop"])
    assert "request_attributes" not in config


def test_a_hop_sends_lane_header_and_baggage_only() -> None:
    config = ext_proc(chain(rule("sourceIp: [10.0.0.0/8]"), "carry"))
    assert forwarded(config) == ["baggage", "x-lane"]
    assert "request_attributes" not in config


def test_the_source_address_is_sent_when_a_rule_reads_it() -> None:
    config = ext_proc(chain(rule("sourceIp: [10.0.0.0/8]")))
    assert config["request_attributes"] == ["source.address"]
    assert metadata(config)["colorfast-forwards"] == "baggage,x-lane,source.address,edge.drop"


def test_what_a_parked_rule_reads_is_not_sent() -> None:
    parked = rule("headers: {agent: {exact: pc}}") + "    enabled: false\n"
    assert forwarded(ext_proc(chain(parked))) == ["baggage", "x-lane"]


@pytest.mark.parametrize("station", ["dye", "carry"])
def test_the_service_learns_its_station(station: Station) -> None:
    assert metadata(ext_proc(chain(station=station)))["colorfast-station"] == station


def test_metadata_is_asked_for_only_by_option() -> None:
    assert "metadata_options" not in ext_proc(chain())
    config = ext_proc(ext_proc_chain(policy(), ExtProcOptions(metadata=True)))
    assert config["metadata_options"] == {"receiving_namespaces": {"untyped": ["colorfast"]}}
    assert metadata(config)["colorfast-metadata"] == "on"


def test_the_service_may_touch_two_headers_only() -> None:
    rules = ext_proc(chain("  header: x.lane\n"))["mutation_rules"]
    assert rules["disallow_all"]
    allowed = re.compile(rules["allow_expression"]["regex"])
    names = ["x.lane", "baggage", "x-lane", ":path", "host", "baggage2"]
    assert [name for name in names if allowed.fullmatch(name)] == ["x.lane", "baggage"]


def test_the_same_policy_gives_the_same_bytes() -> None:
    spec = rule("headers: {b: {exact: x}, a: {exact: x}, c: {exact: x}}")
    assert repr(chain(spec)) == repr(chain(spec))
    assert forwarded(ext_proc(chain(spec))) == ["a", "b", "baggage", "c", "x-lane"]


@pytest.mark.parametrize(
    "wrong",
    [{"station": "mend"}, {"message_timeout": 0}, {"connect_timeout": -1}, {"max_requests": 0}],
)
def test_options_out_of_range_are_refused(wrong: Json) -> None:
    with pytest.raises(ValueError, match=r"must be|below"):
        ExtProcOptions(**wrong)


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("unix:/run/x.sock", "STATIC"),
        ("10.0.0.1:50051", "STATIC"),
        ("[::1]:50051", "STATIC"),
        ("colorfast.svc:50051", "STRICT_DNS"),
    ],
)
def test_names_are_resolved_and_addresses_are_not(target: str, kind: str) -> None:
    assert extproc_cluster(ExtProcOptions(target=target))["type"] == kind


@pytest.mark.parametrize("target", ["", "host", ":1", "host:", "host:x", "host:65536", "::1"])
def test_a_target_without_host_or_port_is_refused(target: str) -> None:
    with pytest.raises(ValueError, match="neither"):
        bootstrap.address(target)
