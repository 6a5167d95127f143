"""Lua to compare the generated script with: by hand, and the generated one cut down to its rule.

No policy turns baggage off: the member in it is what the dye travels in. The seed of all this, a
filter written by hand, only asks whether ``agent`` is ``pc`` and sets the lane header. So that the
two can be compared, a copy of the generated script has its work on baggage taken out. What that
work costs shows between this row and the whole backend's, and by hand it is not free either.
"""

from colorfast.envoy import Chain

_MESSAGE = "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua"

SCRIPT = """\
function envoy_on_request(handle)
  local headers = handle:headers()
  if headers:get("agent") == "pc" then
    headers:replace("x-lane", "canary")
  end
end
"""

SCRIPT_WITH_BAGGAGE = """\
function envoy_on_request(handle)
  local headers = handle:headers()
  headers:remove("x-lane")
  local baggage = headers:get("baggage")
  if baggage then
    baggage = ("," .. baggage):gsub(",%s*lane%s*=[^,]*", ""):sub(2)
  end
  if headers:get("agent") == "pc" then
    headers:replace("x-lane", "canary")
    local lane = "lane=canary"
    headers:replace("baggage", baggage and baggage ~= "" and lane .. "," .. baggage or lane)
  end
end
"""

_CUTS = (
    ('local baggage, rest, ours = headers:get("baggage"), "", false', 'local rest = ""'),
    ("if baggage then rest, ours = without(baggage) end", ""),
    ('headers:replace("baggage", line(lane, rest))', ""),
)


def by_hand(script: str) -> Chain:
    """Nothing but *script*."""
    return _filter({"@type": _MESSAGE, "default_source_code": {"inline_string": script}})


def rule_only(whole: Chain) -> Chain:
    """The Lua filter of *whole*, without what its script does to baggage.

    Raises ValueError when the script is not written as it is known here.
    """
    config = whole.filters[0]["typed_config"]
    script: str = config["default_source_code"]["inline_string"]
    for work, instead in _CUTS:
        if script.count(work) != 1:
            raise ValueError(f"the generated script has not one {work!r} to be taken out")
        script = script.replace(work, instead)
    return _filter({**config, "default_source_code": {"inline_string": script}})


def _filter(config: dict[str, object]) -> Chain:
    return Chain(early=(), filters=({"name": "lua", "typed_config": config},))
