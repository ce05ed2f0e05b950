-- wrk: of a hundred requests 90 ask for one product, 9 for a page, 1 is a stock update.
-- Each update is for a product that no other round touches, at its first version: a
-- twentieth of the catalogue for each round.
local catalogue = tonumber(os.getenv("BENCH_CATALOGUE"))
local share = math.floor(catalogue / 20)
local first = tonumber(os.getenv("BENCH_ROUND")) * share
local width = #tostring(catalogue)
local list = wrk.path
local headers = wrk.headers
local n, written = 0, 0

local function id(i)
  return string.format("PROD-%0" .. width .. "d", i + 1)
end

function request()
  n = n + 1
  local i, somewhere = n % 100, (n * 7919) % catalogue
  if i == 99 then
    local body = string.format(
      '{"productId":"%s","delta":-1,"version":1,"idempotencyKey":"bench-%d-%d"}',
      id(first + written % share), first, written)
    written = written + 1
    return wrk.format("POST", list .. "/updates", headers, body)
  elseif i >= 90 then
    return wrk.format("GET", list .. "?limit=50&offset=" .. somewhere, headers)
  end
  return wrk.format("GET", list .. "/" .. id(somewhere), headers)
end
