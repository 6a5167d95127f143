"""What ``colorfast release generate`` writes for Istio, whichever controller moves it, is taken."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from lab.istio.tools import render, validate

pytestmark = pytest.mark.usefixtures("istio")

Json = dict[str, Any]

RELEASES = sorted((Path(__file__).parents[2] / "golden" / "release").glob("*/objects.yaml"))


def of_istio(path: Path) -> list[Json]:
    """The objects of Istio and the Gateway API."""
    documents = yaml.load_all(path.read_text(), yaml.CSafeLoader)
    groups = (".istio.io/", "gateway.networking.k8s.io/")
    return [one for one in documents if any(group in one["apiVersion"] for group in groups)]


@pytest.mark.parametrize("path", RELEASES, ids=lambda path: path.parent.name)
def test_api_server_and_istio_take_every_object_of_every_step(path: Path) -> None:
    objects = of_istio(path)
    assert objects
    assert validate(objects) == []
    render(objects, [], output="check")  # raises for what is refused or warned of


def test_there_are_releases() -> None:
    assert RELEASES
