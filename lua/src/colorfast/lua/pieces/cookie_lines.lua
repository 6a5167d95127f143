-- All cookie lines as one.
local function cookie_lines()
  local text = headers:getAtIndex("cookie", 0)
  local i, line = 1, text and headers:getAtIndex("cookie", 1)
  while line do
    text = text .. ";" .. line
    i = i + 1
    line = headers:getAtIndex("cookie", i)
  end
  return text
end
