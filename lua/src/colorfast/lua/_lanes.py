"""What a rule gives, and which lanes there are."""

from collections.abc import Iterator

from colorfast.lane import LaneSet, is_family
from colorfast.lua._literals import comment, text
from colorfast.lua._slots import Slots
from colorfast.policy import Policy, Split
from colorfast.policy._split import seed_of


def gives(policy: Policy, slots: Slots) -> Iterator[str]:
    """Lua: ``GIVES``, a lane by a rule's rank, or a function that deals lanes out."""
    yield "local GIVES = {"
    for rank, rule in enumerate(policy.active_rules, start=1):
        note = f" -- {rank}: {comment(rule.name)}"
        if isinstance(rule.gives, Split):
            yield f"  function(){note}"
            yield from (f"    {line}" for line in _deal(rule.gives, slots))
            yield "  end,"
        else:
            yield f"  {text(rule.gives)},{note}"
    if policy.default is not None:
        yield f"  {text(policy.default)}, -- no rule"
    yield "}"


def admits(name: str, lanes: LaneSet) -> Iterator[str]:
    """Lua: function *name*, which gives a lane of *lanes* back and nil for anything else."""
    names = [pattern for pattern in lanes.patterns if not is_family(pattern)]
    prefixes = [pattern[:-1] for pattern in lanes.patterns if is_family(pattern)]
    table = f"{name.upper()}_NAMES"
    yield f"local {table} = {{"
    yield from (f"  [{text(one)}] = true," for one in names)
    yield "}"
    yield f"local function {name}(lane)"
    yield f"  if {table}[lane] then return lane end"
    if prefixes:
        starts = " or ".join(
            f"sub(lane, 1, {len(prefix)}) == {text(prefix)}" for prefix in prefixes
        )
        yield f"  if ({starts}) and is_lane_name(lane) then return lane end"
    yield "  return nil"
    yield "end"


def _deal(split: Split, slots: Slots) -> Iterator[str]:
    keys = " or ".join(f"filled(value({slots.of(attribute)}))" for attribute in split.by)
    hashed = f"bucket(key, 0x{seed_of(split.salt):016x}ULL)"
    yield f"local key = {keys}"
    if split.otherwise is None:
        yield f"local b = key and {hashed} or draw()"
    else:
        yield f"if not key then return {text(split.otherwise)} end"
        yield f"local b = {hashed}"
    shares = [share for share in split.shares if share.end > share.start]
    for share in shares[:-1]:
        yield f"if b < {share.end} then return {text(share.lane)} end"
    yield f"return {text(shares[-1].lane)}"
