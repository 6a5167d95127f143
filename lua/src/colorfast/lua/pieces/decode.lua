-- s percent-decoded; a broken escape stays as it is.
local function unescape(digits) return (char(tonumber(digits, 16))) end
local function decode(s)
  if not find(s, "%", 1, true) then return s end
  return (gsub(s, "%%(%x%x)", unescape))
end
