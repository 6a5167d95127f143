-- An IPv6 address as 32 hexadecimal digits; nil when it is none.
local function groups(text)
  local digits, at, mark = "", 1, text ~= ""
  while mark do
    local _, stop, group = find(text, "^(%x%x?%x?%x?)", at)
    mark = stop and byte(text, stop + 1)
    if not stop or mark and mark ~= 58 or #digits == 32 then return nil end
    digits = digits .. sub("000" .. lower(group), -4)
    at = stop + 2
  end
  return digits
end
local function v6(text)
  text = match(text, "^([^%%]*)%%[^%%/]+$") or text
  local start, quad = match(text, "^(.*:)(%d+%.[%d.]+)$")
  if start then
    local n = v4(quad)
    text = n and start .. format("%x:%x", (n - n % 65536) / 65536, n % 65536) or ""
  end
  local left, right = match(text, "^(.-)::(.*)$")
  if not left then
    local all = groups(text)
    return all and #all == 32 and all or nil
  end
  left, right = groups(left), groups(right)
  if not left or not right or #left + #right > 28 then return nil end
  return left .. rep("0", 32 - #left - #right) .. right
end
