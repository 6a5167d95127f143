-- A line of baggage: the lane comes first.
local function line(lane, rest)
  local first = KEY .. "=" .. lane
  return rest == "" and first or first .. "," .. rest
end
