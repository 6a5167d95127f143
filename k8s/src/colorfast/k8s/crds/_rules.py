"""What a schema cannot say, in the Common Expression Language.

Only what keeps an object from being used at all, and what is cheap to say; the service finds the
rest and tells it in the object's status. The API server reckons the cost of a rule from the bounds
of the lists that it walks.
"""

from typing import Final, TypeAlias

Rule: TypeAlias = tuple[str, str, str]
"""Path of properties and ``[]``, expression, message."""

Choice: TypeAlias = tuple[str, tuple[str, ...]]
"""Path, and the keys of which exactly one must be there: no expression, as those that are looked at
for each header of each match of each rule cost more than an API server lets them."""

_KINDS: Final = ("exact", "prefix", "suffix", "contains", "regex", "in", "present")
_ADMITTED: Final = (
    "self.lanes.exists(l, l == {lane} || "
    "(l.endsWith('*') && {lane}.startsWith(l.substring(0, l.size() - 1))))"
)

_MATCHERS: Final = ("path", "method", "host")
_MATCHER_MAPS: Final = ("headers", "cookies", "query")

POLICY_RULES: Final[tuple[Rule, ...]] = (
    (
        "",
        _ADMITTED.format(lane="(has(self.baseline) ? self.baseline : 'base')"),
        "baseline is not in lanes",
    ),
    (
        "",
        "!has(self.default) || " + _ADMITTED.format(lane="self.default"),
        "default is not in lanes",
    ),
    ("rules.[]", "has(self.lane) != has(self.split)", "exactly one of lane and split is needed"),
    (
        "rules.[].split",
        "self.weights.map(l, self.weights[l]).sum() == 10000",
        "weights do not sum to 10000",
    ),
    ("rules.[].match.[].headers", "!('baggage' in self)", "a rule cannot read baggage"),
)

POLICY_CHOICES: Final[tuple[Choice, ...]] = (
    *((f"rules.[].match.[].{name}", _KINDS) for name in _MATCHERS),
    *((f"rules.[].match.[].{name}.{{}}", _KINDS) for name in _MATCHER_MAPS),
)

_CALLS: Final = (
    "self.services.all(s, !has(self.services[s].calls) || "
    "self.services[s].calls.all(c, c in self.services))"
)

MESH_RULES: Final[tuple[Rule, ...]] = (
    ("", "self.entry in self.services", "entry is no service"),
    ("", _CALLS, "a service calls one that is not there"),
    (
        "",
        "!has(self.gateways) || self.gateways.all(g, !has(g.entry) || g.entry in self.services)",
        "a gateway leads to a service that is not there",
    ),
)
