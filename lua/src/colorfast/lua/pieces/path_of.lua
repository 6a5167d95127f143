-- The part of a request's target before the query.
local function path_of(target)
  local mark = target and find(target, "?", 1, true)
  return mark and sub(target, 1, mark - 1) or target or ""
end
