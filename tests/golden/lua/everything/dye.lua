-- Colorfast: policy everything, digest 99f50c1268417490, station dye.
-- Generated. Change the policy instead.

local ipairs, pcall, tonumber, tostring, type = ipairs, pcall, tonumber, tostring, type
local byte, char, find, format, gmatch = string.byte, string.char, string.find, string.format, string.gmatch
local gsub, lower, match, rep, sub = string.gsub, string.lower, string.match, string.rep, string.sub
local floor = math.floor

local headers -- of the current request
local handle -- of the current request
local HEADER = "x-dye"

local KEY = "d*e"
local OURS = ",[ \t]*d%*e[ \t]*=([^,;]*)[^,]*"

-- Whether a byte is a space or a tab.
local function is_ows(b) return b == 32 or b == 9 end

-- s[from..to] without the spaces and tabs around it.
local function trim(s, from, to)
  while from <= to and is_ows(byte(s, from)) do from = from + 1 end
  while from <= to and is_ows(byte(s, to)) do to = to - 1 end
  return (sub(s, from, to))
end

local function is_lane_name(s)
  return #s <= 63 and find(s, "^[a-z0-9][a-z0-9._-]*$") ~= nil and find(s, "[a-z0-9]$") ~= nil
end

local ADMIT_NAMES = {
  ["base"] = true,
  ["canary"] = true,
}
local function admit(lane)
  if ADMIT_NAMES[lane] then return lane end
  if (sub(lane, 1, 3) == "pr-") and is_lane_name(lane) then return lane end
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

-- How many commas there are in s.
local function commas(s)
  local n, at = 0, find(s, ",", 1, true)
  while at do
    n = n + 1
    at = find(s, ",", at + 1, true)
  end
  return n
end

-- Values of the current request, and the serial number of the request that each was read in.
local values, read_in, serial = {}, {}, 0

-- s percent-decoded; a broken escape stays as it is.
local function unescape(digits) return (char(tonumber(digits, 16))) end
local function decode(s)
  if not find(s, "%", 1, true) then return s end
  return (gsub(s, "%%(%x%x)", unescape))
end

local HEADERS = {
  ":authority", -- 1
  ":method", -- 2
  ":path", -- 3
  "agent", -- 4
  "x-tenant", -- 5
  "x-user-id", -- 6
}
local COOKIES = {
  [7] = "beta=",
  [8] = "gone=",
  [9] = "uid=",
}
local QUERY = {
  ["caf\195\169"] = 10,
}

-- All cookie lines as one.
local function cookie_lines()
  local text = headers:getAtIndex("cookie", 0)
  local i, more = 1, text and headers:getAtIndex("cookie", 1)
  while more do
    text = text .. ";" .. more
    i = i + 1
    more = headers:getAtIndex("cookie", i)
  end
  return text
end

-- Whether a cookie starts at s[at]: only spaces and tabs stand between it and the ";" before it.
local function starts(s, at)
  at = at - 1
  if at > 0 and byte(s, at) == 32 then at = at - 1 end
  while at > 0 and is_ows(byte(s, at)) do at = at - 1 end
  return at == 0 or byte(s, at) == 59
end

