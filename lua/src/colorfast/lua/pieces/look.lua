-- The better of what the tables have for value i and the best rank so far.
local function look(i, best)
  local v = value(i)
  if v and EXACT[i] then best = better(EXACT[i][v], best) end
  if v and FOLDED[i] then best = better(FOLDED[i][lower(v)], best) end
  return best
end
