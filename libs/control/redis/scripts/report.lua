-- A replica says how far it is. Those that have been silent for a minute go.
-- KEYS [1] reports, [2] when each was seen.
-- ARGV [1] replica, [2] report.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], string.format('%.0f', now), ARGV[1])
local silent = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf',
  '(' .. string.format('%.0f', now - 60000000), 'LIMIT', 0, 100)
for _, replica in ipairs(silent) do
  redis.call('HDEL', KEYS[1], replica)
  redis.call('ZREM', KEYS[2], replica)
end
return 0
