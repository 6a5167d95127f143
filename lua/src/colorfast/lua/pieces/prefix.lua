local function prefix(v, text) return v ~= nil and sub(v, 1, #text) == text end
