-- What baggage holds besides our pieces, and whether it held any of ours.
local function without(baggage)
  if not find(baggage, KEY, 1, true) then return trim(baggage, 1, #baggage), false end
  local rest, ours = gsub("," .. baggage, OURS, "")
  return trim(rest, 2, #rest), ours > 0
end
