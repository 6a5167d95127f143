"""LanePolicy as it is written: the strict model of the file, shape by shape.

Only what one value can tell is checked here; what takes two to tell is in ``_check``. Errors of our
own carry their code as the error's type, which is how ``_validate`` tells them from pydantic's.
"""

import re
from ipaddress import ip_network
from typing import Annotated, Any, Literal, Self

import re2
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    model_validator,
)
from pydantic_core import PydanticCustomError

from colorfast.lane import LANE_NAME, TOKEN, is_family, is_lane_name
from colorfast.policy._ir import BUCKETS
from colorfast.policy._match import compile_regex

MAX_CARRIER = 64
"""Characters of the longest lane header and member key: more do not fit into Envoy's patterns."""


def problem(code: str, what: str, *, why: str = "", fix: str = "") -> PydanticCustomError:
    """An error of ours for a validator to raise."""
    return PydanticCustomError(code, "{what}", {"what": what, "why": why, "fix": fix})


def _lane(name: str) -> str:
    if not is_lane_name(name):
        raise problem(
            "CF202",
            f"{name!r} is not a lane name",
            why="a lane name is also a header value, a label value and part of a host name",
            fix="use 1 to 63 of a-z 0-9 . _ -, with a letter or digit at both ends",
        )
    return name


def _lane_or_family(name: str) -> str:
    return name if is_family(name) else _lane(name)


def _regex(pattern: str) -> str:
    try:
        compile_regex(pattern)
    except re2.error as error:
        message = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        raise problem(
            "CF205",
            f"RE2 rejects {pattern!r}: {message}",
            why="Envoy matches with RE2, which has no look-around and no back-references",
        ) from None
    return pattern


def _block(text: str) -> str:
    try:
        ip_network(text, strict=False)
    except ValueError:
        raise problem(
            "CF211",
            f"{text!r} is not an address block",
            fix="write an IPv4 or IPv6 address or block, such as 10.0.0.0/8",
        ) from None
    return text


def _token(name: str) -> str:
    if not re.fullmatch(TOKEN, name):
        raise problem(
            "CF212",
            f"{name!r} cannot be the name of a header or cookie",
            why="names are tokens (RFC 9110 section 5.6.2)",
            fix="use path, method or host for what :path, :method and :authority hold"
            if name.startswith(":")
            else "",
        )
    return name


def _carrier(name: str) -> str:
    if not re.fullmatch(TOKEN, name) or len(name) > MAX_CARRIER:
        raise problem(
            "CF213",
            f"{name!r} cannot carry the lane",
            why="header names and baggage keys are tokens (RFC 9110 section 5.6.2), and Envoy's "
            "patterns have room for a short one",
            fix=f"use at most {MAX_CARRIER} letters, digits, dots and dashes, such as x-lane",
        )
    return name


def _header(name: str) -> str:
    if _token(name).lower() == "host":
        raise problem(
            "CF212",
            "Envoy keeps the Host header as :authority, so no header of that name exists",
            fix="match on host",
        )
    return name.lower()


# The patterns are for schemas made from these models; the validators say more about an error.
LaneName = Annotated[
    str, AfterValidator(_lane), Field(json_schema_extra={"pattern": f"^{LANE_NAME}$"})
]
LanePattern = Annotated[
    str,
    AfterValidator(_lane_or_family),
    Field(json_schema_extra={"pattern": f"^({LANE_NAME}|([a-z0-9][a-z0-9._-]{{0,61}})?[*])$"}),
]
HeaderName = Annotated[str, AfterValidator(_header)]
CookieName = Annotated[str, AfterValidator(_token)]
QueryName = Annotated[str, StringConstraints(min_length=1)]
ObjectName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]
RuleName = Annotated[
    str, StringConstraints(pattern=r"^[^\x00-\x20\x7f]([^\x00-\x1f\x7f]{0,126}[^\x00-\x20\x7f])?$")
]


class Model(BaseModel):
    """Strict: no coercion, no unknown keys, no changes afterwards."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, populate_by_name=False, regex_engine="python-re"
    )


class StringMatcher(Model):
    """Exactly one kind, with ``ignoreCase`` and ``not``."""

    exact: str | None = None
    prefix: str | None = None
    suffix: str | None = None
    contains: str | None = None
    regex: Annotated[str, AfterValidator(_regex)] | None = None
    in_: Annotated[list[str], Field(min_length=1)] | None = Field(default=None, alias="in")
    present: bool | None = None
    ignore_case: bool = Field(default=False, alias="ignoreCase")
    not_: bool = Field(default=False, alias="not")

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that are given, as they are written."""
        kinds = ("exact", "prefix", "suffix", "contains", "regex", "in_", "present")
        return tuple(kind.rstrip("_") for kind in kinds if getattr(self, kind) is not None)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if len(self.kinds) != 1:
            given = " and ".join(self.kinds) or "no kind"
            raise problem(
                "CF208",
                f"{given} given, where exactly one of exact, prefix, suffix, contains, regex, in "
                "and present is needed",
                fix="put conditions that must all hold in one regex, or alternatives in two entries"
                if self.kinds
                else "say present: true if any value will do",
            )
        return self


