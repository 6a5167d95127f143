"""istioctl, as users run it, has nothing to say against what we generate.

One thing it says about every EnvoyFilter, that it exposes Envoy's internals. That is so, and is why
the filters stay out of what a release changes.
"""

from copy import deepcopy

import pytest
from lab.istio.cases import CASES, EXAMPLE, Case
from lab.istio.tools import analyze, validate

pytestmark = pytest.mark.usefixtures("istio")

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@each_case
def test_analyze_finds_nothing(case: Case) -> None:
    assert analyze(case.objects) == []


@each_case
def test_validate_finds_nothing(case: Case) -> None:
    assert validate(case.generated) == []


def test_analyze_would_find_a_gateway_that_is_not_there() -> None:
    objects = [one for one in EXAMPLE.objects if one["kind"] != "Gateway"]
    assert "IST0101" in {code for code, _, _ in analyze(objects)}


def test_validate_would_refuse_a_route_without_a_destination() -> None:
    objects = deepcopy(EXAMPLE.generated)
    route = next(one for one in objects if one["kind"] == "VirtualService")
    route["spec"]["http"][0]["route"] = []
    with pytest.raises(AssertionError, match="route"):
        validate(objects)
