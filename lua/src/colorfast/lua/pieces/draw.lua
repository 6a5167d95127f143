-- A random bucket. LuaJIT seeds every state alike, so each worker makes a seed of its own: from the
-- time, and from where its memory happens to be.
local address = tonumber(match(tostring({}), "0x%x+")) or 0
math.randomseed(os.time() + os.clock() + address % 2147483648)
local random = math.random
local function draw() return (random(0, 9999)) end
