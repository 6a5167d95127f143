-- Goes by the headers that the request has, for there are more that the rules want.
local NUMBERS = {}
for i, name in ipairs(HEADERS) do NUMBERS[name] = i end
local function walk_headers(best)
  for name in pairs(headers) do
    local i = NUMBERS[name]
    if i then best = look(i, best) end
  end
  return best
end
