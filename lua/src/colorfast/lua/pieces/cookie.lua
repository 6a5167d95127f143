-- Whether a cookie starts at s[at]: only spaces and tabs stand between it and the ";" before it.
local function starts(s, at)
  at = at - 1
  if at > 0 and byte(s, at) == 32 then at = at - 1 end
  while at > 0 and is_ows(byte(s, at)) do at = at - 1 end
  return at == 0 or byte(s, at) == 59
end

-- The value of the first cookie whose name and "=" are start.
local function cookie(start, text)
  local from, to = find(text or "", start, 1, true)
  while from and not starts(text, from) do from, to = find(text, start, to + 1, true) end
  return from and trim(text, to + 1, (find(text, ";", to + 1, true) or #text + 1) - 1)
end
