-- Begins a new epoch, unless somebody else has.
-- KEYS [1] head, [2] items, [3] marks, [4] order.
-- ARGV [1] the epoch to end, empty: none; [2] the new one.
-- Replies the epoch in force.
local present = redis.call('HGET', KEYS[1], 'epoch') or ''
if present ~= ARGV[1] then return present end
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'complete', 0, 'last', 0, 'published', 0, 'sum', 0)
return ARGV[2]
