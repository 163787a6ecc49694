-- Tells thresholds of counters that have just refused a request: the budget is as good as spent,
-- though nothing may ever take it to the amount itself.
--
-- KEYS[1] and the parameters do not matter; each counter's amount is what was asked for. The counters
-- are looked at anew: they may have been reset since.
-- ARGV  [3] the counters' digests, in order, [4] and [6 ..] see crossings.lua
-- Replies  'A' .. now .. when each threshold was told, see crossings.lua
return 'A' .. pack('<d', now) .. tell(true)
