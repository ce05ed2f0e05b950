-- wrk: of a hundred requests 90 ask for one product, 9 for a page, 1 is a stock update.
-- Each update is for a product that no other touches, at its first version.
local n, written = 0, (os.time() * 1009) % 80000
local pages = wrk.path:match("^(.*)/")
local width = #wrk.path - #pages - 1 - #os.getenv("BENCH_PREFIX")
local headers = wrk.headers

local function id(i)
  return os.getenv("BENCH_PREFIX") .. string.format("%0" .. width .. "d", i)
end

function request()
  n = n + 1
  local i = n % 100
  if i == 99 then
    written = written + 1
    local body = string.format(
      '{"productId":"%s","delta":-1,"version":1,"idempotencyKey":"bench-%d-%d"}',
      id(written), os.time(), written)
    return wrk.format("POST", pages .. "/updates", headers, body)
  elseif i >= 90 then
    return wrk.format("GET", pages .. "?limit=50&offset=" .. (n * 7919) % 90000, headers)
  end
  return wrk.format("GET", pages .. "/" .. id((n * 7919) % 90000 + 1), headers)
end
