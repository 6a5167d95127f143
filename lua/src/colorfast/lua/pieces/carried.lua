-- How many pieces of baggage are ours, and the last lane that one of them names.
local function carried(baggage)
  if not find(baggage, KEY, 1, true) then return 0, nil end
  local text, ours, lane = "," .. baggage, 0, nil
  local _, stop, name = find(text, OURS)
  while stop do
    ours = ours + 1
    lane = admit(trim(name, 1, #name)) or lane
    _, stop, name = find(text, OURS, stop + 1)
  end
  return ours, lane
end
