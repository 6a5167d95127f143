"""From a pydantic model to a structural schema, the OpenAPI that Kubernetes admits.

A structural schema has no references, names one type everywhere, and prunes unknown fields instead
of refusing them (``kubectl`` refuses them on its own). What pydantic says in another way is said
again here; what a schema cannot say at all is left to CEL rules and to the service.
"""

from typing import Any, Final, TypeAlias

from pydantic import BaseModel

Schema: TypeAlias = dict[str, Any]

_KEPT: Final = (
    "description",
    "enum",
    "maximum",
    "minimum",
    "maxItems",
    "minItems",
    "maxLength",
    "minLength",
    "maxProperties",
    "minProperties",
    "pattern",
    "required",
    "type",
)
"""Keywords that mean the same to both."""

MAX_ITEMS: Final = 1024
MAX_PROPERTIES: Final = 64
MAX_LENGTH: Final = 4096
"""Bounds where a model has none: without them CEL would reckon with lists without end."""


def structural(model: type[BaseModel]) -> Schema:
    """The structural schema of *model*."""
    whole = model.model_json_schema(by_alias=True)
    return _converted(whole, whole.get("$defs", {}))


def _converted(schema: Schema, defs: dict[str, Schema]) -> Schema:
    if "$ref" in schema:
        return _converted(defs[schema["$ref"].rpartition("/")[2]], defs)
    if "anyOf" in schema:
        # Pydantic's way to say that a key may be left out.
        (some,) = [each for each in schema["anyOf"] if each != {"type": "null"}]
        return _converted(some, defs)
    if "oneOf" in schema:
        return {"x-kubernetes-preserve-unknown-fields": True}
    out: Schema = {key: schema[key] for key in _KEPT if key in schema}
    if "const" in schema:
        out["enum"] = [schema["const"]]
    match out.get("type"):
        case "array":
            out.setdefault("maxItems", MAX_ITEMS)
            out["items"] = _converted(schema["items"], defs)
        case "object":
            _object(out, schema, defs)
        case "string" if "enum" not in out:
            out.setdefault("maxLength", MAX_LENGTH)
    return out


def _object(out: Schema, schema: Schema, defs: dict[str, Schema]) -> None:
    if "properties" in schema:
        out["properties"] = {
            name: _converted(each, defs) for name, each in schema["properties"].items()
        }
        return
    out.setdefault("maxProperties", MAX_PROPERTIES)
    ((names, values),) = schema.get("patternProperties", {None: None}).items()
    out["additionalProperties"] = _converted(values or schema["additionalProperties"], defs)
    if names is not None:
        out["x-kubernetes-validations"] = [
            {"rule": f"self.all(key, key.matches({_cel(names)}))", "message": "a key is no name"}
        ]


def _cel(text: str) -> str:
    """*text* as a raw CEL string."""
    return f"r'{text}'" if "'" not in text else f'r"{text}"'
