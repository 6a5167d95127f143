"""Argo Rollouts 1.10 with Istio, in its three styles and with weights."""

from dataclasses import replace

from colorfast.release.verify._rows import Row, Table
from colorfast.release.verify.tables._argo_pods import (
    ABORTED_PODS_GO,
    ACTIVE,
    DEPLOY,
    GONE,
    NEW_GONE,
    PAUSES,
    PODS_DONE,
    PROMOTE_OLD,
    SET_BACK,
    UNDO,
    aborts,
    pauses,
    promote,
    retry,
)
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

VERSION = Table(
    name="argo-rollouts, version",
    rows=(
        *OWN_ROUTES,
        *NOTHING_MOVES,
        *OWN_BASE,
        *SETTLING,
        *PODS,
        DEPLOY,
        pauses({}, PAUSES),
        promote({}, "template labels never move, and nobody follows Argo's own VirtualService"),
        GONE,
        *UNDO,
        SET_BACK,
        PROMOTE_OLD,
        retry({}),
        aborts({}, "abortScaleDownDelaySeconds: 0 keeps the new pods"),
    ),
    done={**ROUTES_DONE, **PODS_DONE},
)

_BY_ROLE = "canaryMetadata is of whichever version is the canary, and a stable pod has none of it"

_LANE_BY_LABEL: tuple[Row, ...] = (
    replace(OWN_ROUTES[0], when={"lane": "off", "ctl": ("idle", *ACTIVE, "aborted")}),
    OWN_ROUTES[1],
    Row(
        name="add the lane route again: no pod has its label",
        by="plan",
        verb="route",
        when={"lane": "off", "ctl": ("promoted", "healthy")},
        then={"lane": "off>gone"},
        seen="run",
        evidence=_BY_ROLE,
    ),
    Row(
        name="remove the lane route, which leads nowhere since the promotion",
        by="plan",
        verb="unroute",
        when={"lane": "gone"},
        then={"lane": "gone>off"},
        seen="run",
        evidence=_BY_ROLE,
    ),
    Row(
        name="remove the lane route, which leads to the old version",
        by="plan",
        verb="unroute",
        when={"lane": "old"},
        then={"lane": "old>off"},
        seen="run",
        evidence=_BY_ROLE,
    ),
)

_UNDO_BY_LABEL: tuple[Row, ...] = tuple(
    replace(row, when={**row.when, "lane": "gone"}, then={**row.then, "lane": "gone>old"})
    for row in UNDO
)
"""The old version is the canary then, and gets the lane's label."""

LABELS = Table(
    name="argo-rollouts, labels",
    rows=(
        *_LANE_BY_LABEL,
        *NOTHING_MOVES,
        *SETTLING,
        *PODS,
        DEPLOY,
        pauses({}, PAUSES),
        promote(
            {"lane": "new>gone", "base": "old>new"},
            "at one moment all pods of the lane become pods of the baseline, and 0.1 s later the "
            "old ones lose their label: dyed requests get 503 from the promotion on",
        ),
        GONE,
        *_UNDO_BY_LABEL,
        Row(
            name="promote the old version: its pods become pods of the baseline",
            by="plan",
            verb="scale-down",
            when={"ctl": "undoing"},
            then={"ctl": "undone", "base": "new>old"},
            seen="run",
            evidence="as for the new version",
        ),
        NEW_GONE,
        Row(
            name="set the old image back: the new pods go",
            by="plan",
            verb="scale-down",
            when={"ctl": (*ACTIVE, "aborted")},
            then={"ctl": "idle", "new": "none"},
            seen="run",
            evidence=SET_BACK.evidence,
        ),
        retry({}),
        aborts(
            {},
            "pods keep their lane label, and with abortScaleDownDelaySeconds: 0 they stay",
        ),
    ),
    done={**ROUTES_DONE, **PODS_DONE},
)

