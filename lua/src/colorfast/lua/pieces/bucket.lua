-- xxHash64(key, seed) mod 10,000, on LuaJIT's 64-bit integers. Loops that most keys would leave at
-- once keep LuaJIT from compiling, and then each step below allocates: so there is one, for long
-- keys.
local rol, bxor, shift = bit.rol, bit.bxor, bit.rshift
local P1, P2, P3 = 0x9E3779B185EBCA87ULL, 0xC2B2AE3D27D4EB4FULL, 0x165667B19E3779F9ULL
local P4, P5 = 0x85EBCA77C2B2AE63ULL, 0x27D4EB2F165667C5ULL
local function half(s, i)
  local a, b, c, d = byte(s, i, i + 3)
  return a + b * 256 + c * 65536 + d * 16777216
end
local function stir(lane, s, i)
  return rol(lane + (half(s, i) + half(s, i + 4) * 4294967296ULL) * P2, 31) * P1
end
local function fuse(h, lane) return bxor(h, rol(lane * P2, 31) * P1) * P1 + P4 end
local function add8(h, s, i) return rol(bxor(h, stir(0ULL, s, i)), 27) * P1 + P4 end
local function add1(h, s, i) return rol(bxor(h, byte(s, i) * P5), 11) * P1 end
local function bucket(key, seed)
  local n, i, h = #key, 1, seed + P5
  if n >= 32 then
    local a, b = stir(seed + P1 + P2, key, 1), stir(seed + P2, key, 9)
    local c, d = stir(seed, key, 17), stir(seed - P1, key, 25)
    i = 33
    while i <= n - 31 do
      a, b = stir(a, key, i), stir(b, key, i + 8)
      c, d = stir(c, key, i + 16), stir(d, key, i + 24)
      i = i + 32
    end
    h = rol(a, 1) + rol(b, 7) + rol(c, 12) + rol(d, 18)
    h = fuse(fuse(fuse(fuse(h, a), b), c), d)
  end
  h = h + n
  if i <= n - 7 then h, i = add8(h, key, i), i + 8 end
  if i <= n - 7 then h, i = add8(h, key, i), i + 8 end
  if i <= n - 7 then h, i = add8(h, key, i), i + 8 end
  if i <= n - 3 then h, i = rol(bxor(h, half(key, i) * P1), 23) * P2 + P3, i + 4 end
  if i <= n then h, i = add1(h, key, i), i + 1 end
  if i <= n then h, i = add1(h, key, i), i + 1 end
  if i <= n then h = add1(h, key, i) end
  h = bxor(h, shift(h, 33)) * P2
  h = bxor(h, shift(h, 29)) * P3
  return (tonumber(bxor(h, shift(h, 32)) % 10000ULL))
end
