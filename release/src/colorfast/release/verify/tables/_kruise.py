"""OpenKruise Rollouts 0.6: pods only, with routes of its TrafficRoutings, and with weights."""

from collections.abc import Mapping

from colorfast.release.verify._rows import Row, Table, Verb, When, settle_rows
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
    then={"ctl": "upgrading"},
    seen="run",
    evidence="nothing happens for the 3 s in which Kruise waits for its Rollout to change too",
)
_STARTS = Row(
    name="Kruise starts a second Deployment",
    by="controller",
    when={"ctl": "upgrading", "new": "none"},
    then={"new": "starting"},
    seen="run",
    evidence="with the new template, beside the stable one",
)
_SET_BACK_EARLY = Row(
    name="set the old image back before Kruise has begun: it releases that",
    by="plan",
    verb="scale-down",
    when={"ctl": "upgrading", "new": "none"},
    then={"ctl": "again"},
    seen="run",
    evidence="it reads what to release when it begins: nothing is a rollback to it before",
)
_PAUSES = Row(
    name="Kruise pauses with the new version at full size",
    by="controller",
    when={"ctl": "upgrading", "new": "ready"},
    then={"ctl": "paused"},
    seen="run",
    evidence="the step is reported ready when its pods are",
)


def _rolls(evidence: str) -> Row:
    return Row(
        name="Kruise rolls the stable Deployment to the new template",
        by="controller",
        when={"ctl": "finishing", "base": "old", "lane": "off"},
        then={"ctl": "promoted", "base": "old>new"},
        seen="run",
        evidence=evidence,
    )


def _gone(when: When, then: Mapping[str, str]) -> Row:
    return Row(
        name="Kruise has rolled the stable Deployment to the new template",
        by="controller",
        when={"ctl": "promoted", **when},
        then={"ctl": "healthy", "old": "none", **then},
        seen="run",
        evidence="pods of the second Deployment were still there when the stable one was through",
    )


_BASE_GONE = _gone({"base": ("old>new", "new")}, {"base": "new"})
"""The stable pods are behind the base route, whichever version they are."""

# Nobody sets the old image while the stable Deployment rolls: Kruise was seen to roll it back then,
# and to take the new pods away at once, while everybody was in the lane. The runbook says so.
_PODS: tuple[Row, ...] = (
    _SET_BACK_EARLY,
    Row(
        name="set the old image again",
        by="plan",
        verb="restore",
        when={"ctl": "healthy"},
        then={"ctl": "undoing", "old": "starting"},
        seen="run",
        evidence="a release like any other: old pods in a second Deployment, then a pause",
    ),
    Row(
        name="set the old image back, or promote the old version: the new pods go",
        by="plan",
        verb="scale-down",
        when={"ctl": (*_ACTIVE, "undoing", "again")},
        then={"ctl": "idle", "new": "none"},
        seen="run",
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
        _STARTS,
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
        _gone({}, {}),
        *_PODS,
    ),
    done={**ROUTES_DONE, **_PODS_DONE},
)

