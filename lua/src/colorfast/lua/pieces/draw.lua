-- A random bucket. LuaJIT seeds every state alike, so each worker's seed is made here.
math.randomseed(os.time() + (tonumber(match(tostring({}), "0x%x+")) or 0) % 2147483648)
local random = math.random
local function draw() return (random(0, 9999)) end
