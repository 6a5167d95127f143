-- "ip:port" or "[ip]:port" without the port.
local function client_address(text)
  if byte(text) == 91 then return (match(text, "^%[([^%]]*)")) end
  return match(text, "^([^:]*):[^:]*$") or text
end
