-- The lane that the client chose, when the edge accepts that choice.
local function chosen(baggage)
  local _, lane = carried(baggage or "")
  if not lane then
    local header = headers:get(HEADER)
    lane = header and admit(header)
  end
  return lane and accept(lane)
end
