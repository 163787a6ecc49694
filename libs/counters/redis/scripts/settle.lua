-- Ends a reservation without a charge: Release by its caller, or expiry by a sweep.
--
-- KEYS  [1] reservation, [2 .. n+1] counter headers, [n+2] expiry index
-- ARGV  [1] doubles: now in µs (0: ask TIME), how long the outcome is remembered in ms, 1 for a
--           sweep
--       [2] the digests of the counters in KEYS, in order
-- Replies  'R' .. now     released           'r' .. now   released before
--          'E' .. now     expired (by this)  'e' .. now   expired before
--          'C' .. now     committed: nothing changed
--          '-' .. now     no such reservation
--          'N' .. now     (sweep) not due yet
--          'K' .. digests these are the counters it holds: call again with them
local now, remember, sweep = struct.unpack('<ddd', ARGV[1])
if now == 0 then
  local t = redis.call('TIME')
  now = t[1] * 1000000 + t[2]
end
local stamp = struct.pack('<d', now)
local index, member = KEYS[#KEYS], KEYS[1]:sub(-16)
local r = redis.call('GET', KEYS[1])
local state = r and r:sub(1, 1)
if state ~= 'H' then
  if sweep == 1 then redis.call('ZREM', index, member) end
  return (state == 'C' and 'C' or state == 'R' and 'r' or state == 'E' and 'e' or '-') .. stamp
end

local expires, _, cost, tokens, held = struct.unpack('<ddddd', r, 26)
if sweep == 1 and now < expires then return 'N' .. stamp end
local digests = r:sub(66, 65 + 16 * held)
if digests ~= ARGV[2] then return 'K' .. digests end
if held > 0 then
  local holds = {struct.unpack('<' .. string.rep('d', held), r, 66 + 16 * held)}
  local headers = redis.call('MGET', unpack(KEYS, 2, held + 1))
  local set = {}
  for i = 1, held do
    if headers[i] and holds[i] > 0 then
      local left = math.max(0, struct.unpack('<d', headers[i]) - holds[i])
      set[#set + 1] = KEYS[i + 1]
      set[#set + 1] = struct.pack('<d', left) .. headers[i]:sub(9)
    end
  end
  if #set > 0 then redis.call('MSET', unpack(set)) end
end
local expired = now >= expires
local tombstone = expired and 'E' .. r:sub(10, 17) .. struct.pack('<dd', cost, tokens) or 'R'
redis.call('SET', KEYS[1], tombstone, 'PX', remember)
redis.call('ZREM', index, member)
return (expired and 'E' or 'R') .. stamp
