-- All cookie lines as one.
local function cookie_lines()
  local text = headers:getAtIndex("cookie", 0)
  local i, more = 1, text and headers:getAtIndex("cookie", 1)
  while more do
    text = text .. ";" .. more
    i = i + 1
    more = headers:getAtIndex("cookie", i)
  end
  return text
end
