-- Raises an open reservation's holds to new totals and prolongs it, or does nothing.
--
-- parameters  a[2] ttl in µs (0: expiry stays; -1: a rule refuses it), a[3] cost, a[4] tokens, a[5] sequence; each
--             counter's amount is its new total hold (kind 3: keeps what it has)
-- ARGV  [2] request fingerprint .. subject fingerprint (8 bytes each)
--       [3] the counters' digests, in order
-- Replies  'A' .. now .. expires .. headers
--                                      extended; headers without this reservation's own holds
--          'a' .. now .. expires       this sequence was applied before
--          'D' …                       refused, see refusal.lua; headers without the own holds
--          'M'                         the sequence was used for another request
--          'O'                         a higher sequence was applied before
--          'S'                         the reservation is for another subject
--          'X' .. state                it has ended: C, R or E; '-' if there is none
--          'K' .. digests              these counters, too, are held: call again with them
local r = m[1]
if not r then return 'X-' end
local state = r:sub(1, 1)
if state ~= 'H' then return 'X' .. state end
local expires, sequence, cost, tokens, held = unpacks('<ddddd', r, 26)
if now >= expires then return 'XE' end
if r:sub(10, 17) ~= ARGV[2]:sub(9, 16) then return 'S' end
if a[5] < sequence then return 'O' end
if a[5] == sequence then
  if r:sub(18, 25) ~= ARGV[2]:sub(1, 8) then return 'M' end
  return 'a' .. pack('<dd', now, expires)
end

if a[2] < 0 then return explain('D') end

local digests = r:sub(66, 65 + 16 * held)
local at = {}
for i = 1, n do at[ARGV[3]:sub(16 * i - 15, 16 * i)] = i end
local own = {}
for j = 1, held do
  local i = at[digests:sub(16 * j - 15, 16 * j)]
  if not i then return 'K' .. digests end
  own[i] = unpacks('<d', r, 58 + 16 * held + 8 * j)
end

local refused
for i = 1, n do
  local q = 5 * i - 4
  local mine = own[i] or 0
  h[q] = h[q] - mine
  if a[q + 5] == 3 or a[q + 6] <= mine then
    -- Nothing more is asked of this counter, so it cannot refuse.
    a[q + 6], a[q + 7] = mine, 18014398509481982
  elseif h[q] + h[q + 1] > a[q + 7] then
    refused = true
  end
end
if refused then return explain('D') end

-- What a retry of Reserve is told of its first call: all of it has to be kept from here on.
local seen = r:sub(66 + 24 * held)
if sequence == 0 then
  seen = pack('<d', cost) .. seen:sub(1, 8) .. r:sub(66, 65 + 24 * held) .. seen:sub(9)
end

if a[2] > 0 and now + a[2] > expires then expires = now + a[2] end
local reply = 'A' .. pack('<dd' .. rep('d', 5 * n), now, expires, unpack(h, 1, 5 * n))
local holds = {}
for i = 1, n do
  local q = 5 * i - 4
  local hold, room = a[q + 6], 9007199254740991 - h[q]
  if hold > room then hold = room end
  holds[i] = hold
  h[q] = h[q] + hold
end
store(packed_headers(), {KEYS[1], concat({
  'H', r:sub(2, 17), ARGV[2]:sub(1, 8),
  pack('<ddddd', expires, a[5], math.max(cost, a[3]), math.max(tokens, a[4]), n),
  ARGV[3], n > 0 and pack('<' .. rep('d', n), unpack(holds)) or '', seen,
})}, false)
call('ZADD', KEYS[n + 2], expires, KEYS[1]:sub(-16))
return reply
