-- Query parameter i: the first of its name, decoded. One pass reads all that the rules want.
local query_read, query_found, query_size = 0, {}, 0
local function read_query(target)
  query_read, query_size = serial, 0
  local at = target and find(target, "?", 1, true)
  while at do
    local _, stop, name, from = find(target, "^([^&=]*)=?()[^&]*", at + 1)
    local i = QUERY[decode(name)]
    if i and read_in[i] ~= serial then
      read_in[i], values[i] = serial, decode(sub(target, from, stop))
      query_size = query_size + 1
      query_found[query_size] = i
    end
    at = find(target, "&", stop + 1, true)
  end
end
local function query(i, target)
  if query_read ~= serial then read_query(target) end
  if read_in[i] == serial then return values[i] end
  return nil
end
