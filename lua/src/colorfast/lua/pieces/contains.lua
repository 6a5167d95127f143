local function contains(v, text) return v ~= nil and find(v, text, 1, true) ~= nil end
