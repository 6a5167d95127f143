-- Colorfast: policy smallest, digest 1c81feed003dd8de, station dye.
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

-- How many commas there are in s.
local function commas(s)
  local n, at = 0, find(s, ",", 1, true)
  while at do
    n = n + 1
    at = find(s, ",", at + 1, true)
  end
  return n
end

local EXACT = {
  [1] = { -- header agent
    ["pc"] = 1,
  },
}

local function choose()
  local best = EXACT[1][headers:get("agent")] or 2
  return best
end

local GIVES = {
  "canary", -- 1: pc-users
}

local function decide()
  local rank = choose()
  local lane = GIVES[rank]
  return lane, rank
end

-- Takes every lane from the request; what is not there is left alone, for each change has the route
-- picked again.
local function undye(rest, ours)
  if headers:get(HEADER) then headers:remove(HEADER) end
  if ours and rest == "" then
    headers:remove("baggage")
  elseif ours then
    headers:replace("baggage", rest)
  end
end

local RULES = {
  "pc-users",
}

local function tell(request, lane, rule)
  local metadata = request:streamInfo():dynamicMetadata()
  metadata:set("colorfast", "policy", "1c81feed003dd8de")
  if lane then metadata:set("colorfast", "lane", lane) end
  if rule then metadata:set("colorfast", "rule", rule) end
end

function envoy_on_request(request)
  headers = request:headers()
  local baggage, rest, ours = headers:get("baggage"), "", false
  if baggage then rest, ours = without(baggage) end
  if #rest >= 64 and commas(rest) >= 64 then rest = "" end
  local lane, rank = decide()
  if lane then
    headers:replace(HEADER, lane)
    headers:replace("baggage", line(lane, rest))
  else
    undye(rest, ours)
  end
  tell(request, lane, RULES[rank])
end
