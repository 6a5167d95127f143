-- The value of the first cookie whose name and "=" are start.
local function cookie(start, text)
  if not text then return nil end
  local from, to = find(text, start, 1, true)
  while from do
    local before = from - 1
    while before > 0 and is_ows(byte(text, before)) do before = before - 1 end
    if before == 0 or byte(text, before) == 59 then
      return trim(text, to + 1, (find(text, ";", to + 1, true) or #text + 1) - 1)
    end
    from, to = find(text, start, to + 1, true)
  end
  return nil
end
