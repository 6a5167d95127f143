local function walk_query(best, target)
  query(0, target)
  for k = 1, query_size do best = look(query_found[k], best) end
  return best
end
