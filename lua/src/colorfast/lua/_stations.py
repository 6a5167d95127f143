"""``envoy_on_request`` for each station: what it reads, and what it writes."""

from collections.abc import Iterator

from colorfast.lua._literals import pattern, text
from colorfast.lua._slots import Slots
from colorfast.policy import Edge, Policy


def header(policy: Policy) -> Iterator[str]:
    """Lua: the lane header's name."""
    yield f"local HEADER = {text(policy.header)}"


def member(policy: Policy) -> Iterator[str]:
    """Lua: the baggage member's key, and the pattern of a piece of ours behind its comma."""
    key = policy.member.key
    yield f"local KEY = {text(key)}"
    # An attempt starts at a comma and cannot leave its piece, so the work is linear.
    yield f'local OURS = ",[ \\t]*{pattern(key)}[ \\t]*=([^,;]*)[^,]*"'


def decide(policy: Policy) -> Iterator[str]:
    """Lua: ``decide()``, the lane that the rules give and the rank of the rule that gave it."""
    yield "local function decide()"
    yield "  local rank = choose()"
    yield "  local lane = GIVES[rank]"
    if _splits(policy):
        yield '  if type(lane) == "function" then lane = lane() end'
    yield "  return lane, rank"
    yield "end"


def dye(  # noqa: PLR0913 (of whom, and what its script has)
    policy: Policy, slots: Slots, *, guards: bool, remembers: bool, tells: bool, fallback: bool
) -> Iterator[str]:
    """Lua: the entrance; *guards*: ``guarded`` calls it."""
    rules = bool(policy.active_rules)
    yield "local function dye(request)" if guards else "function envoy_on_request(request)"
    if not guards:
        yield from _leave_to_service(fallback=fallback)
    yield "  headers = request:headers()"
    if remembers:
        yield "  serial = serial + 1"
    if slots.client:
        yield "  handle = request"
    yield '  local baggage, rest, ours = headers:get("baggage"), "", false'
    yield "  if baggage then rest, ours = without(baggage) end"
    yield from _limits(policy.edge)
    yield from _lane(policy, tells=tells)
    yield "  if lane then"
    yield "    headers:replace(HEADER, lane)"
    yield '    headers:replace("baggage", line(lane, rest))'
    yield "  else"
    yield "    undye(rest, ours)"
    yield "  end"
    if tells:
        yield f"  tell(request, lane, {'RULES[rank]' if rules else 'nil'})"
    yield "end"


def guarded(*, fallback: bool) -> Iterator[str]:
    """Lua: the entrance, proof against mistakes of ours in the rules."""
    # The call that catches is the outermost one: LuaJIT compiles what runs inside of it, but no way
    # back through it.
    yield "function envoy_on_request(request)"
    yield from _leave_to_service(fallback=fallback)
    yield "  local ok, why = pcall(dye, request)"
    yield "  if not ok then"
    yield "    -- Whatever it was, a client's lane goes no further."
    yield '    undye(without(headers:get("baggage") or ""))'
    yield '    request:logErr("colorfast: " .. tostring(why))'
    yield "  end"
    yield "end"


def carry(*, tells: bool, fallback: bool) -> Iterator[str]:
    """Lua: a hop."""
    yield "function envoy_on_request(request)"
    yield from _leave_to_service(fallback=fallback)
    yield "  headers = request:headers()"
    yield '  local baggage, header = headers:get("baggage"), headers:get(HEADER)'
    yield '  local ours, lane = carried(baggage or "")'
    yield "  local agrees = lane and ours == 1"
    yield "  if not lane then lane = header and admit(header) end"
    yield "  if lane and header ~= lane then headers:replace(HEADER, lane) end"
    yield "  if lane and not agrees then"
    yield '    headers:replace("baggage", line(lane, (without(baggage or ""))))'
    yield "  end"
    if tells:
        yield "  tell(request, lane, nil)"
    yield "end"


def tell(policy: Policy) -> Iterator[str]:
    """Lua: ``tell()``, which puts the decision into dynamic metadata."""
    yield "local function tell(request, lane, rule)"
    yield "  local metadata = request:streamInfo():dynamicMetadata()"
    yield f'  metadata:set("colorfast", "policy", {text(policy.digest)})'
    yield '  if lane then metadata:set("colorfast", "lane", lane) end'
    yield '  if rule then metadata:set("colorfast", "rule", rule) end'
    yield "end"


def rule_names(policy: Policy) -> Iterator[str]:
    """Lua: ``RULES``, names by rank."""
    yield "local RULES = {"
    yield from (f"  {text(rule.name)}," for rule in policy.active_rules)
    yield "}"


def _leave_to_service(*, fallback: bool) -> Iterator[str]:
    if fallback:
        # Clients cannot write metadata, so this says for certain that the service has decided.
        yield '  if request:streamInfo():dynamicMetadata():get("colorfast") then return end'


def _limits(edge: Edge) -> Iterator[str]:
    if not edge.keep_baggage or not edge.max_members:
        yield '  rest = ""'
        return
    # A text of n bytes has n + 1 pieces at most, so most need no counting.
    members = f"#rest >= {edge.max_members} and commas(rest) >= {edge.max_members}"
    if edge.max_bytes is None:
        yield f'  if {members} then rest = "" end'
    else:
        yield f'  if #rest > {edge.max_bytes} or {members} then rest = "" end'


def _lane(policy: Policy, *, tells: bool) -> Iterator[str]:
    results = "lane, rank" if tells and policy.active_rules else "lane"
    if policy.active_rules and not tells and not _splits(policy):
        decision = "lane = GIVES[choose()]"
    elif policy.active_rules:
        decision = f"{results} = decide()"
    else:
        decision = f"lane = {'nil' if policy.default is None else text(policy.default)}"
    if policy.edge.accept.patterns:
        yield "  local lane = chosen(baggage)"
        if "rank" in results:
            yield "  local rank"
        yield f"  if not lane then {decision} end"
    else:
        yield f"  local {decision}"


def _splits(policy: Policy) -> bool:
    return any(not isinstance(rule.gives, str) for rule in policy.active_rules)
