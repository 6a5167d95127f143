"""The requests that the demo shows, and the paths that they must take."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from colorfast.lane import is_family
from colorfast.mesh._routes import path_of
from colorfast.policy import Engine, Mesh, Policy, Request, Split

_USERS = 500
"""How many user ids are tried to find one that a small share of a split takes."""


_FOREIGN = "tenant=blue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A request to the gateway, and what it is there to show."""

    shows: str
    headers: tuple[tuple[str, str], ...] = ()
    target: str = "/"


def samples(policy: Policy) -> tuple[Sample, ...]:
    """Requests that show what *policy* makes of them."""
    lane = _a_lane(policy)
    agent = ("agent", "pc")
    spoofed_header = (policy.header, lane)
    spoofed_member = ("baggage", f"{policy.member.key}={lane}")
    return (
        Sample(shows="nothing special"),
        Sample(shows="a rule", headers=(agent,)),
        *_sticky_users(policy),
        Sample(shows="a spoofed lane header", headers=(spoofed_header,)),
        Sample(shows="a spoofed baggage member", headers=(spoofed_member,)),
        Sample(shows="all of it at once", headers=(agent, spoofed_header, spoofed_member)),
    )


def foreign(policy: Policy) -> Sample:
    """A request whose baggage has a member of somebody else, and a spoofed one."""
    member = f"{policy.member.key}={_a_lane(policy)}"
    headers = (("baggage", f"{_FOREIGN},{member}"),)
    return Sample(shows="baggage of others is let through", headers=headers, target="/baggage")


def told() -> Sample:
    """A request whose lane the applications are asked for."""
    shows = "the code of each hop can ask for its lane"
    return Sample(shows=shows, headers=(("agent", "pc"),), target="/lane")


def expected_lanes(policy: Policy, sample: Sample) -> tuple[str, ...]:
    """What every hop must say, in one of these words."""
    return tuple(dict.fromkeys(lane or "no lane" for lane in _lanes(policy, sample)))


def expected_baggage(policy: Policy, sample: Sample) -> tuple[str, ...]:
    """The members that every hop must see."""
    members = [f"{policy.member.key}={lane}" for lane in _lanes(policy, sample) if lane is not None]
    written = dict(Engine(policy).dye(_request(sample)).sets).get("baggage", b"")
    kept = [_FOREIGN] if _FOREIGN.encode() in written else []
    return (*(members if len(set(members)) == 1 else ()), *kept)


def expected_paths(policy: Policy, mesh: Mesh, sample: Sample) -> tuple[str, ...]:
    """The paths that *sample* may take: one, unless the policy draws lots."""
    return tuple(dict.fromkeys(path_of(policy, mesh, lane) for lane in _lanes(policy, sample)))


def _lanes(policy: Policy, sample: Sample) -> Iterator[str | None]:
    for bucket in _first_buckets(policy):
        engine = Engine(policy, draw=partial(_drawn, bucket))
        yield engine.dye(_request(sample)).lane


def _request(sample: Sample) -> Request:
    pseudo = [
        (":method", b"GET"),
        (":path", sample.target.encode()),
        (":authority", b"127.0.0.1"),
    ]
    lines = [(name.lower(), value.encode()) for name, value in sample.headers]
    return Request([*pseudo, *lines], source_ip="127.0.0.1")


def _drawn(bucket: int, _: int) -> int:
    return bucket


def _first_buckets(policy: Policy) -> tuple[int, ...]:
    """A bucket of every share of every split, so that every lot is drawn once."""
    splits = [rule.gives for rule in policy.active_rules if isinstance(rule.gives, Split)]
    starts = (share.start for split in splits for share in split.shares if share.start < share.end)
    return tuple(dict.fromkeys((0, *starts)))


def _a_lane(policy: Policy) -> str:
    """A lane worth spoofing: one that nobody gets for nothing."""
    usual = (policy.default, policy.baseline)
    lanes = (pattern for pattern in policy.lanes.patterns if not is_family(pattern))
    return next((lane for lane in lanes if lane not in usual), policy.baseline)


def _sticky_users(policy: Policy) -> Iterator[Sample]:
    """A user whom a split by the cookie ``uid`` sends elsewhere than most, if there is one."""
    users = [
        Sample(shows="a sticky split", headers=(("cookie", f"uid={n}"),)) for n in range(_USERS)
    ]
    usual = set(_lanes(policy, Sample(shows="")))
    for user in users:
        if set(_lanes(policy, user)).isdisjoint(usual):
            yield user
            return
