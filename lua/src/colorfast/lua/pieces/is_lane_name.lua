local function is_lane_name(s)
  return #s <= 63 and find(s, "^[a-z0-9][a-z0-9._-]*$") ~= nil and find(s, "[a-z0-9]$") ~= nil
end
