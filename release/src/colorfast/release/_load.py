"""A LaneRelease file's text to a Release, or to everything that is wrong with it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath

from colorfast.policy import CODES as POLICY_CODES
from colorfast.policy import (
    ColorfastError,
    Diagnostic,
    InvalidInput,
    Mesh,
    Policy,
    check_fit,
    load_mesh,
    load_policy,
)
from colorfast.policy._build import sticky_attribute
from colorfast.policy._load import findings, settle
from colorfast.policy._source import Document, Path, read_yaml
from colorfast.policy._validate import validate
from colorfast.release._check import CHECKS, Draft, version_label
from colorfast.release._errors import CODES
from colorfast.release._model import (
    STYLES_OF,
    Analysis,
    Change,
    Controller,
    Json,
    Metric,
    Release,
    Stage,
    Sticky,
)
from colorfast.release._spec import AnalysisModel, ChangeModel, ReleaseEnvelope, ReleaseSpec

SPEC: Path = ("spec",)
_MINUTE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A release that can be used, and the warnings about the files that it names."""

    release: Release
    diagnostics: tuple[Diagnostic, ...] = ()


def load_release(
    text: str,
    *,
    read: Callable[[str], str],
    file: str = "<release>",
    controller: Controller | None = None,
) -> Loaded:
    """Read a LaneRelease. *read* fetches the text of the policy and of the mesh that it names.

    *file* is the name that diagnostics show; *controller* takes the place of the file's. Raises
    InvalidInput, with every finding and not only the first; what *read* raises passes through.
    """
    document = read_yaml(text, file)
    document.codes = {**POLICY_CODES, **CODES}
    release = None
    warnings: list[Diagnostic] = []
    if document.readable:
        release = _read(document, read, controller, warnings)
    return Loaded(release=settle(document, release), diagnostics=tuple(warnings))


def _read(
    document: Document,
    read: Callable[[str], str],
    controller: Controller | None,
    warnings: list[Diagnostic],
) -> Release | None:
    envelope = validate(ReleaseEnvelope, document).value
    if not isinstance(document.data, dict) or "spec" not in document.data:
        return None
    validated = validate(ReleaseSpec, document, SPEC)
    spec = validated.value
    if spec is None:
        return None
    policy = _policy(document, spec.policy, read, warnings)
    mesh = _mesh(document, spec.mesh, read)
    draft = Draft(
        document=document,
        spec=spec,
        broken=validated.broken,
        controller=controller or spec.controller,
        policy=policy and policy[0],
        mesh=mesh,
    )
    if policy is not None and mesh is not None:
        _fit(document, policy[0], mesh)
    for check in CHECKS:
        check(draft)
    if envelope is None or policy is None or mesh is None or findings(document):
        return None
    return _release(draft, envelope.metadata.name, policy, mesh)


def _policy(
    document: Document, file: str, read: Callable[[str], str], warnings: list[Diagnostic]
) -> tuple[Policy, Json] | None:
    text = _text(document, "policy", file, read)
    if text is None:
        return None
    shown = _beside(document.file, file)
    try:
        loaded = load_policy(text, file=shown)
    except InvalidInput as error:
        document.diagnostics += error.diagnostics
        return None
    warnings += loaded.diagnostics
    return loaded.policy, read_yaml(text, shown).data


def _mesh(document: Document, file: str, read: Callable[[str], str]) -> Mesh | None:
    text = _text(document, "mesh", file, read)
    if text is None:
        return None
    try:
        return load_mesh(text, file=_beside(document.file, file))
    except InvalidInput as error:
        document.diagnostics += error.diagnostics
        return None


def _beside(release: str, file: str) -> str:
    """How a file that *release* names is called in findings: as seen from where we are."""
    return file if release.startswith("<") else str(PurePath(release).parent / file)


def _text(document: Document, key: str, file: str, read: Callable[[str], str]) -> str | None:
    try:
        return read(file)
    except ColorfastError as error:
        document.report(error.code, (*SPEC, key), error.what, why=error.why, fix=error.fix)
        return None


def _fit(document: Document, policy: Policy, mesh: Mesh) -> None:
    try:
        check_fit(policy, mesh)
    except InvalidInput as error:
        document.diagnostics += error.diagnostics


def _release(draft: Draft, name: str, policy: tuple[Policy, Json], mesh: Mesh) -> Release:
    spec = draft.spec
    return Release(
        name=name,
        policy=policy[0],
        policy_object=policy[1],
        mesh=mesh,
        controller=draft.controller,
        pattern=spec.pattern,
        changes=tuple(_change(draft, mesh, name, one) for name, one in spec.services.items()),
        stages=tuple(Stage(weight=one.weight, pause=one.pause) for one in spec.steps),
        lane=spec.lane,
        style=spec.style or STYLES_OF[draft.controller][0],
        share=spec.share or "dye",
        sticky=Sticky(
            by=tuple(sticky_attribute(key) for key in spec.split.by),
            salt=name if spec.split.salt is None else spec.split.salt,
        )
        if spec.split is not None
        else None,
        finish=spec.finish or "last",
        drops=frozenset(spec.drops),
        analysis=_analysis(spec.analysis) if spec.analysis is not None else None,
        file=draft.document.file,
    )


def _change(draft: Draft, mesh: Mesh, name: str, one: ChangeModel) -> Change:
    service = mesh.service(name)
    return Change(
        service=service,
        old=one.from_,
        new=one.to,
        label=version_label(draft, service, one) or "version",
        image=one.image,
        replicas=one.replicas,
        position=draft.document.keys[(*SPEC, "services", name)],
    )


def _analysis(given: AnalysisModel) -> Analysis:
    return Analysis(
        interval=given.interval or _MINUTE,
        prometheus=given.prometheus,
        metrics=tuple(
            Metric(
                name=one.name,
                query=one.query,
                condition=one.condition,
                failure_limit=one.failure_limit,
            )
            for one in given.metrics
        ),
    )
