local function walk_cookies(best, text)
  cookies(0, text)
  for k = 1, cookies_size do best = look(cookies_found[k], best) end
  return best
end
