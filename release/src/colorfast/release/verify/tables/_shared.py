"""What is the same under every controller: routes that are ours, pods that turn ready."""

from colorfast.release.verify._rows import Row, Verb, When, settle_rows

SETTLING: tuple[Row, ...] = (
    *settle_rows(("old>new", "new>old", "old~new>new", "old~new>old"), "base"),
    *settle_rows(
        (
            "off>new",
            "new>off",
            "new>gone",
            "gone>off",
            "off>gone",
            "gone>old",
            "off>old",
            "old>off",
        ),
        "lane",
    ),
)

PODS: tuple[Row, ...] = (
    Row(
        name="new pods are ready",
        by="kubelet",
        when={"new": "starting"},
        then={"new": "ready"},
        seen="run",
        evidence="pods of one service were 3 s slower than those of another: 76 mixed requests "
        "where the order relied on it",
    ),
    Row(
        name="old pods are ready again",
        by="kubelet",
        when={"old": "starting"},
        then={"old": "ready"},
        seen="run",
        evidence="as for new pods",
    ),
)

_STATIC = (
    "a named route that no controller manages is never touched: not by an unready pod, a forced "
    "re-apply, an abort or the end of the release"
)

OWN_ROUTES: tuple[Row, ...] = (
    Row(
        name="add the lane route",
        by="plan",
        verb="route",
        when={"lane": "off"},
        then={"lane": "off>new"},
        seen="run",
        evidence=_STATIC,
    ),
    Row(
        name="remove the lane route",
        by="plan",
        verb="unroute",
        when={"lane": ("new", "off>new")},
        then={"lane": "new>off"},
        seen="run",
        evidence=_STATIC,
    ),
)

NOTHING_MOVES: tuple[Row, ...] = (
    Row(
        name="no new pod is ready for a moment",
        by="trouble",
        when={"new": "ready"},
        then={},
        seen="run",
        evidence="503 while it lasts, under any plan; the route is there when a pod is ready again",
    ),
    Row(
        name="the routes of this step are applied again",
        by="trouble",
        when={"lane": "new"},
        then={},
        seen="run",
        evidence=_STATIC,
    ),
)

OWN_BASE: tuple[Row, ...] = (
    Row(
        name="lead the base route to the new version",
        by="plan",
        verb="switch",
        when={"base": "old"},
        then={"base": "old>new"},
        seen="run",
        evidence="labels in the pod template never move, so a subset by version has no window of "
        "its own",
    ),
    Row(
        name="lead the base route back",
        by="plan",
        verb="switch-back",
        when={"base": ("new", "old>new")},
        then={"base": "new>old"},
        seen="run",
        evidence="as for leading it there",
    ),
)

OWN_WEIGHTS: tuple[Row, ...] = (
    Row(
        name="set weights",
        by="plan",
        verb="weigh",
        when={"base": "old", "new": "ready"},
        then={"base": "old~new"},
        seen="run",
        evidence="weights are drawn for each request: 50 of 100 mixed at 50 %",
    ),
    Row(
        name="give the new version all requests",
        by="plan",
        verb="weigh-all",
        when={"base": ("old", "old~new"), "new": "ready"},
        then={"base": "old~new>new"},
        seen="run",
        evidence="the last weight",
    ),
    Row(
        name="give the old version all requests",
        by="plan",
        verb="weigh-none",
        when={"base": ("old~new", "old~new>new", "new"), "old": "ready"},
        then={"base": "old~new>old"},
        seen="run",
        evidence="the first weight again",
    ),
)

ROUTES_DONE: dict[Verb, tuple[When, ...]] = {
    "route": ({"lane": ("new", "gone")},),
    "unroute": ({"lane": "off"},),
    "switch": ({"base": "new"},),
    "switch-back": ({"base": "old"},),
}

THROUGH: When = {"base": "new", "ctl": ("promoted", "healthy")}
"""A service that was released before another one is given up: it stays as it is."""

WEIGHTS_DONE: dict[Verb, tuple[When, ...]] = {
    "weigh": ({"base": "old~new"},),
    "weigh-all": ({"base": "new"},),
    "weigh-none": ({"base": "old"}, THROUGH),
}
