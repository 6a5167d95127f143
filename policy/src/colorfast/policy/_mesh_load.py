"""A LaneMesh file's text to a Mesh, or to everything that is wrong with it."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from colorfast.lane import LaneSet
from colorfast.policy._load import findings, settle
from colorfast.policy._mesh import External, Gateway, Labels, Mesh, Service
from colorfast.policy._mesh_model import MeshEnvelope, MeshSpec, ServiceModel
from colorfast.policy._source import Document, Path, read_yaml
from colorfast.policy._validate import Validated, validate

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
    return _mesh(document, envelope.metadata.name, spec.value)


def _mesh(document: Document, name: str, spec: MeshSpec) -> Mesh:
    return Mesh(
        name=name,
        entry=spec.entry,
        services=tuple(
            replace(_service(name, one, spec), position=document.keys[(*_SPEC, "services", name)])
            for name, one in spec.services.items()
        ),
        gateways=tuple(
            Gateway(
                name=one.name,
                namespace=one.namespace,
                hosts=tuple(one.hosts),
                entry=one.entry,
                selector=_labels(one.selector),
            )
            for one in spec.gateways
        ),
        external=tuple(External(host=one.host, port=one.port) for one in spec.external),
        strict=LaneSet(tuple(spec.strict)),
        fallback=spec.fallback,
        file=document.file,
        strict_position=document.keys.get((*_SPEC, "strict"), (0, 0)),
    )


def _service(name: str, one: ServiceModel, spec: MeshSpec) -> Service:
    labels = one.lanes.items() if isinstance(one.lanes, dict) else ()
    return Service(
        name=name,
        lanes=tuple(one.lanes),
        calls=tuple(one.calls),
        app=one.app,
        namespace=one.namespace or spec.namespace,
        port=one.port,
        protocol=one.protocol,
        selector=_labels(one.selector or {}),
        lane_labels=tuple((lane, _labels(given)) for lane, given in labels),
    )


def _labels(labels: dict[str, str]) -> Labels:
    return tuple(labels.items())


def _check(document: Document, spec: Validated[MeshSpec]) -> None:
    assert spec.value is not None  # noqa: S101 (the caller has looked)
    _check_names(document, spec.value)
    for name, service in spec.value.services.items():
        _check_lanes(document, (*_SPEC, "services", name, "lanes"), name, service, spec.value)
    _check_calls(document, spec.value)


def _check_names(document: Document, spec: MeshSpec) -> None:
    for path, name in _named(spec):
        if name not in spec.services:
            known = ", ".join(spec.services)
            document.report(
                "CF221", path, f"there is no service {name}", fix=f"name one of {known}"
            )


def _named(spec: MeshSpec) -> Iterator[tuple[Path, str]]:
    yield (*_SPEC, "entry"), spec.entry
    for index, gateway in enumerate(spec.gateways):
        if gateway.entry is not None:
            yield (*_SPEC, "gateways", index, "entry"), gateway.entry
    for name, service in spec.services.items():
        for index, call in enumerate(service.calls):
            yield (*_SPEC, "services", name, "calls", index), call


def _check_lanes(
    document: Document, path: Path, name: str, service: ServiceModel, spec: MeshSpec
) -> None:
    lanes = list(service.lanes)
    for index, lane in enumerate(lanes):
        if lane in lanes[:index]:
            document.report("CF107", (*path, index), f"{name} is deployed in {lane} twice")
    built = _service(name, service, spec)
    for one, other in combinations(dict.fromkeys(lanes), 2):
        for wide, narrow in ((one, other), (other, one)):
            if set(built.pods_of(wide)) <= set(built.pods_of(narrow)):
                document.report(
                    "CF223",
                    (*path, wide) if isinstance(service.lanes, dict) else path,
                    f"the labels of {name} in {wide} also select its pods in {narrow}",
                    why=f"requests of {wide} would reach both versions",
                    fix="give every lane a value of its own for the same label",
                    at_key=isinstance(service.lanes, dict),
                )
                break


def _check_calls(document: Document, spec: MeshSpec) -> None:
    cycle = next((found for name in spec.services if (found := _cycle(spec, name))), None)
    if cycle is not None:
        document.report(
            "CF222",
            (*_SPEC, "services", cycle[0], "calls"),
            f"the calls {' -> '.join(cycle)} never end",
            why="every request would go round until it times out",
            fix="remove one of the calls",
        )


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
