-- Cookie i: the first of its name. One pass reads all that the rules want.
local cookies_read, cookies_found, cookies_size = 0, {}, 0
local function read_cookies(text)
  cookies_read, cookies_size = serial, 0
  local at = text and 1
  while at do
    local _, stop, name, mark, from = find(text, "^[ \t]*([^;=]*)(=?)()[^;]*", at)
    local i = mark == "=" and COOKIES[name]
    if i and read_in[i] ~= serial then
      read_in[i], values[i] = serial, trim(text, from, stop)
      cookies_size = cookies_size + 1
      cookies_found[cookies_size] = i
    end
    at = stop < #text and stop + 2 or nil
  end
end
local function cookies(i, text)
  if cookies_read ~= serial then read_cookies(text) end
  if read_in[i] == serial then return values[i] end
  return nil
end
