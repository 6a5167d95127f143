-- A value that can be a sticky key.
local function filled(v)
  if v == "" then return nil end
  return v
end
