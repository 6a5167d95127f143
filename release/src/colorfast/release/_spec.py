"""LaneRelease as it is written: the strict model of the file, shape by shape."""

import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from colorfast.policy._mesh_model import DnsLabel, LabelValue
from colorfast.policy._model import Envelope, LaneName, Model, StickyKey, problem
from colorfast.release._model import Controller, Finish, Pattern, Share, Style

_UNITS = {"s": 1, "m": 60, "h": 3600}
_TIME = re.compile(r"([1-9][0-9]{0,5})([smh])")
_CONDITION = re.compile(r"(<|<=|>|>=|==|!=) -?[0-9]+(\.[0-9]+)?")
_IMAGE = r"^[a-z0-9]+([._:/-][a-z0-9_-]+)*$"


def _seconds(text: Any) -> int:
    found = _TIME.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise problem("CF808", f"{text!r} is not a time", fix="write 30s, 10m or 1h")
    return int(found[1]) * _UNITS[found[2]]


def _condition(text: str) -> str:
    if not _CONDITION.fullmatch(text):
        raise problem(
            "CF809",
            f"{text!r} is not a condition",
            fix="write a comparison and a number, such as >= 0.99",
        )
    return text


def _parts(percent: Any) -> int:
    if isinstance(percent, bool) or not isinstance(percent, int | float):
        raise problem("CF807", f"{percent!r} is not a percentage", fix="write a number, as 2.5")
    parts = Decimal(str(percent)) * 100
    if parts != int(parts) or not 0 < parts <= 10_000:
        raise problem(
            "CF807",
            f"{percent} is not a share of the requests",
            why="a split has 10,000 parts",
            fix="write 0.01 to 100, with two decimals at most",
        )
    return int(parts)


def _image(name: str) -> str:
    if ":" in name.rpartition("/")[2]:
        raise problem(
            "CF107",
            f"{name!r} has a tag",
            why="the version is the tag",
            fix=f"write {name.rpartition(':')[0]}",
        )
    return name


Seconds = Annotated[int, BeforeValidator(_seconds)]
"""Read from a text such as ``10m``."""

Weight = Annotated[int, BeforeValidator(_parts)]
"""Parts of 10,000, read from a percentage."""

Version = Annotated[LabelValue, StringConstraints(min_length=1)]


class ChangeModel(Model):
    """One service, and its two versions."""

    from_: Version = Field(alias="from")
    to: Version
    image: Annotated[str, StringConstraints(pattern=_IMAGE), AfterValidator(_image)]
    replicas: Annotated[int, Field(ge=1)] = 1


class StageModel(Model):
    """One share of the traffic, and how long it stays."""

    weight: Weight
    pause: Seconds | None = None


class SplitModel(Model):
    """By what the dye's share stays with a user."""

    by: Annotated[list[StickyKey], Field(min_length=1)]
    salt: str | None = None


class MetricModel(Model):
    """One query, and what its answer must be."""

    name: DnsLabel
    query: Annotated[str, StringConstraints(min_length=1)]
    condition: Annotated[str, AfterValidator(_condition)]
    failure_limit: Annotated[int, Field(ge=0)] = Field(default=0, alias="failureLimit")


class AnalysisModel(Model):
    """What is measured while a release runs."""

    interval: Seconds | None = None
    prometheus: Annotated[str, StringConstraints(pattern=r"^https?://\S+$")]
    metrics: Annotated[list[MetricModel], Field(min_length=1)]


class ReleaseSpec(Model):
    """A LaneRelease's ``spec``."""

    policy: Annotated[str, StringConstraints(min_length=1)]
    mesh: Annotated[str, StringConstraints(min_length=1)]
    controller: Controller
    pattern: Pattern
    services: Annotated[dict[DnsLabel, ChangeModel], Field(min_length=1)]
    steps: Annotated[list[StageModel], Field(min_length=1)]
    lane: LaneName | None = None
    style: Style | None = None
    share: Share | None = None
    split: SplitModel | None = None
    finish: Finish | None = None
    drops: list[DnsLabel] = Field(default_factory=list)
    analysis: AnalysisModel | None = None


class ReleaseEnvelope(Envelope):
    """A LaneRelease file whose ``spec`` is looked at apart."""

    kind: Literal["LaneRelease"]
