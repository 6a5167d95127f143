-- ASCII letters in lower case.
local function fold(v) return v and lower(v) end
