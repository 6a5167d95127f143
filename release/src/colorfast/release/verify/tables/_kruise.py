"""OpenKruise Rollouts 0.6: pods only, with routes of its TrafficRoutings, and with weights."""

from colorfast.release.verify._rows import Row, Table, Verb, When
from colorfast.release.verify.tables._shared import (
    NOTHING_MOVES,
    OWN_BASE,
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
    evidence="a second Deployment with the new template is started beside the stable one",
)
_PAUSES = Row(
    name="Kruise pauses with the new version at full size",
    by="controller",
    when={"ctl": "upgrading", "new": "ready"},
    then={"ctl": "paused"},
    seen="run",
    evidence="the step is reported ready when its pods are",
)


def _gone(when: When) -> Row:
    return Row(
        name="Kruise has rolled the stable Deployment to the new template",
        by="controller",
        when={"ctl": "promoted", **when},
        then={"ctl": "healthy", "old": "none"},
        seen="run",
        evidence="pods of the second Deployment were still there when the stable one was through",
    )


_PODS: tuple[Row, ...] = (
    Row(
        name="set the old image while it rolls",
        by="plan",
        verb="restore",
        when={"ctl": "promoted"},
        then={"ctl": "undoing", "old": "starting"},
        seen="supposed",
        evidence="some old pods may be gone already",
    ),
    Row(
        name="set the old image again",
        by="plan",
        verb="restore",
        when={"ctl": "healthy"},
        then={"ctl": "undoing", "old": "starting"},
        seen="documented",
        evidence="a release like any other",
    ),
    Row(
        name="set the old image back: the new pods go",
        by="plan",
        verb="scale-down",
        when={"ctl": (*_ACTIVE, "undoing")},
        then={"ctl": "idle", "new": "none"},
        seen="documented",
        evidence="a rollback in the middle of a release removes the second Deployment",
    ),
)
_PODS_DONE: dict[Verb, tuple[When, ...]] = {
    "deploy": ({"ctl": "paused", "new": "ready"},),
    "promote": ({"ctl": "healthy"},),
    "restore": ({"ctl": ("idle", *_ACTIVE, "undoing"), "old": "ready"},),
    "scale-down": ({"ctl": "idle", "new": "none"},),
}

VERSION = Table(
    name="kruise, version",
    rows=(
        *OWN_ROUTES,
        *NOTHING_MOVES,
        *OWN_BASE,
        *SETTLING,
        *PODS,
        _DEPLOY,
        _PAUSES,
        Row(
            name="promote",
            by="plan",
            verb="promote",
            when={"ctl": "paused"},
            then={"ctl": "promoted"},
            seen="run",
            evidence="without a TrafficRouting it changes pods only: no route was written",
        ),
        _gone({}),
        *_PODS,
    ),
    done={**ROUTES_DONE, **_PODS_DONE},
)

MANAGED = Table(
    name="kruise, managed",
    rows=(
        *SETTLING,
        *PODS,
        Row(
            name="set the new image; the lane route appears",
            by="plan",
            verb="deploy",
            when={"ctl": "idle"},
            then={"ctl": "upgrading", "new": "starting", "lane": "off>new"},
            seen="run",
            evidence="the lane route is there about 4.5 s before the step is ready",
        ),
        _PAUSES,
        Row(
            name="the lane route is lost: somebody edits the VirtualService",
            by="trouble",
            when={"ctl": "paused", "lane": "new"},
            then={"lane": "new>off"},
            seen="run",
            evidence="a VirtualService that is edited in the middle is not repaired",
        ),
        Row(
            name="promote: the lane route goes before the stable pods are replaced",
            by="plan",
            verb="promote",
            when={"ctl": "paused"},
            then={"ctl": "finishing", "lane": "new>off"},
            seen="run",
            evidence="the VirtualService was restored 3 s before the new pods were there",
        ),
        Row(
            name="Kruise rolls the stable Deployment to the new template",
            by="controller",
            when={"ctl": "finishing", "lane": "off"},
            then={"ctl": "promoted", "base": "old>new"},
            seen="run",
            evidence="both versions are behind the base route while it rolls",
        ),
        _gone({"base": "new"}),
        _PODS[0],
        _PODS[1],
        Row(
            name="set the old image back: the lane route and the new pods go",
            by="plan",
            verb="scale-down",
            when={"ctl": _ACTIVE},
            then={"ctl": "idle", "new": "none", "lane": "new>off"},
            seen="documented",
            evidence="the spec is restored from an annotation",
        ),
        Row(
            name="promote the old version",
            by="plan",
            verb="scale-down",
            when={"ctl": "undoing"},
            then={"ctl": "idle", "new": "none", "base": "new>old"},
            seen="supposed",
            evidence="as for the new version",
        ),
    ),
    done=_PODS_DONE,
)

WEIGHTS = Table(
    name="kruise, weights",
    rows=(
        *OWN_WEIGHTS,
        *SETTLING,
        *PODS,
        _DEPLOY,
        _PAUSES,
        Row(
            name="promote: the old version gets all requests again for a while",
            by="plan",
            verb="promote",
            when={"ctl": "paused", "base": "new"},
            then={"ctl": "finishing", "base": "new>old"},
            seen="run",
            evidence="routes were restored 9 s before new pods of the stable Deployment were there",
        ),
        Row(
            name="Kruise rolls the stable Deployment to the new template",
            by="controller",
            when={"ctl": "finishing", "base": "old"},
            then={"ctl": "promoted", "base": "old>new"},
            seen="run",
            evidence="both versions are behind the route while it rolls",
        ),
        _gone({"base": "new"}),
        Row(
            name="set the old image back: the new pods go",
            by="plan",
            verb="scale-down",
            when={"ctl": (*_ACTIVE, "finishing"), "base": "old"},
            then={"ctl": "idle", "new": "none"},
            seen="run",
            evidence="the old template again: routes are restored at once, then pods go",
        ),
    ),
    done={
        **WEIGHTS_DONE,
        **_PODS_DONE,
        "scale-down": ({"ctl": "idle", "new": "none"}, THROUGH),
    },
)
