-- Deletes counters that no longer count anything. Counters have no TTL, since every write would have
-- to renew it; instead each partition lists its counters, and sweeps take them from the front: the
-- dead are deleted, the living go to the back.
--
-- KEYS  [1] collection list, [2 .. k+1] headers of the counters at its front,
--       [k+2 .. 2k+1] their rings, [2k+2 .. 3k+1] the marks of their thresholds
-- ARGV  [1] doubles: now in µs (0: ask TIME), for how long in µs a counter must have been dead
--       [2] the digests in question, 16 bytes each
-- Replies  how many were deleted, or -1 if the front of the list is no longer this
local now, grace = struct.unpack('<dd', ARGV[1])
if now == 0 then
  local t = redis.call('TIME')
  now = t[1] * 1000000 + t[2]
end
local k = #ARGV[2] / 16
if table.concat(redis.call('LRANGE', KEYS[1], 0, k - 1)) ~= ARGV[2] then return -1 end
local headers = redis.call('MGET', unpack(KEYS, 2, k + 1))
local dead, living, count = {}, {}, 0
for i = 1, k do
  local digest = ARGV[2]:sub(16 * i - 15, 16 * i)
  local held, committed, _, _, dead_at = 0, 0, 0, 0, 0
  if headers[i] then held, committed, _, _, dead_at = struct.unpack('<ddddd', headers[i]) end
  if held == 0 and (committed == 0 or dead_at > 0 and now > dead_at + grace) then
    count = count + 1
    dead[#dead + 1] = KEYS[i + 1]
    dead[#dead + 1] = KEYS[k + i + 1]
    -- What was told in this period stays told, also where corrections took all of it back.
    if dead_at > now then
      redis.call('PEXPIRE', KEYS[2 * k + i + 1], math.ceil((dead_at - now) / 1000))
    else
      dead[#dead + 1] = KEYS[2 * k + i + 1]
    end
  else
    living[#living + 1] = digest
  end
end
redis.call('LTRIM', KEYS[1], k, -1)
if #living > 0 then redis.call('RPUSH', KEYS[1], unpack(living)) end
if #dead > 0 then redis.call('UNLINK', unpack(dead)) end
return count
