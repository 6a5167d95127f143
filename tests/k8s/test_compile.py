"""``colorfast compile`` to Kubernetes objects."""

import json
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner, Result

from colorfast.cli._app import colorfast

POLICY = str(Path(__file__).parents[2] / "examples" / "shop.yaml")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(
        colorfast,
        ["compile", POLICY, *arguments],
        standalone_mode=False,
        catch_exceptions=False,
    )


@pytest.mark.parametrize(
    ("arguments", "kind", "name"),
    [
        ("--to envoyfilter --selector istio=gw", "EnvoyFilter", "colorfast-dye-gw"),
        ("--to envoyfilter --station carry", "EnvoyFilter", "colorfast-carry-sidecar"),
        ("--to trafficextension --gateway shop", "TrafficExtension", "colorfast-dye-shop"),
        (
            "--to trafficextension --station waypoint --gateway wp",
            "TrafficExtension",
            "colorfast-carry-wp",
        ),
        ("--to wasmplugin --istio-version 1.29", "WasmPlugin", "colorfast-dye-gateway"),
        ("--to extensionpolicy --gateway eg", "EnvoyExtensionPolicy", "colorfast-dye-eg"),
    ],
)
def test_an_object_of_its_kind_comes_out(arguments: str, kind: str, name: str) -> None:
    (one,) = yaml.safe_load_all(run(*arguments.split()).stdout)
    assert (one["kind"], one["metadata"]["name"]) == (kind, name)


def test_the_service_is_found_in_the_cluster_unless_it_is_said_where() -> None:
    usual = run("--to", "extensionpolicy", "--gateway", "eg", "-o", "json").stdout
    (backend,) = json.loads(usual)["spec"]["extProc"][0]["backendRefs"]
    assert (backend["name"], backend["namespace"]) == ("colorfast", "colorfast")
    other = run("--to", "envoyfilter", "--service", "dye.example.internal:9000").stdout
    assert "dye.example.internal" in other


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ("--to lua --station gateway", "goes with a Kubernetes object"),
        ("--to envoyfilter --station waypoint", "named by its Gateway"),
        ("--to envoyfilter --selector app", "is not KEY=VALUE"),
        ("--to envoyfilter --istio-version new", "is not a version"),
    ],
)
def test_options_that_mean_nothing_are_refused(arguments: str, why: str) -> None:
    with pytest.raises(click.UsageError, match=why):
        run(*arguments.split())
