"""A document against a model: every error at its place, and as much of a value as can be had.

A file with a mistake in one field still gets its other fields checked: what is broken is left out,
the rest is validated again, and the caller is told what is missing.
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from colorfast.policy._source import Document, Path

M = TypeVar("M", bound=BaseModel)

_TYPES = {
    "string_type": ("text", "put it in quotes"),
    "int_type": ("a whole number", ""),
    "bool_type": ("true or false", ""),
    "list_type": ("a list", "write it as [a, b] or as lines that start with -"),
    "dict_type": ("a mapping", ""),
    "model_type": ("a mapping", ""),
    "model_attributes_type": ("a mapping", ""),
}


@dataclass(frozen=True, slots=True)
class Validated(Generic[M]):
    """*value* is None when nothing usable was left; *broken* are the fields that were left out."""

    value: M | None
    broken: frozenset[str] = frozenset()


def validate(
    model: type[M], document: Document, at: Path = (), *, later: tuple[str, ...] = ()
) -> Validated[M]:
    """Validate the mapping at *at*, reporting every error into the document.

    Fields named in *later* are left out: the caller validates them one by one.
    """
    data = document.get(at)
    if isinstance(data, dict):
        data = {key: value for key, value in data.items() if key not in later}
    try:
        return Validated(model.model_validate(data))
    except ValidationError as error:
        broken = {_report(document, model, at, detail) for detail in error.errors()}
    if not isinstance(data, dict):
        return Validated(None)
    sound = {key: value for key, value in data.items() if key not in broken}
    try:
        return Validated(model.model_validate(sound), frozenset(broken))
    except ValidationError:
        return Validated(None, frozenset(broken))


def _report(document: Document, model: type[BaseModel], at: Path, detail: ErrorDetails) -> str:
    """Turn one of pydantic's errors into a diagnostic; the field that it spoils comes back."""
    loc = detail["loc"]
    at_key = bool(loc) and loc[-1] == "[key]"
    if at_key:
        loc = loc[:-1]
    kind = detail["type"]
    path = document.nearest((*at, *loc))
    name = _called(path)
    if kind == "missing":
        document.report("CF105", path, f"{loc[-1]} is missing")
    elif kind == "extra_forbidden":
        document.report(
            "CF104",
            path,
            f"{name} is not a key of this place",
            fix=_guess(model, name),
            at_key=True,
        )
    elif kind.startswith("CF"):
        context = detail.get("ctx", {})
        document.report(
            kind, path, context["what"], why=context["why"], fix=context["fix"], at_key=at_key
        )
    elif kind in _TYPES and (document.found("CF103", path) or document.found("CF109", path)):
        pass  # what this value was meant to be has been asked already
    elif kind in _TYPES:
        wanted, fix = _TYPES[kind]
        given = _shown(detail["input"])
        fix = "" if detail["input"] is None else fix
        document.report("CF106", path, f"{name} is {given} and must be {wanted}", fix=fix)
    elif kind == "literal_error" and loc[-1] in ("apiVersion", "kind"):
        expected = detail["ctx"]["expected"]
        document.report("CF108", path, f"{name} is {_shown(detail['input'])}, not {expected}")
    elif kind == "too_short":
        document.report("CF107", path, f"{name} is empty", at_key=True)
    else:
        document.report("CF107", path, f"{name}: {_lower(detail['msg'])}", at_key=at_key)
    return str(detail["loc"][0]) if detail["loc"] else ""


def _called(path: Path) -> str:
    match path:
        case ():
            return "the file"
        case (*_, str(key)):
            return key or "an empty key"
        case (*_, str(key), int(index)):
            return f"item {index + 1} of {key}"
        case _:
            return "this"


def _guess(model: type[BaseModel], name: str) -> str:
    close = difflib.get_close_matches(name, sorted(set(_known_keys(model))), n=1)
    return f"did you mean {close[0]}?" if close else "remove it"


def _known_keys(model: type[BaseModel]) -> Iterable[str]:
    for schema in (model.model_json_schema(), *model.model_json_schema().get("$defs", {}).values()):
        yield from schema.get("properties", {})


def _shown(value: Any) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return "the boolean " + str(value).lower()
        case int() | float():
            return f"the number {value}"
        case str():
            return repr(value)
        case list():
            return "a list"
        case _:
            return "a mapping"


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
