"""What Argo Rollouts 1.10 does with pods, in whatever style."""

from collections.abc import Mapping

from colorfast.release.verify._rows import Row, Verb, When

ACTIVE = ("upgrading", "paused")

PAUSES = "at full size (setCanaryScale), then a pause without a duration"

DEPLOY = Row(
    name="set the new image",
    by="plan",
    verb="deploy",
    when={"ctl": "idle"},
    then={"ctl": "upgrading", "new": "starting"},
    seen="run",
    evidence="setCanaryScale with the full number of replicas: pods start, no weight moves",
)
SET_BACK = Row(
    name="set the old image back: the new pods go",
    by="plan",
    verb="scale-down",
    when={"ctl": (*ACTIVE, "aborted")},
    then={"ctl": "idle", "new": "none"},
    seen="run",
    evidence="the image of the stable version again: Healthy, the new ReplicaSet at 0",
)
PROMOTE_OLD = Row(
    name="promote the old version: the new pods go",
    by="plan",
    verb="scale-down",
    when={"ctl": "undoing"},
    then={"ctl": "idle", "new": "none"},
    seen="run",
    evidence="as for the new version",
)
GONE = Row(
    name="Argo scales the old pods down",
    by="controller",
    when={"ctl": "promoted"},
    then={"ctl": "healthy", "old": "none"},
    seen="run",
    evidence="scaleDownDelaySeconds (30 by default) after the promotion",
)
UNDO: tuple[Row, ...] = (
    Row(
        name="set the old image while its pods are still there",
        by="plan",
        verb="restore",
        when={"ctl": "promoted"},
        then={"ctl": "undoing"},
        seen="run",
        evidence="a ReplicaSet whose scale-down is still ahead is taken as it is, and no pod goes",
    ),
    Row(
        name="set the old image again",
        by="plan",
        verb="restore",
        when={"ctl": "healthy"},
        then={"ctl": "undoing", "old": "starting"},
        seen="run",
        evidence="a release like any other: full size, then a pause",
    ),
)
NEW_GONE = Row(
    name="Argo scales the new pods down, of which the old version is the release now",
    by="controller",
    when={"ctl": "undone", "base": "old"},
    then={"ctl": "idle", "new": "none"},
    seen="run",
    evidence=f"{GONE.evidence} of the old version",
)
PODS_DONE: dict[Verb, tuple[When, ...]] = {
    "deploy": ({"ctl": ("paused", "aborted"), "new": "ready"},),
    "promote": ({"ctl": "healthy"},),
    "restore": ({"ctl": ("idle", *ACTIVE, "aborted", "undoing"), "old": "ready"},),
    "scale-down": ({"ctl": "idle", "new": "none"},),
}


def pauses(then: Mapping[str, str], evidence: str) -> Row:
    """The controller pauses once the new pods are ready."""
    return Row(
        name="Argo pauses with the new version at full size",
        by="controller",
        when={"ctl": "upgrading", "new": "ready"},
        then={"ctl": "paused", **then},
        seen="run",
        evidence=evidence,
    )


def promote(then: Mapping[str, str], evidence: str, when: When | None = None) -> Row:
    """Whoever releases it goes on."""
    return Row(
        name="promote",
        by="plan",
        verb="promote",
        when={"ctl": "paused", **(when or {})},
        then={"ctl": "promoted", **then},
        seen="run",
        evidence=evidence,
    )


def retry(then: Mapping[str, str]) -> Row:
    """Whoever releases it goes on after an abort."""
    return Row(
        name="retry the aborted Rollout",
        by="plan",
        verb="promote",
        when={"ctl": "aborted"},
        then={"ctl": "upgrading", **then},
        seen="run",
        evidence="abort set back to false: the Rollout runs through its steps again",
    )


def aborts(then: Mapping[str, str], evidence: str) -> Row:
    """One Rollout is aborted, and no other."""
    return Row(
        name="Argo aborts by itself, or somebody aborts this Rollout alone",
        by="trouble",
        when={"ctl": ACTIVE},
        then={"ctl": "aborted", **then},
        seen="run",
        evidence=evidence,
    )


ABORTED_PODS_GO = Row(
    name="Argo scales the aborted pods down",
    by="controller",
    when={"ctl": "aborted", "new": ("ready", "starting")},
    then={"new": "none"},
    seen="run",
    evidence="abortScaleDownDelaySeconds (30 by default, 1 here) after an abort; a time in whole "
    "seconds, so that of 1 sometimes 0.2 is left",
)
