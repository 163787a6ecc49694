-- What Reserve would find, changing nothing. KEYS and ARGV as for reserve.lua; KEYS[1] and the
-- parameters do not matter.
--
-- Replies  'D' …  see refusal.lua
return explain('D')
