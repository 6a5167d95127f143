-- Colorfast: policy smallest, digest 1c81feed003dd8de, station carry.
-- Generated. Change the policy instead.
local byte, find, gsub, sub = string.byte, string.find, string.gsub, string.sub
local headers -- of the current request
local HEADER = "x-lane"

local KEY = "lane"
local OURS = ",[ \t]*lane[ \t]*=([^,;]*)[^,]*"

-- Whether a byte is a space or a tab.
local function is_ows(b) return b == 32 or b == 9 end

-- s[from..to] without the spaces and tabs around it.
local function trim(s, from, to)
  while from <= to and is_ows(byte(s, from)) do from = from + 1 end
  while from <= to and is_ows(byte(s, to)) do to = to - 1 end
  return (sub(s, from, to))
end

local ADMIT_NAMES = {
  ["base"] = true,
  ["canary"] = true,
}
local function admit(lane)
  if ADMIT_NAMES[lane] then return lane end
  return nil
end

-- How many pieces of baggage are ours, and the last lane that one of them names.
local function carried(baggage)
  if not find(baggage, KEY, 1, true) then return 0, nil end
  local text, ours, lane = "," .. baggage, 0, nil
  local _, stop, name = find(text, OURS)
  while stop do
    ours = ours + 1
    lane = admit(trim(name, 1, #name)) or lane
    _, stop, name = find(text, OURS, stop + 1)
  end
  return ours, lane
end

-- What baggage holds besides our pieces, and whether it held any of ours.
local function without(baggage)
  if not find(baggage, KEY, 1, true) then return trim(baggage, 1, #baggage), false end
  local rest, ours = gsub("," .. baggage, OURS, "")
  return trim(rest, 2, #rest), ours > 0
end

-- A line of baggage: the lane comes first.
local function line(lane, rest)
  local first = KEY .. "=" .. lane
  return rest == "" and first or first .. "," .. rest
end

local function tell(request, lane, rule)
  local metadata = request:streamInfo():dynamicMetadata()
  metadata:set("colorfast", "policy", "1c81feed003dd8de")
  if lane then metadata:set("colorfast", "lane", lane) end
  if rule then metadata:set("colorfast", "rule", rule) end
end

function envoy_on_request(request)
  headers = request:headers()
  local baggage, header = headers:get("baggage"), headers:get(HEADER)
  local ours, lane = carried(baggage or "")
  local agrees = lane and ours == 1
  if not lane then lane = header and admit(header) end
  if lane and header ~= lane then headers:replace(HEADER, lane) end
  if lane and not agrees then
    headers:replace("baggage", line(lane, (without(baggage or ""))))
  end
  tell(request, lane, nil)
end