class Match(Model):
    """One alternative: every key that is given must hold."""

    headers: dict[HeaderName, StringMatcher] | None = None
    cookies: dict[CookieName, StringMatcher] | None = None
    query: dict[QueryName, StringMatcher] | None = None
    path: StringMatcher | None = None
    method: StringMatcher | None = None
    host: StringMatcher | None = None
    source_ip: (
        Annotated[list[Annotated[str, AfterValidator(_block)]], Field(min_length=1)] | None
    ) = Field(default=None, alias="sourceIp")

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not any(getattr(self, name) for name in type(self).model_fields):
            raise problem(
                "CF210",
                "an entry without conditions matches every request",
                fix="add a condition, or leave match out to match every request",
            )
        return self


class NamedKey(Model):
    """A sticky key that has a name."""

    cookie: CookieName | None = None
    header: HeaderName | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.cookie is None) == (self.header is None):
            raise problem("CF107", "a sticky key is one of cookie, header and sourceIp")
        return self


def _key_shape(value: Any) -> str:
    return "text" if isinstance(value, str) else "map"


StickyKey = Annotated[
    Annotated[NamedKey, Tag("map")] | Annotated[Literal["sourceIp"], Tag("text")],
    Discriminator(_key_shape),
]


class SplitModel(Model):
    """Lanes by sticky hash, in parts of 10,000."""

    by: Annotated[list[StickyKey], Field(min_length=1)]
    salt: str | None = None
    weights: Annotated[dict[LaneName, Annotated[int, Field(ge=0, le=BUCKETS)]], Field(min_length=1)]
    otherwise: LaneName | None = None


class RuleModel(Model):
    """Who (``match``) gets what (``lane`` or ``split``)."""

    name: RuleName
    enabled: bool = True
    match: list[Match] | None = None
    lane: LaneName | None = None
    split: SplitModel | None = None

    @model_validator(mode="after")
    def _one_outcome(self) -> Self:
        if (self.lane is None) == (self.split is None):
            given = "both lane and split" if self.lane else "neither lane nor split"
            raise problem("CF209", f"rule {self.name} has {given}", fix="give exactly one of them")
        if self.match == []:
            raise problem(
                "CF210",
                f"rule {self.name} has an empty match",
                fix="add an entry, or leave match out to match every request",
            )
        return self


class BaggageModel(Model):
    """What of the client's other baggage members is let in."""

    keep: bool = True
    max_members: Annotated[int, Field(ge=0)] = Field(default=64, alias="maxMembers")
    max_bytes: Annotated[int, Field(ge=0)] | None = Field(default=None, alias="maxBytes")


class EdgeModel(Model):
    """What a client-supplied lane is worth."""

    client: Literal["drop", "accept"] = "drop"
    accept: list[LanePattern] = []
    baggage: BaggageModel = BaggageModel()


class SpecModel(Model):
    """A LanePolicy's ``spec``."""

    header: Annotated[str, AfterValidator(_carrier), AfterValidator(str.lower)] = "x-lane"
    member: Annotated[str, AfterValidator(_carrier)] = "lane"
    baseline: LaneName = "base"
    lanes: Annotated[list[LanePattern], Field(min_length=1)]
    parents: dict[LaneName, LaneName] = {}
    edge: EdgeModel = EdgeModel()
    default: LaneName | None = None
    rules: list[RuleModel] = []


class Metadata(Model):
    """Kubernetes' ObjectMeta: what an author writes, and what an API server adds to it.

    The latter is taken as it is, so that the output of ``kubectl get -o yaml`` can be read.
    """

    name: ObjectName
    namespace: str | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    creation_timestamp: Any = Field(default=None, alias="creationTimestamp")
    deletion_grace_period_seconds: Any = Field(default=None, alias="deletionGracePeriodSeconds")
    deletion_timestamp: Any = Field(default=None, alias="deletionTimestamp")
    finalizers: Any = None
    generate_name: Any = Field(default=None, alias="generateName")
    generation: Any = None
    managed_fields: Any = Field(default=None, alias="managedFields")
    owner_references: Any = Field(default=None, alias="ownerReferences")
    resource_version: Any = Field(default=None, alias="resourceVersion")
    self_link: Any = Field(default=None, alias="selfLink")
    uid: Any = None


class Envelope(Model):
    """What every file of ours starts with; ``status`` is what a cluster says of the object."""

    api_version: Literal["colorfast.dev/v1alpha1"] = Field(alias="apiVersion")
    metadata: Metadata
    spec: Any
    status: Any = None


class PolicyEnvelope(Envelope):
    """A LanePolicy file whose ``spec`` is looked at apart."""

    kind: Literal["LanePolicy"]


class LanePolicyModel(PolicyEnvelope):
    """A whole LanePolicy file."""

    spec: SpecModel
