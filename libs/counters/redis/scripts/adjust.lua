-- Moves what counters say was charged, by what a correction or a repair says, once.
--
-- KEYS[1] is the adjustment's own, not a reservation's.
-- parameters  a[2] how long it is remembered, in ms; each counter's amount is what to add, and may be
--             negative: a counter does not go below 0
-- ARGV  [2] fingerprint of the adjustment (8 bytes)
--       [3] the counters' digests, in order
-- Replies  'A' .. now   moved          'a' .. then  was moved before, by this very adjustment, then
--          'M'          the id stands for another adjustment
local r = m[1]
if r then return r:sub(1, 8) == ARGV[2] and 'a' .. r:sub(9) or 'M' end
for q = 1, 5 * n, 5 do
  local moved = math.min(math.max(h[q + 1] + a[q + 6], 0), 9007199254740991)
  -- In a sliding window the correction counts as of now; what it cannot take from the present slot,
  -- it takes from none.
  if a[q + 5] == 2 then
    moved = math.max(moved, h[q + 1] - h[q + 3])
    h[q + 3] = h[q + 3] + moved - h[q + 1]
  end
  h[q + 1] = moved
end
call('SET', KEYS[1], ARGV[2] .. pack('<d', now), 'PX', a[2])
store(packed_headers(), {}, true)
return 'A' .. pack('<d', now)
