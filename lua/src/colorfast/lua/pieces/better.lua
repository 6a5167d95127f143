-- The better of what was found in a table and the best rank so far.
local function better(found, best)
  if not found then return best end
  if type(found) == "function" then return found(best) end
  return found < best and found or best
end
