-- Follows the prelude where a script may refuse, and says which counters are past their max_used.
-- Defines explain(code), which returns the reply
--   code .. now .. stale .. headers .. a ring (488 bytes) for each refusing sliding counter
-- The last field of each header is 1 where that counter refuses, 0 elsewhere. stale is 1 where a
-- refusing counter has holds and the index has reservations past their end: sweeping may help.
local function explain(code)
  local tail, stale = {}, 0
  local ring = n + 4
  for i = 1, n do
    local q = 5 * i - 4
    if a[q + 5] == 2 then ring = ring + 1 end
    if h[q] + h[q + 1] > a[q + 7] then
      h[q + 4] = 1
      if a[q + 5] == 2 then
        tail[#tail + 1] = gaps[i] and turned(i) or call('GET', KEYS[ring]) or rep('\0', 488)
      end
      if stale == 0 and h[q] > 0 then
        stale = #call('ZRANGEBYSCORE', KEYS[n + 2], 0, now, 'LIMIT', 0, 1)
      end
    else
      h[q + 4] = 0
    end
  end
  return code .. pack('<dd' .. rep('d', 5 * n), now, stale, unpack(h, 1, 5 * n)) .. concat(tail)
end
