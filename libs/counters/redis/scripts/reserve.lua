-- Holds on every counter, or on none.
--
-- parameters  a[2] ttl in µs, a[3] cost in nano-USD, a[4] tokens, a[5] 1 to hold nothing
--             (a rule refuses the request: only what was held before counts); each counter's
--             amount is its hold
-- ARGV  [2] request fingerprint .. subject fingerprint (8 bytes each)
--       [3] the counters' digests, in order
-- Replies  'A' .. now .. expires .. headers   held; headers with the hold in them
--          'a' .. now .. expires .. cost .. first now .. digests .. holds .. headers
--                                             held before, by this very request: the first call's
--                                             cost, time and counters
--          'D' …                              refused, see refusal.lua
--          'M'                                the id stands for another request
--          'X' .. state                       the reservation has ended: C, R or E
local r = m[1]
if r then
  local state = r:sub(1, 1)
  if state ~= 'H' then return 'X' .. state end
  local expires = unpacks('<d', r, 26)
  if now >= expires then return 'XE' end
  if r:sub(2, 17) ~= ARGV[2] then return 'M' end
  local _, sequence, cost, _, held = unpacks('<ddddd', r, 26)
  local seen = r:sub(66 + 24 * held)
  if sequence == 0 then
    seen = pack('<d', cost) .. seen:sub(1, 8) .. r:sub(66, 65 + 24 * held) .. seen:sub(9)
  end
  return 'a' .. pack('<dd', now, expires) .. seen
end
if a[5] == 1 then return explain('D') end

for q = 1, 5 * n, 5 do
  if h[q] + h[q + 1] > a[q + 7] then return explain('D') end
end

-- Only where no limit refuses may there be less room than is asked for: the sum stays exact, and
-- each gives back what it holds.
local holds = {}
for i = 1, n do
  local q = 5 * i - 4
  local hold, room = a[q + 6], 9007199254740991 - h[q]
  if hold > room then hold = room end
  holds[i] = hold
  h[q] = h[q] + hold
end
local expires = now + a[2]
local stamp = pack('<dd', now, expires)
local headers = packed_headers()
store(headers, {KEYS[1], concat({
  'H', ARGV[2], '\0\0\0\0\0\0\0\0', pack('<ddddd', expires, 0, a[3], a[4], n), ARGV[3],
  n > 0 and pack('<' .. rep('d', n), unpack(holds)) or '', stamp:sub(1, 8), headers,
})}, false)
call('ZADD', KEYS[n + 2], expires, KEYS[1]:sub(-16))
return 'A' .. stamp .. headers
