-- An IPv4 address as a number; nil when it is none.
local function octet(sum, digits)
  if not sum or #digits > 3 or find(digits, "^0.") or tonumber(digits) > 255 then return nil end
  return sum * 256 + tonumber(digits)
end
local function v4(text)
  local a, b, c, d = match(text, "^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  return a and octet(octet(octet(octet(0, a), b), c), d)
end
