"""The LanePolicy of each step: the one that is there, and one rule more."""

from copy import deepcopy

from colorfast.policy import Attribute, Source, order_in_objects
from colorfast.release._model import Json, Release
from colorfast.release._steps import WHOLE


def dyed(release: Release, weight: int) -> Json:
    """The policy that gives *weight* parts of the requests the release's lane.

    Up to all of them the rule is the last: requests with a lane of their own keep it. All of them
    means all: the other rules are parked then, and no client chooses another lane.
    """
    policy = deepcopy(release.policy_object)
    spec = policy["spec"]
    rules = list(spec.get("rules") or ())
    if weight >= WHOLE:
        parked = [{**rule, "enabled": False} for rule in rules]
        spec["rules"] = [{"name": release.rule, "lane": release.lane}, *parked]
        if len(release.policy.edge.accept.patterns):
            # `accept` would have no effect now, and a file that says so is warned about.
            kept = {key: value for key, value in spec["edge"].items() if key == "baggage"}
            spec["edge"] = {"client": "drop"} | kept
    else:
        spec["rules"] = [*rules, _share(release, weight)]
    return policy


def _share(release: Release, weight: int) -> Json:
    assert release.sticky is not None  # noqa: S101 (valid by construction: share is dye)
    weights = {str(release.lane): weight, release.rest: WHOLE - weight}
    # Users get the same lanes whether the file is served or the object that is made of it.
    order = order_in_objects(weights, release.policy.baseline)
    return {
        "name": release.rule,
        "split": {
            "by": [_key(attribute) for attribute in release.sticky.by],
            "salt": release.sticky.salt,
            "weights": {lane: weights[lane] for lane in order},
            "otherwise": release.rest,
        },
    }


def _key(attribute: Attribute) -> Json | str:
    if attribute.source is Source.SOURCE_IP:
        return "sourceIp"
    return {str(attribute.source): attribute.name}
