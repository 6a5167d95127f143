"""What is a note, or nothing: what cannot be judged from the files, and what is suppressed."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from colorfast.cli._app import colorfast

FILTER = """
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: dye}
spec:
  configPatches:
  - applyTo: HTTP_FILTER
    patch:
      operation: INSERT_FIRST
      value:
        name: dye
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor
          grpc_service: {envoy_grpc: {cluster_name: "%s"}}
          failure_mode_allow: true
          message_timeout: 0.2s
          route_cache_action: CLEAR
"""
ENTRY = """
apiVersion: colorfast.dev/v1alpha1
kind: LanePolicy
metadata: {name: shop}
spec: {lanes: [base]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: rates}
spec:
  hosts: [rates.example.com]
  ports: [{number: 80, name: http, protocol: HTTP}]
"""
SPLIT = """
apiVersion: colorfast.dev/v1alpha1
kind: LanePolicy
metadata: {name: shop}
spec:
  lanes: [base, canary]
  rules: [{name: some, split: {by: [sourceIp], weights: {base: 9500, canary: 500}}}]
"""
GATEWAY = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: front, namespace: shop}
spec:
  hosts: [shop.example.com]
  gateways: [public, istio-system/public]
  http:
  - route: [{destination: {host: front, subset: base}}]
"""


def codes(text: str, tmp_path: Path) -> tuple[int, list[tuple[str, str]]]:
    path = tmp_path / "f.yaml"
    path.write_text(text)
    arguments = ["lint", "--strict", "-o", "json", str(path)]
    result = CliRunner().invoke(colorfast, arguments, standalone_mode=False)
    [file] = json.loads(result.output)
    return result.return_value, [(one["code"], one["level"]) for one in file["diagnostics"]]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (FILTER % "elsewhere", "CF564"),
        (FILTER % "outbound|50051||dye.shop.svc.cluster.local", "CF564"),
        (ENTRY, "CF522"),
        (SPLIT, "CF523"),
    ],
)
def test_what_would_make_it_right_may_be_elsewhere(text: str, code: str, tmp_path: Path) -> None:
    assert codes(text, tmp_path) == (0, [(code, "note")])


def test_where_no_gateway_is_given_none_is_missed(tmp_path: Path) -> None:
    assert codes(GATEWAY, tmp_path) == (0, [])


def virtual_service(name: str, annotations: str = "", comment: str = "") -> str:
    return f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {name}, annotations: {{{annotations}}}}}
spec:
  hosts: [{name}]
  http:
  - match: [{{uri: {{prefix: /a}}}}]
    route:{comment}
    - {{destination: {{host: a}}, weight: 1}}
    - {{destination: {{host: b}}, weight: 1}}
  - route:
    - {{destination: {{host: a}}, weight: 1}}
    - {{destination: {{host: b}}, weight: 1}}
"""


def test_a_comment_is_for_its_line_only(tmp_path: Path) -> None:
    text = virtual_service("a", comment="  # colorfast: ignore CF515")
    assert codes(text, tmp_path) == (65, [("CF515", "warning")])


def test_an_annotation_is_for_its_object_only(tmp_path: Path) -> None:
    text = virtual_service("a", 'colorfast.dev/ignore: "CF515"') + "---" + virtual_service("b")
    assert codes(text, tmp_path) == (65, [("CF515", "warning")] * 2)
