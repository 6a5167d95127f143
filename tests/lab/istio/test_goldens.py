"""From a policy to what Envoy runs: Istio's renderings, kept, so that no Go is needed to check them.

``make lab-istio`` renders again and compares; with ``ARGS="-k test_goldens --update-golden"`` it writes them. Without
Istio's engine the tests hold the renderings to the objects that they were made from, to the filters
that a policy compiles to, and to Envoy.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from lab.istio.cases import CASES, Case
from lab.istio.reading import TUNNELS, Json, differences, managers
from lab.istio.tools import render

from colorfast.k8s import dump
from colorfast.k8s.targets._chains import chain_of
from colorfast.wasm import path as wasm_module
from helpers.envoys import validate

GOLDEN = Path(__file__).parents[2] / "golden" / "lab-istio"
SOURCE = "rendered-from.txt"

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def chosen(case: Case) -> list[str]:
    """The gateways, and the hops of the service that they lead to."""
    return [*case.gateways, *(p for p, name in case.hops.items() if name == case.mesh.entry)]


def path_of(case: Case, proxy: str) -> Path:
    return GOLDEN / case.name / f"{proxy.replace(':', '.').replace('/', '.')}.yaml"


def source(case: Case) -> str:
    """Which objects a rendering is of."""
    digest = hashlib.sha256(dump(case.objects).encode()).hexdigest()
    return f"objects sha256 {digest}\n"


@cache
def golden_of(case: str, proxy: str) -> Json:
    (found,) = (one for one in CASES if one.name == case)
    data: Any = yaml.load(path_of(found, proxy).read_text(), yaml.CSafeLoader)
    assert isinstance(data, dict)
    return data


PROXIES = [
    pytest.param(case, proxy, id=f"{case.name}-{proxy}") for case in CASES for proxy in chosen(case)
]


@pytest.mark.usefixtures("istio")
@each_case
def test_istio_renders_it_as_it_did(case: Case, golden: Callable[[Path, str], None]) -> None:
    rendered = render(case.objects, chosen(case), output="bootstrap", ambient=case.ambient)
    assert rendered.keys() == set(chosen(case))
    for proxy, bootstrap in rendered.items():
        golden(path_of(case, proxy), dump([bootstrap]))
    golden(GOLDEN / case.name / SOURCE, source(case))


@each_case
def test_the_objects_are_those_that_were_rendered(case: Case) -> None:
    kept = (GOLDEN / case.name / SOURCE).read_text()
    assert kept == source(case), "CONTRIBUTING.md says how they are rendered anew"


@pytest.mark.parametrize(("case", "proxy"), PROXIES)
def test_what_is_kept_has_the_filters_that_the_policy_compiles_to(case: Case, proxy: str) -> None:
    options = case.station(proxy)
    if options.backend == "wasm":
        pytest.skip("a plugin is no filter of a chain; test_stations has it")
    chain, clusters = chain_of(case.policy, options)
    kept = golden_of(case.name, proxy)["static_resources"]
    seen = list(managers(kept))
    assert seen
    for _, manager in seen:
        first = manager["http_filters"][: len(chain.filters)]
        assert list(differences(first, list(chain.filters))) == []
        early = manager.get("early_header_mutation_extensions")
        assert list(differences(early, list(chain.early))) == []
    sent = {one["name"]: one for one in kept["clusters"]}
    for cluster in clusters:
        assert list(differences(sent[cluster["name"]], cluster)) == []


@pytest.mark.parametrize(("case", "proxy"), PROXIES)
def test_envoy_takes_what_is_kept(case: Case, proxy: str) -> None:
    kept = with_plugins_fetched(golden_of(case.name, proxy))
    resources = kept["static_resources"]
    # A waypoint's tunnels are made of what only Istio's Envoy has.
    listeners = [one for one in resources["listeners"] if one["name"] not in TUNNELS]
    assert listeners
    # As in the bootstrap of Istio's proxies.
    layer = {"name": "static", "static_layer": {"re2.max_program_size.error_level": 32768}}
    package = "envoy.extensions.bootstrap.internal_listener.v3.InternalListener"
    internal = {"@type": f"type.googleapis.com/{package}"}
    validate(
        kept
        | {
            "static_resources": resources | {"listeners": listeners},
            "layered_runtime": {"layers": [layer]},
            "bootstrap_extensions": [{"name": "internal", "typed_config": internal}],
        }
    )


def with_plugins_fetched(value: Any) -> Any:
    """As Istio's agent does before Envoy sees it: a plugin from a registry is a file."""
    if isinstance(value, list):
        return [with_plugins_fetched(one) for one in value]
    if not isinstance(value, dict):
        return value
    if "http_uri" in value.get("remote", {}):
        return {"local": {"filename": str(wasm_module())}}
    return {key: with_plugins_fetched(one) for key, one in value.items()}


def test_every_golden_is_of_a_case(no_orphans: Callable[[Path, set[Path]], None]) -> None:
    known = {path_of(case, proxy) for case in CASES for proxy in chosen(case)}
    no_orphans(GOLDEN, known | {GOLDEN / case.name / SOURCE for case in CASES})
