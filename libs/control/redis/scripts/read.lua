-- Items after a position.
-- KEYS [1] head, [2] items, [3] order.
-- ARGV [1] epoch, [2] position, [3] items at most, [4] bytes at which to stop.
-- Replies nil: another epoch; otherwise the position of the last item and, for each, its name and
-- value. A value that is missing, because somebody deleted it, is left out: sums will differ.
if (redis.call('HGET', KEYS[1], 'epoch') or '') ~= ARGV[1] then return false end
local found = redis.call('ZRANGEBYSCORE', KEYS[3], '(' .. ARGV[2], '+inf', 'WITHSCORES', 'LIMIT', 0,
  ARGV[3])
local reply, bytes, most = { ARGV[2] }, 0, tonumber(ARGV[4])
for i = 1, #found, 2 do
  local value = redis.call('HGET', KEYS[2], found[i])
  reply[1] = found[i + 1]
  if value then
    reply[#reply + 1] = found[i]
    reply[#reply + 1] = value
    bytes = bytes + #value
  end
  if bytes >= most then break end
end
return reply
