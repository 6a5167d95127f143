-- A VirtualService while OpenKruise Rollouts releases one of its services (Lua 5.1, gopher-lua).
--
-- In: obj.data {spec, labels, annotations} as they were before the release, obj.canaryWeight (-1:
-- none), obj.stableWeight, obj.matches, obj.stableService, obj.canaryService,
-- obj.requestHeaderModifier. Out: data with the canary in it. Kruise calls this at every step, always
-- with the original, and writes the original back in the end.
--
-- What the release is about is the stable version: where the rules for everybody lead. Rules to other
-- hosts and subsets, such as other lanes', redirects and delegations stay as they are.

local PREFIX = "colorfast.dev/kruise-"
local data = obj.data
local spec = data.spec
local annotations = data.annotations or {}

local function copy(value)
  if type(value) ~= "table" then return value end
  local made = {}
  for key, each in pairs(value) do made[key] = copy(each) end
  return made
end

-- Whether HOST is the service called NAME. A name with a namespace is the service's own only if the
-- annotation says so, or if this VirtualService is about that very host.
local function is_service(host, name)
  if host == name then return true end
  if string.sub(host, 1, #name + 1) ~= name .. "." then return false end
  local namespace = annotations[PREFIX .. "namespace"]
  if namespace then
    local full = name .. "." .. namespace
    return host == full or host == full .. ".svc" or host == full .. ".svc.cluster.local"
  end
  for _, each in ipairs(spec.hosts or {}) do
    if each == host then return true end
  end
  return false
end

local function rules()
  local all = {}
  for _, protocol in ipairs({ "http", "tls", "tcp" }) do
    for _, rule in ipairs(spec[protocol] or {}) do table.insert(all, rule) end
  end
  return all
end

local function by_header(rule)
  for _, match in ipairs(rule.match or {}) do
    if match.headers then return true end
  end
  return false
end

-- The subsets that requests of no lane get ("" is none), of the rules that WANTED admits.
local function subsets_of(wanted)
  local found = {}
  for _, rule in ipairs(rules()) do
    for _, to in ipairs(wanted(rule) and rule.route or {}) do
      if is_service(to.destination.host, obj.stableService) then
        found[to.destination.subset or ""] = true
      end
    end
  end
  return found
end

-- The rules for everybody say it; where there are none, the rules by path do.
local STABLE = subsets_of(function(rule) return not rule.match end)
if next(STABLE) == nil then
  STABLE = subsets_of(function(rule) return not by_header(rule) end)
end

local function is_stable(to)
  return is_service(to.destination.host, obj.stableService)
    and STABLE[to.destination.subset or ""] == true
end

-- The stable destinations of RULE; none for a redirect, a delegation, or another lane's rule.
local function stable_of(rule)
  local found = {}
  for _, to in ipairs(rule.route or {}) do
    if is_stable(to) then table.insert(found, to) end
  end
  return found
end

-- Where the canary is, reached like STABLE: same port, and same host form for a subset.
local function canary_of(stable)
  local destination = copy(stable.destination)
  if obj.stableService == obj.canaryService then
    destination.subset = annotations[PREFIX .. "subset"] or "canary"
  else
    destination.host = obj.canaryService
    destination.subset = nil
  end
  return destination
end

-- Requests that match.

local KINDS = { Exact = "exact", RegularExpression = "regex", Prefix = "prefix", PathPrefix = "prefix" }
local FIELDS = { headers = "headers", queryParams = "queryParams" }

local function condition(match)
  local made = {}
  for field, name in pairs(FIELDS) do
    for _, one in ipairs(match[field] or {}) do
      made[name] = made[name] or {}
      made[name][one.name] = { [KINDS[one.type or "Exact"]] = one.value }
    end
  end
  if match.path then
    made.uri = { [KINDS[match.path.type or "PathPrefix"]] = match.path.value }
  end
  return made
end

local function same(one, other)
  for kind, value in pairs(one) do
    if other[kind] ~= value then return false end
  end
  return next(one) ~= nil
end

-- Both conditions in one; nil when they speak of the same thing differently, for Istio has no such
-- AND. A rule of another lane is one of these.
local function both(own, ours)
  local made = copy(own)
  for field, wanted in pairs(ours) do
    if field == "uri" then
      if made.uri and not same(made.uri, wanted) then return nil end
      made.uri = copy(wanted)
    else
      made[field] = made[field] or {}
      for name, value in pairs(wanted) do
        if made[field][name] and not same(made[field][name], value) then return nil end
        made[field][name] = copy(value)
      end
    end
  end
  return made
end

local function conditions(rule)
  local made = {}
  for _, match in ipairs(obj.matches) do
    for _, own in ipairs(rule.match or { {} }) do
      local one = both(own, condition(match))
      if one then table.insert(made, one) end
    end
  end
  return made
end

local function pairs_of(list)
  local made = {}
  for _, one in ipairs(list) do made[one.name] = one.value end
  return made
end

local function modify(rule)
  local modifier = obj.requestHeaderModifier
  if not modifier then return end
  rule.headers = rule.headers or {}
  local request = rule.headers.request or {}
  for _, verb in ipairs({ "set", "add" }) do
    if modifier[verb] then
      request[verb] = request[verb] or {}
      for name, value in pairs(pairs_of(modifier[verb])) do request[verb][name] = value end
    end
  end
  if modifier.remove then
    request.remove = request.remove or {}
    for _, name in ipairs(modifier.remove) do table.insert(request.remove, name) end
  end
  rule.headers.request = request
end

-- The rule that takes the matching requests of RULE, with all of its settings.
local function canary_rule(rule, stable, index)
  local match = conditions(rule)
  if #match == 0 then return nil end
  local made = copy(rule)
  made.name = (rule.name or "rule-" .. index) .. "-canary"
  made.match = match
  made.route = { { destination = canary_of(stable[1]) } }
  modify(made)
  return made
end

local function by_matches()
  local http = {}
  for index, rule in ipairs(spec.http or {}) do
    local stable = stable_of(rule)
    local made = #stable > 0 and canary_rule(rule, stable, index)
    if made then table.insert(http, made) end
    table.insert(http, rule)
  end
  if spec.http then spec.http = http end
end

-- Weights.

-- TOTAL in whole parts after SHARES, largest remainder first: nothing is lost to rounding.
local function divide(total, shares)
  local sum, given, parts, rest = 0, 0, {}, {}
  for _, share in ipairs(shares) do sum = sum + share end
  for index, share in ipairs(shares) do
    local exact = sum > 0 and total * share / sum or 0
    parts[index] = math.floor(exact)
    given = given + parts[index]
    table.insert(rest, { index = index, over = exact - parts[index] })
  end
  table.sort(rest, function(a, b)
    if a.over ~= b.over then return a.over > b.over end
    return a.index < b.index
  end)
  for step = 1, sum > 0 and total - given or 0 do
    local index = rest[step].index
    parts[index] = parts[index] + 1
  end
  return parts
end

-- A rule's weights as Istio takes them: one destination has all, and none set means equal ones.
local function settle(rule)
  local set = 0
  for _, to in ipairs(rule.route) do set = set + (to.weight or 0) end
  if set > 0 then return end
  local ones = {}
  for index = 1, #rule.route do ones[index] = 1 end
  for index, weight in ipairs(divide(100, ones)) do rule.route[index].weight = weight end
end

local function split(rule, stable)
  settle(rule)
  local total, shares = 0, {}
  for index, to in ipairs(stable) do
    shares[index] = to.weight or 0
    total = total + shares[index]
  end
  local canary = divide(total, { obj.canaryWeight, obj.stableWeight })[1]
  for index, weight in ipairs(divide(total - canary, shares)) do stable[index].weight = weight end
  table.insert(rule.route, { destination = canary_of(stable[1]), weight = canary })
end

local function by_weight()
  local found = false
  for _, rule in ipairs(rules()) do
    local stable = stable_of(rule)
    if #stable > 0 then
      split(rule, stable)
      found = true
    end
  end
  if not found then error("no rule of this VirtualService leads to " .. obj.stableService) end
end

if obj.matches and #obj.matches > 0 then
  by_matches()
else
  if obj.canaryWeight == -1 then
    obj.canaryWeight = 100
    obj.stableWeight = 0
  end
  by_weight()
end
return data
