"""Flagger 1.36: it owns the base route, and gives a release up by itself."""

from collections.abc import Mapping

from colorfast.release.verify._rows import Row, Table, Verb, When
from colorfast.release.verify.tables._shared import (
    NOTHING_MOVES,
    OWN_ROUTES,
    OWN_WEIGHTS,
    PODS,
    ROUTES_DONE,
    SETTLING,
    THROUGH,
    WEIGHTS_DONE,
)

_ACTIVE = ("upgrading", "paused")

_DEPLOY = Row(
    name="set the new image",
    by="plan",
    verb="deploy",
    when={"ctl": "idle"},
    then={"ctl": "upgrading", "new": "starting"},
    seen="run",
    evidence="the canary Deployment is scaled up",
)


def _gone(when: When) -> Row:
    return Row(
        name="Flagger has rolled the primary, and scales the canary to 0",
        by="controller",
        when={"ctl": "promoted", "base": "new", **when},
        then={"ctl": "healthy", "old": "none"},
        seen="documented",
        evidence="the canary's spec is copied to the primary, which serves everybody after it",
    )


_UNDO = Row(
    name="set the old image again",
    by="plan",
    verb="restore",
    when={"ctl": ("promoted", "healthy")},
    then={"ctl": "undoing", "old": "starting"},
    seen="documented",
    evidence="a release like any other",
)
_PODS_DONE: dict[Verb, tuple[When, ...]] = {
    "deploy": ({"ctl": "paused", "new": "ready"},),
    "promote": ({"ctl": "healthy"},),
    "restore": ({"ctl": ("idle", *_ACTIVE, "aborted", "undoing"), "old": "ready"},),
    "scale-down": ({"ctl": "idle", "new": "none"},),
}


def _pauses(then: Mapping[str, str]) -> Row:
    return Row(
        name="Flagger waits for the confirmation of the promotion",
        by="controller",
        when={"ctl": "upgrading", "new": "ready"},
        then={"ctl": "paused", **then},
        seen="documented",
        evidence="a confirm-promotion webhook that does not agree yet",
    )


def _promote(then: Mapping[str, str]) -> Row:
    return Row(
        name="promote: the primary rolls to the new version",
        by="plan",
        verb="promote",
        when={"ctl": "paused"},
        then={"ctl": "promoted", "base": "old>new", **then},
        seen="documented",
        evidence="both versions are behind the base route while the primary rolls",
    )


def _rolls_back(then: Mapping[str, str]) -> Row:
    return Row(
        name="Flagger gives the release up: the new pods go",
        by="trouble",
        when={"ctl": _ACTIVE},
        then={"ctl": "aborted", "new": "none", **then},
        seen="run",
        evidence="automatic rollback when checks fail or pods are not ready in time",
    )


def _scale_down(then: Mapping[str, str]) -> tuple[Row, ...]:
    return (
        Row(
            name="set the old image back: the new pods go",
            by="plan",
            verb="scale-down",
            when={"ctl": (*_ACTIVE, "aborted")},
            then={"ctl": "idle", "new": "none", **then},
            seen="documented",
            evidence="as when Flagger gives it up",
        ),
        Row(
            name="promote the old version",
            by="plan",
            verb="scale-down",
            when={"ctl": "undoing"},
            then={"ctl": "idle", "new": "none", "base": "new>old"},
            seen="documented",
            evidence="as for the new version",
        ),
    )


VERSION = Table(
    name="flagger, version",
    rows=(
        *OWN_ROUTES,
        *NOTHING_MOVES,
        *SETTLING,
        *PODS,
        _DEPLOY,
        _pauses({}),
        _promote({}),
        _gone({}),
        _UNDO,
        *_scale_down({}),
        _rolls_back({}),
    ),
    done={**ROUTES_DONE, **_PODS_DONE},
)

MANAGED = Table(
    name="flagger, managed",
    rows=(
        *SETTLING,
        *PODS,
        _DEPLOY,
        _pauses({"lane": "off>new"}),
        _promote({}),
        Row(
            name="Flagger leads the lane to the primary again",
            by="controller",
            when={"ctl": "promoted", "base": "new", "lane": "new"},
            then={"lane": "new>off"},
            seen="documented",
            evidence="it owns the whole VirtualService",
        ),
        _gone({"lane": "off"}),
        _UNDO,
        *_scale_down({"lane": "new>off"}),
        _rolls_back({"lane": "new>off"}),
    ),
    done=_PODS_DONE,
)

WEIGHTS = Table(
    name="flagger, weights",
    rows=(
        *OWN_WEIGHTS,
        *SETTLING,
        *PODS,
        _DEPLOY,
        _pauses({}),
        Row(
            name="promote",
            by="plan",
            verb="promote",
            when={"ctl": "paused", "base": "new"},
            then={"ctl": "promoted"},
            seen="run",
            evidence="the canary serves everybody while the primary rolls",
        ),
        _gone({}),
        _scale_down({})[0],
        Row(
            name="checks fail: Flagger gives the old version all requests",
            by="trouble",
            when={"ctl": "paused", "base": ("old~new", "old~new>new", "new")},
            then={"ctl": "aborted", "base": "old~new>old"},
            seen="run",
            evidence="automatic rollback",
        ),
        Row(
            name="Flagger scales the canary to 0",
            by="controller",
            when={"ctl": "aborted", "base": "old", "new": ("ready", "starting")},
            then={"new": "none"},
            seen="run",
            evidence="automatic rollback",
        ),
    ),
    done={
        **WEIGHTS_DONE,
        **_PODS_DONE,
        "scale-down": ({"ctl": "idle", "new": "none"}, THROUGH),
    },
)
