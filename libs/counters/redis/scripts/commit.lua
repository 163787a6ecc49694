-- Charges actual use, gives back the hold, and appends the ledger record to the outbox.
--
-- parameters  a[2] how long the outcome is remembered, in ms, a[3] cost in nano-USD, a[4] tokens,
--             a[5] 1 for usage without a reservation (Record); each counter's amount is its charge,
--             and in place of max_used comes its lowest threshold that is not known to be told
-- ARGV  [2] usage fingerprint .. subject fingerprint (8 bytes each)
--       [3] the counters' digests, in order, [4] and [6 ..] see crossings.lua, [5] the ledger record
-- Replies  'A' .. outcome   charged; where the marks are given and one was looked at, with when each
--                           threshold was told behind it (crossings.lua)
--          'a' .. outcome   this very usage was charged before
--          'M' .. outcome   other usage was charged before: its outcome
--          'R'              the reservation was released
--          'H'              (Record) the id is an open reservation
--          'S'              the reservation is for another subject
--          'K' .. digests   these counters, too, are held: call again with them
--          'T'              a counter comes to a threshold: call again with the marks
-- outcome  now, cost, held cost, overrun tokens (doubles), flags (a byte: 1 late, 2 no reservation
--          remembered, 4 Record)
local r = m[1]
local state = r and r:sub(1, 1)
if state == 'C' then
  return (r:sub(2, 9) == ARGV[2]:sub(1, 8) and 'a' or 'M') .. r:sub(10)
elseif state == 'R' then
  return 'R'
elseif state == 'H' and a[5] == 1 then
  return 'H'
end
local subject = ARGV[2]:sub(9, 16)
if state == 'H' and r:sub(10, 17) ~= subject or state == 'E' and r:sub(2, 9) ~= subject then
  return 'S'
end

local held_cost, overrun_tokens, flags = 0, 0, 0
if state == 'H' then
  local expires, _, cost, tokens, held = unpacks('<ddddd', r, 26)
  held_cost, overrun_tokens = cost, math.max(0, a[4] - tokens)
  if now >= expires then flags = 1 end
  if held > 0 then
    local digests = r:sub(66, 65 + 16 * held)
    local holds = {unpacks('<' .. rep('d', held), r, 66 + 16 * held)}
    if digests == ARGV[3] then
      for i = 1, held do h[5 * i - 4] = math.max(0, h[5 * i - 4] - holds[i]) end
    else
      local at = {}
      for i = 1, n do at[ARGV[3]:sub(16 * i - 15, 16 * i)] = 5 * i - 4 end
      for j = 1, held do
        local q = at[digests:sub(16 * j - 15, 16 * j)]
        if not q then return 'K' .. digests end
        h[q] = math.max(0, h[q] - holds[j])
      end
    end
  end
elseif state == 'E' then
  local cost, tokens = unpacks('<dd', r, 10)
  held_cost, overrun_tokens, flags = cost, math.max(0, a[4] - tokens), 1
elseif a[5] == 1 then
  flags = 4
else
  flags = 3
end

local crosses = false
for q = 1, 5 * n, 5 do
  local charge = a[q + 6]
  if charge > 0 then
    h[q + 1] = math.min(h[q + 1] + charge, 9007199254740991)
    if a[q + 5] == 2 then h[q + 3] = math.min(h[q + 3] + charge, 9007199254740991) end
  end
  if h[q + 1] >= a[q + 7] then crosses = true end
end
local told = ''
if marked then
  told = tell(false)
elseif crosses or t and returns() then
  return 'T'
end
local outcome = pack('<ddddB', now, a[3], held_cost, overrun_tokens, flags)
call('SET', KEYS[1], 'C' .. ARGV[2]:sub(1, 8) .. outcome, 'PX', a[2])
store(packed_headers(), {}, true)
call('XADD', KEYS[n + 4], '*', 'r', ARGV[5], 's', outcome)
if state == 'H' then call('ZREM', KEYS[n + 2], KEYS[1]:sub(-16)) end
return 'A' .. outcome .. told
