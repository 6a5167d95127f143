-- Goes by the headers that the request has, for the rules want more. Compiled, a loop over Envoy's
-- iterator would be slower: LuaJIT leaves its code and comes back at each step.
local NUMBERS = {}
for i, name in ipairs(HEADERS) do NUMBERS[name] = i end
local function walk_headers(best)
  for name in pairs(headers) do
    local i = NUMBERS[name]
    if i then best = look(i, best) end
  end
  return best
end
jit.off(walk_headers)
