"""What a LaneMesh may say."""

import pytest

from colorfast.policy import InvalidInput, load_mesh

HEAD = "apiVersion: colorfast.dev/v1alpha1\nkind: LaneMesh\nmetadata: {name: m}\n"

BROKEN = [
    ("CF105", "", "1:1"),
    ("CF105", "spec: {services: {a: {lanes: [base]}}}", "4:7"),
    ("CF105", "spec: {entry: a, services: {a: {}}}", "4:32"),
    ("CF106", "spec: []", "4:7"),
    ("CF104", "spec: {entry: a, services: {a: {lanes: [base], call: []}}}", "4:48"),
    ("CF107", "spec: {entry: a, services: {}}", "4:18"),
    ("CF107", "spec: {entry: a, services: {a: {lanes: []}}}", "4:33"),
    ("CF107", "spec: {entry: a, services: {a: {lanes: [base, base]}}}", "4:47"),
    ("CF107", "spec: {entry: a, services: {a: {lanes: [base], app: php}}}", "4:53"),
    ("CF107", "spec: {entry: a.b, services: {a.b: {lanes: [base]}}}", "4:31"),
    ("CF202", "spec: {entry: a, services: {a: {lanes: [Base]}}}", "4:41"),
    ("CF221", "spec: {entry: b, services: {a: {lanes: [base]}}}", "4:15"),
    ("CF221", "spec: {entry: a, services: {a: {lanes: [base], calls: [b]}}}", "4:56"),
    ("CF222", "spec: {entry: a, services: {a: {lanes: [base], calls: [a]}}}", "4:55"),
    ("CF107", "spec: {entry: a, services: {a: {lanes: {base: {}}}}}", "4:41"),
    ("CF107", "spec: {entry: a, services: {a: {lanes: [base], port: 0}}}", "4:54"),
    ("CF107", "spec: {entry: a, services: {a: {lanes: [base], namespace: A}}}", "4:59"),
    ("CF107", "spec: {entry: a, fallback: never, services: {a: {lanes: [base]}}}", "4:28"),
    ("CF202", "spec: {entry: a, strict: [A], services: {a: {lanes: [base]}}}", "4:27"),
    (
        "CF221",
        "spec: {entry: a, gateways: [{name: g, hosts: [g], entry: b}], services: {a: {lanes: [base]}}}",
        "4:58",
    ),
    (
        "CF223",
        "spec: {entry: a, services: {a: {lanes: {base: {v: a}, canary: {v: a, w: b}}}}}",
        "4:41",
    ),
    (
        "CF223",
        "spec: {entry: a, services: {a: {lanes: {pr-1: {v: a, w: b}, base: {v: a}}}}}",
        "4:61",
    ),
]


@pytest.mark.parametrize(("code", "spec", "position"), BROKEN)
def test_each_mistake_has_its_code_and_its_place(code: str, spec: str, position: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        load_mesh(HEAD + spec, file="m.yaml")
    assert [(d.code, f"{d.line}:{d.column}") for d in caught.value.diagnostics] == [
        (code, position)
    ]


def test_another_kind_of_file_is_refused() -> None:
    with pytest.raises(InvalidInput, match="CF108: kind is 'LanePolicy'"):
        load_mesh(HEAD.replace("LaneMesh", "LanePolicy") + "spec: {}")


def test_a_mesh_knows_its_workloads() -> None:
    mesh = load_mesh(
        HEAD
        + "spec: {entry: a, services: {a: {lanes: [base, pr-1], calls: [b]}, b: {lanes: [base]}}}"
    )
    assert [workload.name for workload in mesh.workloads] == ["a.base", "a.pr-1", "b.base"]
    assert mesh.service("a").calls == ("b",)
    with pytest.raises(KeyError):
        mesh.service("c")


def test_calls_that_come_back_later_never_end_either() -> None:
    services = "{a: {lanes: [base], calls: [b]}, b: {lanes: [base], calls: [c]}, c: {lanes: [base], calls: [b]}}"
    with pytest.raises(InvalidInput, match="the calls b -> c -> b never end"):
        load_mesh(HEAD + f"spec: {{entry: a, services: {services}}}")


def test_a_service_may_be_called_from_several() -> None:
    services = (
        "{a: {lanes: [base], calls: [b, c]}, b: {lanes: [base], calls: [c]}, c: {lanes: [base]}}"
    )
    assert load_mesh(HEAD + f"spec: {{entry: a, services: {services}}}").entry == "a"


def test_what_kubernetes_needs_to_know_has_defaults() -> None:
    service = load_mesh(HEAD + "spec: {entry: a, services: {a: {lanes: [base]}}}").service("a")
    assert service.host == "a.default.svc.cluster.local"
    assert service.pods_of("base") == (("app", "a"), ("version", "base"))


def test_what_kubernetes_needs_to_know_can_be_said() -> None:
    mesh = load_mesh(
        HEAD
        + """spec:
  namespace: shop
  entry: a
  gateways: [{name: shop, hosts: [shop.example.com, "*.shop.example.com"]}]
  external: [{host: pay.example.org, port: 8080}]
  strict: ["pr-*"]
  fallback: endpoints
  services:
    a: {lanes: {base: {version: v1}, pr-1: {version: v2}}, selector: {tier: web}, calls: [b]}
    b: {lanes: [base], namespace: stock, port: 9000, protocol: grpc}
"""
    )
    a, b = mesh.services
    assert (a.host, b.host) == ("a.shop.svc.cluster.local", "b.stock.svc.cluster.local")
    assert a.pods_of("pr-1") == (("tier", "web"), ("version", "v2"))
    assert (b.port, b.protocol) == (9000, "grpc")
    assert mesh.gateways[0].namespace == "istio-system"
    assert mesh.external[0].port == 8080
    assert "pr-7" in mesh.strict
    assert mesh.fallback == "endpoints"


def test_gateways_may_lead_to_services_of_their_own() -> None:
    mesh = load_mesh(
        HEAD
        + """spec:
  entry: a
  gateways: [{name: g, hosts: [g]}, {name: h, hosts: [h], entry: b}]
  services: {a: {lanes: [base], calls: [b]}, b: {lanes: [base]}}
"""
    )
    assert [mesh.entry_of(gateway).name for gateway in mesh.gateways] == ["a", "b"]
    assert mesh.entrances == ("a", "b")
