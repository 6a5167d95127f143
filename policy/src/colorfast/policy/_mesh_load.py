"""A LaneMesh file's text to a Mesh, or to everything that is wrong with it."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from colorfast.policy._load import findings, settle
from colorfast.policy._mesh import App, Mesh, Service
from colorfast.policy._model import Envelope, LaneName, Model
from colorfast.policy._source import Document, Path, read_yaml
from colorfast.policy._validate import Validated, validate

ServiceName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
"""A DNS label (RFC 1123): a service is called by its name."""


class ServiceModel(Model):
    """One service: where it is deployed, and what it calls."""

    lanes: Annotated[list[LaneName], Field(min_length=1)]
    calls: list[str] = Field(default_factory=list)
    app: App = "aiohttp"


class MeshSpec(Model):
    """A LaneMesh's ``spec``."""

    entry: str
    services: Annotated[dict[ServiceName, ServiceModel], Field(min_length=1)]


class MeshEnvelope(Envelope):
    """A LaneMesh file whose ``spec`` is looked at apart."""

    kind: Literal["LaneMesh"]


_SPEC: Path = ("spec",)


def load_mesh(text: str, *, file: str = "<mesh>") -> Mesh:
    """Read a LaneMesh. *file* is the name that diagnostics show.

    Raises InvalidInput, with every finding and not only the first, when there is an error.
    """
    document = read_yaml(text, file)
    return settle(document, _read(document) if document.readable else None)


def _read(document: Document) -> Mesh | None:
    envelope = validate(MeshEnvelope, document).value
    if not isinstance(document.data, dict) or "spec" not in document.data:
        return None
    spec = validate(MeshSpec, document, _SPEC)
    if spec.value is not None:
        _check(document, spec)
    if envelope is None or spec.value is None or findings(document):
        return None
    services = tuple(
        Service(name=name, lanes=tuple(one.lanes), calls=tuple(one.calls), app=one.app)
        for name, one in spec.value.services.items()
    )
    return Mesh(name=envelope.metadata.name, entry=spec.value.entry, services=services)


def _check(document: Document, spec: Validated[MeshSpec]) -> None:
    assert spec.value is not None  # noqa: S101 (the caller has looked)
    services = spec.value.services
    for path, name in _named(spec.value):
        if name not in services:
            known = ", ".join(services)
            document.report(
                "CF221", path, f"there is no service {name}", fix=f"name one of {known}"
            )
    for name, service in services.items():
        for index, lane in enumerate(service.lanes):
            if lane in service.lanes[:index]:
                path = (*_SPEC, "services", name, "lanes", index)
                document.report("CF107", path, f"{name} is deployed in {lane} twice")
    cycle = next((found for name in services if (found := _cycle(spec.value, name))), None)
    if cycle is not None:
        document.report(
            "CF222",
            (*_SPEC, "services", cycle[0], "calls"),
            f"the calls {' -> '.join(cycle)} never end",
            why="every request would go round until it times out",
            fix="remove one of the calls",
        )


def _named(spec: MeshSpec) -> Iterator[tuple[Path, str]]:
    yield (*_SPEC, "entry"), spec.entry
    for name, service in spec.services.items():
        for index, call in enumerate(service.calls):
            yield (*_SPEC, "services", name, "calls", index), call


def _cycle(spec: MeshSpec, start: str) -> tuple[str, ...] | None:
    """A walk from *start* back to it, or None."""
    seen: set[str] = set()
    walks: list[tuple[str, ...]] = [(start,)]
    while walks:
        walk = walks.pop()
        for call in spec.services[walk[-1]].calls:
            if call == start:
                return (*walk, call)
            if call in spec.services and call not in seen:
                seen.add(call)
                walks.append((*walk, call))
    return None
