-- Which reservations are past their end?
--
-- KEYS  [1] expiry index
-- ARGV  [1] doubles: now in µs (0: ask TIME), at most how many
-- Replies  their digests, 16 bytes each, oldest first
local now, most = struct.unpack('<dd', ARGV[1])
if now == 0 then
  local t = redis.call('TIME')
  now = t[1] * 1000000 + t[2]
end
return table.concat(redis.call('ZRANGEBYSCORE', KEYS[1], 0, now, 'LIMIT', 0, most))
