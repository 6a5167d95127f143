-- Takes every lane from the request; what is not there is left alone, for each change has the route
-- picked again.
local function undye(rest, ours)
  if headers:get(HEADER) then headers:remove(HEADER) end
  if ours and rest == "" then
    headers:remove("baggage")
  elseif ours then
    headers:replace("baggage", rest)
  end
end
