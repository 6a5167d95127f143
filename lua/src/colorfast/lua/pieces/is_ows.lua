-- Whether a byte is a space or a tab.
local function is_ows(b) return b == 32 or b == 9 end
