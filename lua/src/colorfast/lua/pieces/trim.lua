-- s[from..to] without the spaces and tabs around it.
local function trim(s, from, to)
  while from <= to and is_ows(byte(s, from)) do from = from + 1 end
  while from <= to and is_ows(byte(s, to)) do to = to - 1 end
  return (sub(s, from, to))
end
