local function suffix(v, text) return v ~= nil and sub(v, -#text) == text end
