-- What replicas said within the last minute.
-- KEYS [1] reports, [2] when each was seen.
-- Replies, for each: its name, when (µs), and its report.
local time = redis.call('TIME')
local from = string.format('%.0f', time[1] * 1000000 + time[2] - 60000000)
local seen = redis.call('ZRANGEBYSCORE', KEYS[2], from, '+inf', 'WITHSCORES')
local reply = {}
for i = 1, #seen, 2 do
  reply[#reply + 1] = seen[i]
  reply[#reply + 1] = seen[i + 1]
  reply[#reply + 1] = redis.call('HGET', KEYS[1], seen[i])
end
return reply
