-- Whether an automaton takes v as a whole.
local function matches(v, regex)
  if not v then return false end
  local class, moves, dead, state = regex.class, regex.moves, regex.dead, 0
  for i = 1, #v do
    state = moves[state + class[byte(v, i)]]
    if state == dead then return false end
  end
  return regex.final[state]
end
