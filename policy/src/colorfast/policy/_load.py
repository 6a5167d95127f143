"""A LanePolicy file's text to a Policy, or to everything that is wrong with it."""

from dataclasses import dataclass
from typing import TypeVar

from colorfast.policy._build import build_policy
from colorfast.policy._check import CHECKS
from colorfast.policy._draft import Draft
from colorfast.policy._errors import Diagnostic, InvalidInput
from colorfast.policy._ir import Policy
from colorfast.policy._lint import LINTS
from colorfast.policy._model import PolicyEnvelope, RuleModel, SpecModel
from colorfast.policy._paths import placed_by_path
from colorfast.policy._source import Document, Path, read_yaml
from colorfast.policy._validate import validate

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A policy that can be used, and the warnings about it."""

    policy: Policy
    diagnostics: tuple[Diagnostic, ...] = ()


def load_policy(text: str, *, file: str = "<policy>", by_path: bool = False) -> Loaded:
    """Read a LanePolicy. *file* is the name that diagnostics show.

    With *by_path* they name the key, as ``spec.rules[0].lane``, and no line: for an object, whose
    text nobody has seen.

    Raises InvalidInput, with every finding and not only the first, when there is an error.
    """
    document = read_yaml(text, file, by_path=by_path)
    policy = _read(document) if document.readable else None
    return Loaded(policy=settle(document, policy), diagnostics=findings(document))


def policy_at(document: Document, at: Path, *, name: str) -> Policy | None:
    """The policy whose ``spec`` stands at *at*; None when it is broken (the document says why)."""
    rules_at = (*at, "rules")
    spec_data = document.get(at)
    rules_data = spec_data.get("rules") if isinstance(spec_data, dict) else None
    apart = isinstance(rules_data, list)
    spec = validate(SpecModel, document, at, later=("rules",) if apart else ())
    rules = (
        [validate(RuleModel, document, (*rules_at, i)) for i in range(len(rules_data))]
        if isinstance(rules_data, list)
        else []
    )
    draft = Draft(document=document, at=at, spec=spec.value, broken=spec.broken, rules=tuple(rules))
    for check in (*CHECKS, *LINTS):
        check(draft)
    if spec.value is None or any(d.level == "error" for d in document.diagnostics):
        return None
    whole = [(rule, document.values[path]) for path, rule in draft.sound_rules(whole=True)]
    return build_policy(name, spec.value, whole, file=document.file)


def _read(document: Document) -> Policy | None:
    envelope = validate(PolicyEnvelope, document).value
    if not isinstance(document.data, dict) or "spec" not in document.data:
        return None
    # Without a usable envelope there is an error already; the name only keeps the checks going.
    return policy_at(document, ("spec",), name=envelope.metadata.name if envelope else "policy")


def settle(document: Document, value: T | None) -> T:
    """*value*, unless the document has an error. Raises InvalidInput."""
    if value is None or any(d.level == "error" for d in document.diagnostics):
        raise InvalidInput(findings(document))
    return value


def findings(document: Document) -> tuple[Diagnostic, ...]:
    """What was found, in the order of the file."""
    found = tuple(sorted(document.diagnostics, key=lambda d: (d.line, d.column, d.code)))
    return placed_by_path(document, found) if document.by_path else found
