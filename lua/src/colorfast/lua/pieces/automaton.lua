-- "1*3 2" as {1, 1, 1, 2}.
local function unroll(runs)
  local list = {}
  for item, times in gmatch(runs, "(%d+)%*?(%d*)") do
    for _ = 1, tonumber(times) or 1 do list[#list + 1] = tonumber(item) end
  end
  return list
end
-- A regex as an automaton over bytes: each byte's class, the next state by state and class, and
-- whether the text may end in a state. States are multiplied by the number of classes beforehand.
local function automaton(classes, moves, ends, dead)
  local class, final, width = {}, {}, 0
  for i, c in ipairs(unroll(classes)) do
    class[i - 1] = c + 1
    if c >= width then width = c + 1 end
  end
  moves = unroll(moves)
  for i, state in ipairs(moves) do moves[i] = state * width end
  for i, ending in ipairs(unroll(ends)) do final[(i - 1) * width] = ending == 1 end
  return { class = class, moves = moves, final = final, dead = dead and dead * width }
end