MANAGED = Table(
    name="argo-rollouts, managed",
    rows=(
        *SETTLING,
        *PODS,
        DEPLOY,
        pauses({"lane": "off>new"}, "setHeaderRoute puts the route on top once there are pods"),
        Row(
            name="the header route is lost: no new pod was ready for a moment",
            by="trouble",
            when={"ctl": "paused", "lane": "new", "new": "ready"},
            then={"lane": "new>off"},
            seen="run",
            evidence="the only canary pod went unready: the weights came back, the route did not",
        ),
        Row(
            name="the header route is lost: the VirtualService was applied again",
            by="trouble",
            when={"ctl": "paused", "lane": "new"},
            then={"lane": "new>off", "base": "old~new>old"},
            seen="run",
            evidence="a forced apply, as GitOps does: Argo repairs weights and its Services' "
            "selectors in 0.1 s, not the route; meanwhile both Services have all pods",
        ),
        Row(
            name="promote: weight 100",
            by="plan",
            verb="promote",
            when={"ctl": "paused"},
            then={"ctl": "promoting", "base": "old>new"},
            seen="run",
            evidence="weight 100, then managed routes are removed, then weights 100/0",
        ),
        Row(
            name="Argo removes the header route",
            by="controller",
            when={"ctl": "promoting", "base": "new", "lane": "new"},
            then={"ctl": "promoted", "lane": "new>off"},
            seen="run",
            evidence="as for weight 100",
        ),
        Row(
            name="Argo finds no header route to remove",
            by="controller",
            when={"ctl": "promoting", "base": "new", "lane": "off"},
            then={"ctl": "promoted"},
            seen="run",
            evidence="as for weight 100",
        ),
        GONE,
        UNDO[0],
        replace(UNDO[1], then={"ctl": "undoing"}),
        Row(
            name="Argo starts the old version again",
            by="controller",
            when={"ctl": "undoing", "old": "none"},
            then={"old": "starting"},
            seen="run",
            evidence=UNDO[1].evidence,
        ),
        Row(
            name="Argo leads the lane to the old version, which is the canary now",
            by="controller",
            when={"ctl": "undoing", "lane": "off"},
            then={"lane": "off>old"},
            seen="run",
            evidence="setHeaderRoute leads to the canary, whichever version that is, and may come "
            "before that has pods: 3 s before in a release of `make lab-fuzz`",
        ),
        Row(
            name="the header route is lost: it came before there were pods",
            by="controller",
            when={"ctl": "undoing", "lane": "old"},
            then={"lane": "old>off"},
            seen="run",
            evidence="removed when the pods start, and never restored; Argo hears of ready pods by "
            "their ReplicaSet, 0.2 s later than others do",
        ),
        Row(
            name="promote the old version",
            by="plan",
            verb="scale-down",
            when={"ctl": "undoing", "lane": "old"},
            then={"ctl": "undone", "base": "new>old", "lane": "old>off"},
            seen="run",
            evidence="as for weight 100",
        ),
        Row(
            name="promote the old version, whose header route was lost",
            by="plan",
            verb="scale-down",
            when={"ctl": "undoing", "lane": "off"},
            then={"ctl": "undone", "base": "new>old"},
            seen="run",
            evidence="as for weight 100",
        ),
        NEW_GONE,
        Row(
            name="abort, and set the old image back",
            by="plan",
            verb="scale-down",
            when={"ctl": "paused", "lane": "new"},
            then={"ctl": "aborted", "lane": "new>off"},
            seen="run",
            evidence="managed routes are removed, then weights 100/0, in two writes",
        ),
        Row(
            name="set the old image back: the new pods go",
            by="plan",
            verb="scale-down",
            when={"ctl": (*ACTIVE, "aborted"), "lane": "off"},
            then={"ctl": "idle", "new": "none"},
            seen="run",
            evidence=SET_BACK.evidence,
        ),
        retry({"new": "starting"}),
        Row(
            name="Argo aborts by itself, or somebody aborts this Rollout alone",
            by="trouble",
            when={"ctl": "paused", "lane": "new"},
            then={"ctl": "aborted", "lane": "new>off"},
            seen="run",
            evidence="dyed requests stay on the aborted version for up to 10 s, then get the old",
        ),
        ABORTED_PODS_GO,
    ),
    done={
        **PODS_DONE,
        "restore": (
            {"ctl": ("idle", *ACTIVE, "aborted"), "old": "ready"},
            {"ctl": "undoing", "lane": ("off", "old"), "old": "ready"},
        ),
    },
)

