-- Puts items on the board.
-- KEYS [1] head, [2] items, [3] marks, [4] order.
-- ARGV [1] epoch, [2] from, [3] to, [4] the sum that it must have, empty: any; [5] 1 if this makes
--      it complete; then for each item: name, number, check, value.
-- Replies 0, complete, last, published, sum: done; 1: another epoch; 2: the board is published to less than
-- `from`; 3: another sum.
--
-- Marks have each item's number and check apart from its value, so that an old value of some
-- megabytes is not read to learn its number.
local head = redis.call('HMGET', KEYS[1], 'epoch', 'last', 'published', 'sum', 'complete')
if (head[1] or '') ~= ARGV[1] then return { 1 } end
local last, published, sum = tonumber(head[2]), tonumber(head[3]), tonumber(head[4])
if published < tonumber(ARGV[2]) then return { 2 } end
if ARGV[4] ~= '' and sum ~= tonumber(ARGV[4]) then return { 3 } end

local MODULUS = 281474976710656 -- 2^48
for i = 6, #ARGV, 4 do
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
local reply = { string.format('%.0f', last), string.format('%.0f', published),
  string.format('%.0f', sum) }
redis.call('HSET', KEYS[1], 'last', reply[1], 'published', reply[2], 'sum', reply[3])
if ARGV[5] == '1' then redis.call('HSET', KEYS[1], 'complete', 1) end
return { 0, ARGV[5] == '1' and '1' or head[5], reply[1], reply[2], reply[3] }
