-- How many commas there are in s.
local function commas(s)
  local n, at = 0, find(s, ",", 1, true)
  while at do
    n = n + 1
    at = find(s, ",", at + 1, true)
  end
  return n
end