_ABORT: tuple[Row, ...] = (
    Row(
        name="abort: the old version gets all requests",
        by="plan",
        verb="weigh-none",
        when={"ctl": ACTIVE, "base": ("old~new", "old~new>new", "new"), "old": "ready"},
        then={"ctl": "aborting", "base": "old~new>old"},
        seen="run",
        evidence="the canary's Service is led to the stable pods, then each VirtualService gets "
        "its weights, all in writes of their own",
    ),
    Row(
        name="abort: there are no weights yet",
        by="plan",
        verb="weigh-none",
        when={"ctl": ACTIVE, "base": "old"},
        then={"ctl": "aborting"},
        seen="run",
        evidence="as when there are",
    ),
    Row(
        name="weights come back for a moment while Argo aborts",
        by="controller",
        when={"ctl": "aborting", "base": "old", "new": "ready"},
        then={"base": "new>old"},
        seen="run",
        evidence="after a write that is refused it begins again, and that leads the canary's "
        "Service to the new pods first; and weights, also 100, that it was about to set when "
        "somebody aborted came 0.1 s after that",
    ),
    Row(
        name="Argo has aborted",
        by="controller",
        when={"ctl": "aborting", "base": "old"},
        then={"ctl": "aborted"},
        seen="run",
        evidence="the Rollout is Degraded: its weights are written, and Services with weight 0 "
        "lead nobody",
    ),
)

WEIGHTS = Table(
    name="argo-rollouts, weights",
    rows=(
        *(replace(row, when={"ctl": ACTIVE, **row.when}) for row in OWN_WEIGHTS[:2]),
        *_ABORT,
        *SETTLING,
        *PODS,
        DEPLOY,
        pauses({}, PAUSES),
        promote({}, "weight 100, then weights 100/0 with the Services exchanged", {"base": "new"}),
        GONE,
        SET_BACK,
        Row(
            name="no new pod is ready for a moment: the old version gets all requests meanwhile",
            by="trouble",
            when={"ctl": "paused", "base": "old~new", "new": "ready"},
            then={},
            seen="run",
            evidence="Argo sets weight 0, and the step's weight again when a pod is ready",
        ),
        Row(
            name="no new pod is ready for a moment at weight 100: the old version gets them all",
            by="trouble",
            when={"ctl": "paused", "base": "new", "new": "ready"},
            then={"base": "old~new>new"},
            seen="run",
            evidence="Argo sets weight 0, and 100 again when a pod is ready",
        ),
        Row(
            name="everything is applied again: weights and selectors are as at first for a moment",
            by="trouble",
            when={"ctl": "paused", "base": "old~new"},
            then={},
            seen="run",
            evidence="Argo repairs both in 0.1 s; meanwhile each request meets either version",
        ),
        Row(
            name="everything is applied again at weight 100: weights and selectors are as at first",
            by="trouble",
            when={"ctl": "paused", "base": "new", "new": "ready"},
            then={"base": "old~new>new"},
            seen="run",
            evidence="Argo repairs both in 0.1 s; meanwhile each request meets either version",
        ),
        Row(
            name="the analysis fails: Argo gives the old version all requests",
            by="trouble",
            when={"ctl": "paused", "base": ("old~new", "old~new>new", "new")},
            then={"ctl": "aborting", "base": "old~new>old"},
            seen="run",
            evidence="a failing AnalysisRun aborts by itself",
        ),
        Row(
            name="Argo scales the aborted pods down",
            by="controller",
            when={"ctl": "aborted", "base": "old", "new": ("ready", "starting")},
            then={"new": "none"},
            seen="run",
            evidence=ABORTED_PODS_GO.evidence,
        ),
    ),
    done={
        **WEIGHTS_DONE,
        **PODS_DONE,
        "weigh-none": ({"base": "old", "ctl": ("idle", "aborted")}, THROUGH),
        "scale-down": ({"ctl": "idle", "new": "none"}, THROUGH),
    },
)
