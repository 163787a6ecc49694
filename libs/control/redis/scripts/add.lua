-- Puts items on the board.
-- KEYS [1] head, [2] items, [3] marks, [4] order.
-- ARGV [1] epoch, [2] from, [3] to, [4] 1 if this makes it complete; then for each item: name,
--      number, check, value.
-- Replies 0: done; 1: another epoch; 2: the board is published to less than `from`.
--
-- Marks have each item's number and check apart from its value, so that an old value of some
-- megabytes is not read to learn its number.
local head = redis.call('HMGET', KEYS[1], 'epoch', 'last', 'published', 'sum')
if (head[1] or '') ~= ARGV[1] then return 1 end
local last, published, sum = tonumber(head[2]), tonumber(head[3]), tonumber(head[4])
if published < tonumber(ARGV[2]) then return 2 end

local MODULUS = 281474976710656 -- 2^48
for i = 5, #ARGV, 4 do
  local name, number, check = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  local old_number, old_check = 0, 0
  local mark = redis.call('HGET', KEYS[3], name)
  if mark then
    local a, b = string.match(mark, '^(%d+) (%d+)$')
    old_number, old_check = tonumber(a), tonumber(b)
  end
  if number > old_number then
    last = last + 1
    sum = (sum - old_check + check) % MODULUS
    redis.call('HSET', KEYS[2], name, ARGV[i + 3])
    redis.call('HSET', KEYS[3], name, ARGV[i + 1] .. ' ' .. ARGV[i + 2])
    redis.call('ZADD', KEYS[4], string.format('%.0f', last), name)
  end
end

published = math.max(published, tonumber(ARGV[3]))
redis.call('HSET', KEYS[1], 'last', string.format('%.0f', last), 'published',
  string.format('%.0f', published), 'sum', string.format('%.0f', sum))
if ARGV[4] == '1' then redis.call('HSET', KEYS[1], 'complete', 1) end
return 0