_SETTING_OUT: tuple[Row, ...] = (
    _DEPLOY,
    Row(
        name="the lane route appears before there are new pods",
        by="controller",
        when={"ctl": ("upgrading", "again"), "lane": "off", "new": "none"},
        then={"lane": "off>gone"},
        seen="run",
        evidence="the TrafficRouting is begun seconds before the second Deployment is",
    ),
    Row(
        name="Kruise starts a second Deployment behind the lane route",
        by="controller",
        when={"ctl": "upgrading", "lane": "gone", "new": "none"},
        then={"new": "starting", "lane": "gone>new"},
        seen="run",
        evidence="its pods are labelled as the canary's subset wants them",
    ),
    _PAUSES,
)
_PROMOTION: tuple[Row, ...] = (
    Row(
        name="promote: the lane route goes before the stable pods are replaced",
        by="plan",
        verb="promote",
        when={"ctl": "paused", "lane": "new"},
        then={"ctl": "finishing", "lane": "new>off"},
        seen="run",
        evidence="the VirtualService was restored 3 s before the new pods were there",
    ),
    Row(
        name="promote: there is no lane route any more",
        by="plan",
        verb="promote",
        when={"ctl": "paused", "lane": "off"},
        then={"ctl": "finishing"},
        seen="run",
        evidence="the VirtualService is restored from an annotation, whatever is in it",
    ),
    _rolls("both versions are behind the base route while it rolls"),
    _BASE_GONE,
)
_RESTORING: tuple[Row, ...] = (
    Row(
        name="set the old image again",
        by="plan",
        verb="restore",
        when={"ctl": "healthy"},
        then={"ctl": "undoing"},
        seen="run",
        evidence="a release like any other",
    ),
    Row(
        name="the lane route appears before there are old pods",
        by="controller",
        when={"ctl": "undoing", "lane": "off", "old": "none"},
        then={"lane": "off>gone"},
        seen="run",
        evidence="the route of a TrafficRouting leads to the canary, whichever version that is: "
        "dyed requests got 503 for 9 s",
    ),
    Row(
        name="Kruise starts a second Deployment with the old version behind the lane route",
        by="controller",
        when={"ctl": "undoing", "lane": "gone", "old": "none"},
        then={"old": "starting", "lane": "gone>old"},
        seen="run",
        evidence="dyed requests get the old version from then on",
    ),
    Row(
        name="promote the old version: the lane route goes first",
        by="plan",
        verb="scale-down",
        when={"ctl": "undoing", "old": "ready", "lane": ("gone>old", "old")},
        then={"ctl": "unfinishing", "lane": "old>off"},
        seen="run",
        evidence="as for the new version",
    ),
    Row(
        name="Kruise rolls the stable Deployment to the old template",
        by="controller",
        when={"ctl": "unfinishing", "lane": "off"},
        then={"ctl": "unpromoted", "base": "new>old"},
        seen="run",
        evidence="as for the new version",
    ),
    Row(
        name="Kruise has rolled the stable Deployment to the old template",
        by="controller",
        when={"ctl": "unpromoted", "base": ("new>old", "old")},
        then={"ctl": "idle", "new": "none", "base": "old"},
        seen="run",
        evidence="as for the new version",
    ),
)
_SETTING_BACK: tuple[Row, ...] = (
    Row(
        name="set the old image back: the lane route goes",
        by="plan",
        verb="scale-down",
        when={"ctl": _ACTIVE, "lane": "new"},
        then={"ctl": "cancelling", "lane": "new>off"},
        seen="run",
        evidence="the spec is restored from an annotation",
    ),
    Row(
        name="set the old image back while the lane route leads nowhere",
        by="plan",
        verb="scale-down",
        when={"ctl": _ACTIVE, "lane": ("off>gone", "gone", "gone>new")},
        then={"ctl": "cancelling", "lane": "gone>off"},
        seen="run",
        evidence="as when it leads somewhere; no second Deployment was started",
    ),
    Row(
        name="set the old image back: there is no lane route",
        by="plan",
        verb="scale-down",
        when={"ctl": _ACTIVE, "lane": "off"},
        then={"ctl": "cancelling"},
        seen="run",
        evidence="as when there is one",
    ),
    Row(
        name="Kruise removes the second Deployment",
        by="controller",
        when={"ctl": "cancelling", "lane": "off"},
        then={"ctl": "idle", "new": "none"},
        seen="run",
        evidence="requests are led to the stable version first, then pods go, seconds later",
    ),
)

_SETTING_BACK_EARLY: tuple[Row, ...] = (
    _SET_BACK_EARLY,
    Row(
        name="Kruise starts a second Deployment with the old version that was set back",
        by="controller",
        when={"ctl": "again", "lane": "gone"},
        then={"lane": "gone>old"},
        seen="run",
        evidence="behind the lane route, as it would be with the new version",
    ),
    Row(
        name="approve the old version that was set back: the lane route goes",
        by="plan",
        verb="scale-down",
        when={"ctl": "again", "lane": "old"},
        then={"ctl": "cancelling", "lane": "old>off"},
        seen="run",
        evidence="it waits at its first step, and ends like any other release",
    ),
)

MANAGED = Table(
    name="kruise, managed",
    rows=(
        *SETTLING,
        *settle_rows(("off>gone", "gone>new", "gone>old", "gone>off"), "lane"),
        *PODS,
        NOTHING_MOVES[0],
        *_SETTING_OUT,
        Row(
            name="the lane route is lost: the VirtualService was applied again",
            by="trouble",
            when={"ctl": "paused", "lane": "new"},
            then={"lane": "new>off"},
            seen="run",
            evidence="a VirtualService that is edited in the middle is not repaired",
        ),
        *_PROMOTION,
        *_RESTORING,
        *_SETTING_BACK,
        *_SETTING_BACK_EARLY,
    ),
    done=_PODS_DONE,
)

WEIGHTS = Table(
    name="kruise, weights",
    rows=(
        *OWN_WEIGHTS,
        *SETTLING,
        *PODS,
        NOTHING_MOVES[0],
        _DEPLOY,
        _STARTS,
        _PAUSES,
        Row(
            name="the weights are lost: the VirtualService was applied again",
            by="trouble",
            when={"ctl": "paused", "base": ("old~new", "old~new>new", "new")},
            then={"base": "old~new>old"},
            seen="run",
            evidence="they come back with the next step, which begins at the spec of before",
        ),
        Row(
            name="promote: the old version gets all requests again for a while",
            by="plan",
            verb="promote",
            when={"ctl": "paused", "base": ("new", "old")},
            then={"ctl": "finishing", "base": "new>old"},
            seen="run",
            evidence="routes were restored 9 s before new pods of the stable Deployment were there",
        ),
        _rolls("both versions are behind the route while it rolls"),
        _BASE_GONE,
        _SET_BACK_EARLY,
        Row(
            name="set the old image back, or promote it: the new pods go",
            by="plan",
            verb="scale-down",
            when={"ctl": (*_ACTIVE, "finishing", "again"), "base": "old"},
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