-- The value of the first cookie whose name and "=" are start.
local function cookie(start, text)
  local from, to = find(text or "", start, 1, true)
  while from and not starts(text, from) do from, to = find(text, start, to + 1, true) end
  return from and trim(text, to + 1, (find(text, ";", to + 1, true) or #text + 1) - 1)
end

-- Query parameter i: the first of its name, decoded. One pass reads all that the rules want.
local query_read, query_found, query_size = 0, {}, 0
local function read_query(target)
  query_read, query_size = serial, 0
  local at = target and find(target, "?", 1, true)
  while at do
    local _, stop, name, from = find(target, "^([^&=]*)=?()[^&]*", at + 1)
    local i = QUERY[decode(name)]
    if i and read_in[i] ~= serial then
      read_in[i], values[i] = serial, decode(sub(target, from, stop))
      query_size = query_size + 1
      query_found[query_size] = i
    end
    at = find(target, "&", stop + 1, true)
  end
end
local function query(i, target)
  if query_read ~= serial then read_query(target) end
  if read_in[i] == serial then return values[i] end
  return nil
end

-- The part of a request's target before the query.
local function path_of(target)
  local mark = target and find(target, "?", 1, true)
  return mark and sub(target, 1, mark - 1) or target or ""
end

-- An authority without its port, in lower case.
local function host_of(authority)
  return authority and lower(match(authority, "^(.*):[^%]:]*$") or authority) or ""
end

-- "ip:port" or "[ip]:port" without the port.
local function client_address(text)
  if byte(text) == 91 then return (match(text, "^%[([^%]]*)")) end
  return match(text, "^([^:]*):[^:]*$") or text
end

-- An IPv4 address as a number; nil when it is none.
local function octet(sum, digits)
  if not sum or #digits > 3 or find(digits, "^0.") or tonumber(digits) > 255 then return nil end
  return sum * 256 + tonumber(digits)
end
local function v4(text)
  local a, b, c, d = match(text, "^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  return a and octet(octet(octet(octet(0, a), b), c), d)
end

-- An IPv6 address as 32 hexadecimal digits; nil when it is none.
local function groups(text)
  local digits, at, mark = "", 1, text ~= ""
  while mark do
    local _, stop, group = find(text, "^(%x%x?%x?%x?)", at)
    mark = stop and byte(text, stop + 1)
    if not stop or mark and mark ~= 58 or #digits == 32 then return nil end
    digits = digits .. sub("000" .. lower(group), -4)
    at = stop + 2
  end
  return digits
end
local function v6(text)
  text = match(text, "^([^%%]*)%%[^%%/]+$") or text
  local start, quad = match(text, "^(.*:)(%d+%.[%d.]+)$")
  if start then
    local n = v4(quad)
    text = n and start .. format("%x:%x", (n - n % 65536) / 65536, n % 65536) or ""
  end
  local left, right = match(text, "^(.-)::(.*)$")
  if not left then
    local all = groups(text)
    return all and #all == 32 and all or nil
  end
  left, right = groups(left), groups(right)
  if not left or not right or #left + #right > 28 then return nil end
  return left .. rep("0", 32 - #left - #right) .. right
end

local function value(i)
  if read_in[i] == serial then return values[i] end
  local v
  if i <= 6 then
    v = headers:get(HEADERS[i])
  elseif i <= 9 then
    v = cookie(COOKIES[i], value(11))
  elseif i <= 10 then
    v = query(i, value(3))
  elseif i <= 11 then
    v = cookie_lines()
  elseif i <= 12 then
    v = path_of(value(3))
  elseif i <= 13 then
    v = host_of(value(1))
  elseif i <= 14 then
    v = client_address(handle:streamInfo():downstreamRemoteAddress())
  elseif i <= 15 then
    v = v4(value(14))
  else
    v = v6(value(14))
  end
  read_in[i], values[i] = serial, v
  return v
end

local function prefix(v, text) return v ~= nil and sub(v, 1, #text) == text end
local function suffix(v, text) return v ~= nil and sub(v, -#text) == text end
local function contains(v, text) return v ~= nil and find(v, text, 1, true) ~= nil end

-- ASCII letters in lower case.
local function fold(v) return v and lower(v) end

-- Whether v is in one of the ranges {low, high, low, high, ...}, which ascend.
local function inside(v, ranges)
  local low, high = 1, #ranges / 2
  while v and low <= high do
    local middle = floor((low + high) / 2)
    if v < ranges[2 * middle - 1] then
      high = middle - 1
    elseif v > ranges[2 * middle] then
      low = middle + 1
    else
      return true
    end
  end
  return false
end

-- "1*3 2" as {1, 1, 1, 2}.
local function unroll(runs)
  local list = {}
  for item, times in gmatch(runs, "(%d+)%*?(%d*)") do
    for _ = 1, tonumber(times) or 1 do list[#list + 1] = tonumber(item) end
  end
  return list
end
-- A regex as an automaton over bytes: each byte's class, the next state by state and class, and
-- whether the text may end in a state. States are multiplied by the number of classes beforehand.
local function automaton(classes, moves, ends, dead)
  local class, final, width = {}, {}, 0
  for i, c in ipairs(unroll(classes)) do
    class[i - 1] = c + 1
    if c >= width then width = c + 1 end
  end
  moves = unroll(moves)
  for i, state in ipairs(moves) do moves[i] = state * width end
  for i, ending in ipairs(unroll(ends)) do final[(i - 1) * width] = ending == 1 end
  return { class = class, moves = moves, final = final, dead = dead and dead * width }
end

-- Whether an automaton takes v as a whole.
local function matches(v, regex)
  if not v then return false end
  local class, moves, dead, state = regex.class, regex.moves, regex.dead, 0
  for i = 1, #v do
    state = moves[state + class[byte(v, i)]]
    if state == dead then return false end
  end
  return regex.final[state]
end

-- A value that can be a sticky key.
local function filled(v)
  if v == "" then return nil end
  return v
end

-- xxHash64(key, seed) mod 10,000, on LuaJIT's 64-bit integers. Loops that most keys would leave at
-- once keep LuaJIT from compiling, and then each step below allocates: so there is one, for long
-- keys.
local rol, bxor, shift = bit.rol, bit.bxor, bit.rshift
local P1, P2, P3 = 0x9E3779B185EBCA87ULL, 0xC2B2AE3D27D4EB4FULL, 0x165667B19E3779F9ULL
local P4, P5 = 0x85EBCA77C2B2AE63ULL, 0x27D4EB2F165667C5ULL
local function half(s, i)
  local a, b, c, d = byte(s, i, i + 3)
  return a + b * 256 + c * 65536 + d * 16777216
end
local function stir(lane, s, i)
  return rol(lane + (half(s, i) + half(s, i + 4) * 4294967296ULL) * P2, 31) * P1
end
local function fuse(h, lane) return bxor(h, rol(lane * P2, 31) * P1) * P1 + P4 end
local function add8(h, s, i) return rol(bxor(h, stir(0ULL, s, i)), 27) * P1 + P4 end
local function add1(h, s, i) return rol(bxor(h, byte(s, i) * P5), 11) * P1 end
local function bucket(key, seed)
  local n, i, h = #key, 1, seed + P5
  if n >= 32 then
    local a, b = stir(seed + P1 + P2, key, 1), stir(seed + P2, key, 9)
    local c, d = stir(seed, key, 17), stir(seed - P1, key, 25)
    i = 33
    while i <= n - 31 do
      a, b = stir(a, key, i), stir(b, key, i + 8)
      c, d = stir(c, key, i + 16), stir(d, key, i + 24)
      i = i + 32
    end
    h = rol(a, 1) + rol(b, 7) + rol(c, 12) + rol(d, 18)
    h = fuse(fuse(fuse(fuse(h, a), b), c), d)
  end
  h = h + n
  if i <= n - 7 then h, i = add8(h, key, i), i + 8 end
  if i <= n - 7 then h, i = add8(h, key, i), i + 8 end
  if i <= n - 7 then h, i = add8(h, key, i), i + 8 end
  if i <= n - 3 then h, i = rol(bxor(h, half(key, i) * P1), 23) * P2 + P3, i + 4 end
  if i <= n then h, i = add1(h, key, i), i + 1 end
  if i <= n then h, i = add1(h, key, i), i + 1 end
  if i <= n then h = add1(h, key, i) end
  h = bxor(h, shift(h, 33)) * P2
  h = bxor(h, shift(h, 29)) * P3
  return (tonumber(bxor(h, shift(h, 32)) % 10000ULL))
end

-- A random bucket. LuaJIT seeds every state alike, so each worker makes a seed of its own: from the
-- time, and from where its memory happens to be.
local address = tonumber(match(tostring({}), "0x%x+")) or 0
math.randomseed(os.time() + os.clock() + address % 2147483648)
local random = math.random
local function draw() return (random(0, 9999)) end

local SETS = {
  {["2"] = true, ["3"] = true},
  {["GET"] = true, ["POST"] = true},
}
local BLOCKS = {
  {167772160, 184549375, 3232235520, 3232301055}, -- 10.0.0.0/8, 192.168.0.0/16
  {"20010db8000000000000000000000001", "20010db8000000000000000000000001"}, -- 2001:db8::1/128
}
local REGEXES = {
  automaton("0*47 1 2*10 0*39 3 0*7 4 0*6 5 0*143", "1 2 1*13 3 1*7 4 1*4 5 1*2 6 1*6 7 1*5 7 1*3", "0*7 1", 1), -- /api/[0-9]+
}

local EXACT = {
  [4] = { -- header agent
    ["pc"] = function(best)
      if 1 < best and not prefix(value(5), "a") and value(7) ~= nil and value(8) == nil and SETS[1][fold(value(10))] and matches(value(12), REGEXES[1]) and SETS[2][value(2)] and suffix(value(13), ".example.com") and (inside(value(15), BLOCKS[1]) or inside(value(16), BLOCKS[2])) then return 1 end -- all-of-it
      return best
    end,
  },
}
local FOLDED = {
  [4] = { -- header agent
    ["pc"] = 2,
    ["mac"] = 2,
  },
}

-- The better of what was found in a table and the best rank so far.
local function better(found, best)
  if not found then return best end
  if type(found) == "function" then return found(best) end
  return found < best and found or best
end

local function choose()
  local best = 4
  best = better(EXACT[4][value(4)], best)
  best = better(FOLDED[4][fold(value(4))], best)
  if 1 < best and contains(fold(value(5)), "say \"hi\"\\") then return 1 end -- all-of-it
  if 3 < best then return 3 end -- some-users
  return best
end

local GIVES = {
  "pr-42", -- 1: all-of-it
  "canary", -- 2: same-agent
  function() -- 3: some-users
    local key = filled(value(6)) or filled(value(9)) or filled(value(14))
    local b = key and bucket(key, 0x9a0c92345d5ebe1bULL) or draw()
    if b < 500 then return "canary" end
    return "base"
  end,
  "base", -- no rule
}

local function decide()
  local rank = choose()
  local lane = GIVES[rank]
  if type(lane) == "function" then lane = lane() end
  return lane, rank
end

local ACCEPT_NAMES = {
  ["canary"] = true,
}
local function accept(lane)
  if ACCEPT_NAMES[lane] then return lane end
  if (sub(lane, 1, 3) == "pr-") and is_lane_name(lane) then return lane end
  return nil
end

-- The lane that the client chose, when the edge accepts that choice.
local function chosen(baggage)
  local _, lane = carried(baggage or "")
  if not lane then
    local header = headers:get(HEADER)
    lane = header and admit(header)
  end
  return lane and accept(lane)
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
  "all-of-it",
  "same-agent",
  "some-users",
}

local function tell(request, lane, rule)
  local metadata = request:streamInfo():dynamicMetadata()
  metadata:set("colorfast", "policy", "99f50c1268417490")
  if lane then metadata:set("colorfast", "lane", lane) end
  if rule then metadata:set("colorfast", "rule", rule) end
end

local function dye(request)
  headers = request:headers()
  serial = serial + 1
  handle = request
  local baggage, rest, ours = headers:get("baggage"), "", false
  if baggage then rest, ours = without(baggage) end
  if #rest > 512 or #rest >= 8 and commas(rest) >= 8 then rest = "" end
  local lane = chosen(baggage)
  local rank
  if not lane then lane, rank = decide() end
  if lane then
    headers:replace(HEADER, lane)
    headers:replace("baggage", line(lane, rest))
  else
    undye(rest, ours)
  end
  tell(request, lane, RULES[rank])
end

function envoy_on_request(request)
  local ok, why = pcall(dye, request)
  if not ok then
    -- Whatever it was, a client's lane goes no further.
    undye(without(headers:get("baggage") or ""))
    request:logErr("colorfast: " .. tostring(why))
  end
end
