-- Whether v is in one of the ranges {low, high, low, high, ...}, which ascend.
local function inside(v, ranges)
  local low, high = 1, #ranges / 2
  while v and low <= high do
    local middle = floor((low + high) / 2)
    if v < ranges[2 * middle - 1] then
      high = middle - 1
    elseif v > ranges[2 * middle] then
      low = middle + 1
    else
      return true
    end
  end
  return false
end
