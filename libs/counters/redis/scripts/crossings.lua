-- Follows the prelude where a script may find that a counter has come to a threshold. Defines
-- tell(), which decides what is to be told, puts an event into the stream for each such threshold,
-- and marks it as told; and returns(), for commits that are not given the marks.
--
-- Only a step that is given the marks tells. A commit that may have to tell something and has them
-- not replies 'T' before it has changed anything, and is called again with them: where a counter has
-- come to its lowest threshold that is not known to be told (commit.lua), or one of a sliding window
-- comes back to a known one. So keys, descriptions and all but one number for each counter go with the
-- few calls that tell something, not with all.
--
-- KEYS  after the rings, where the marks are given: the stream of crossings, the count of those that
--       were dropped, and the mark of each counter that has thresholds, in order
-- ARGV  [4] for each counter: how many thresholds, and these (doubles); negative: known to be told.
--       Without the marks only the negative ones, and empty where there are none
--       [6 ..] where the marks are given: what each threshold is of, in order
--
-- A mark is the period it is of (start in µs; 0 where the window is no calendar's), and for each
-- threshold told its value and when: negative where a refusal told it. See counter_store.h for what
-- is told when.
local t = #ARGV[4] > 0 and {unpacks('<' .. rep('d', #ARGV[4] / 8), ARGV[4])}
local marked = #ARGV > 5

-- Does a sliding counter come back to a threshold from below? The part before the step is what is
-- left without its charge.
local function returns()
  local k = 1
  for q = 1, 5 * n, 5 do
    local last, used = k + t[k], h[q + 1]
    for j = k + 1, last do
      if used + t[j] >= 0 and used - a[q + 6] + t[j] < 0 then return true end
    end
    k = last + 1
  end
  return false
end

local function event(i, value, occurrence, refused, description)
  local stream = KEYS[ring_key + 1]
  if call('XLEN', stream) >= 100000 then
    call('INCRBY', KEYS[ring_key + 2], call('XTRIM', stream, 'MAXLEN', 99999))
  end
  call('XADD', stream, '*',
    'c', ARGV[3]:sub(16 * i - 15, 16 * i) .. pack('<ddddd', value, h[5 * i - 3], occurrence, now, refused and 1 or 0),
    'd', description)
end

-- The mark of counter i, of this period, and where in it each value's time is.
local function mark_of(key, period)
  local mark, at = {period}, {}
  local raw = call('GET', key)
  if raw then
    local old = {unpacks('<' .. rep('d', #raw / 8), raw)}
    old[#old] = nil  -- unpack also returns where it stopped
    if old[1] == period then mark = old end
  end
  for j = 2, #mark, 2 do at[mark[j]] = j + 1 end
  return mark, at
end

-- `refused`: the amounts are what was asked for in vain, in place of charges. Returns a double for
-- each threshold: when it was told, if by now it is; 0 where not.
local function tell(refused)
  local told, k, key, nth = {}, 1, ring_key + 2, 5
  for i = 1, n do
    local q, last = 5 * i - 4, k + t[k]
    if last > k then
      key = key + 1
      local used, amount, sliding, period = h[q + 1], a[q + 6], a[q + 5] == 2, 0
      if a[q + 5] == 1 then period = h[q + 2] end
      local mark, at = mark_of(KEYS[key], period)
      local changed = false
      for j = k + 1, last do
        nth = nth + 1
        local value = t[j] < 0 and -t[j] or t[j]
        local told_at = at[value] and mark[at[value]]
        local recently = told_at and (not sliding or now - (told_at < 0 and -told_at or told_at) < 60 * a[q + 8])
        local tells, crosses = false, false
        if refused then
          tells = not recently and used < value and used >= 0.9 * value and amount <= value and used + amount > value
        elseif used >= value then
          crosses = sliding and used - amount < value
          tells = not told_at or crosses and (told_at > 0 or not recently)
        end
        if tells then event(i, value, sliding and now or period, refused, ARGV[nth]) end
        if tells or crosses then
          if not told_at then
            at[value] = #mark + 2
            mark[#mark + 1] = value
          end
          mark[at[value]] = refused and -now or now
          changed = true
        end
        local last_told = at[value] and mark[at[value]] or 0
        told[#told + 1] = pack('<d', last_told < 0 and -last_told or last_told)
      end
      if changed then
        -- Amounts are edited now and then: of their old thresholds the first ones told are forgotten.
        local from = #mark > 129 and #mark - 127 or 2
        call('SET', KEYS[key], pack('<' .. rep('d', #mark - from + 2), period, unpack(mark, from)))
      end
    end
    k = last + 1
  end
  return concat(told)
end
