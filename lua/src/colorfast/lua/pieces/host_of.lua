-- An authority without its port, in lower case.
local function host_of(authority)
  return authority and lower(match(authority, "^(.*):[^%]:]*$") or authority) or ""
end
