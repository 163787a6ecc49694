-- Opens every counter script: reads the call's counters and brings them to the present. See
-- ../layout.h for keys and values. Straight-line code: a function call per counter would show.
--
-- KEYS  [1] reservation, [2 .. n+1] counter headers, [n+2] expiry index, [n+3] collection list,
--       [n+4] outbox, [n+5 ..] rings of the sliding counters, in order
-- ARGV  [1] doubles: now in µs (0: ask TIME), four parameters of the script; then, per counter,
--           kind (0 lifetime, 1 calendar, 2 sliding, 3 only its hold matters), amount (hold or
--           charge), max_used, and a, b: period start and end in µs, or slot width in µs and 0
--
-- Leaves a, now, n; m, the raw values of KEYS[1 .. n+1]; h, the header fields, 5 a counter, now
-- current; rings, the new rings by counter; born, which counters did not exist; and store().
-- Returns 'P' .. now if a calendar period given is not the one of now: the caller computes it anew.
local call, floor, rep, concat = redis.call, math.floor, string.rep, table.concat
local pack, unpacks = struct.pack, struct.unpack

local a = {unpacks('<' .. rep('d', #ARGV[1] / 8), ARGV[1])}
local now = a[1]
if now == 0 then
  local t = call('TIME')
  now = t[1] * 1000000 + t[2]
end
local n = (#ARGV[1] / 8 - 5) / 5
local m = call('MGET', unpack(KEYS, 1, n + 1))
local born = {}
for i = 2, n + 1 do
  if not m[i] then
    m[i] = '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
    born[i - 1] = true
  end
end
local h = {unpacks('<' .. rep('d', 5 * n), concat(m, '', 2, n + 1))}

local rings = {}
local ring_key = n + 4
for q = 1, 5 * n, 5 do
  local kind = a[q + 5]
  if kind == 2 then
    ring_key = ring_key + 1
    local width = a[q + 8]
    local slot = floor(now / width)
    local head = h[q + 2]
    if slot > head then
      local gap = slot - head
      if gap > 60 then
        h[q + 1] = 0
      elseif h[q + 1] > 0 then
        -- The slots head-60 .. slot-61 leave; they sit where head .. slot-1 go. A ring that was
        -- written for another head holds nothing that still counts.
        local ring = h[q + 1] > h[q + 3] and call('GET', KEYS[ring_key])
        if not ring or unpacks('<d', ring) ~= head then ring = rep('\0', 488) end
        local at = head % 60
        local coming = pack('<d', h[q + 3]) .. rep('\0', 8 * (gap - 1))
        local leaving
        if at + gap <= 60 then
          local from, to = 9 + 8 * at, 8 + 8 * (at + gap)
          leaving = ring:sub(from, to)
          ring = ring:sub(9, from - 1) .. coming .. ring:sub(to + 1)
        else
          local over = at + gap - 60
          leaving = ring:sub(9 + 8 * at) .. ring:sub(9, 8 + 8 * over)
          local last = 8 * (60 - at)
          ring = coming:sub(last + 1) .. ring:sub(9 + 8 * over, 8 + 8 * at) .. coming:sub(1, last)
        end
        local gone = {unpacks('<' .. rep('d', gap), leaving)}
        for i = 1, gap do h[q + 1] = h[q + 1] - gone[i] end
        rings[(q + 4) / 5] = pack('<d', slot) .. ring
      end
      h[q + 2], h[q + 3] = slot, 0
      h[q + 4] = (slot + 61) * width
    end
  elseif kind == 1 then
    if now < a[q + 8] or now >= a[q + 9] then return 'P' .. pack('<d', now) end
    -- A counter that is in a later period already stays there: the store's clock went back.
    if h[q + 2] < a[q + 8] then
      h[q + 1], h[q + 2], h[q + 4] = 0, a[q + 8], a[q + 9]
    end
  end
end

local function packed_headers()
  return n > 0 and pack('<' .. rep('d', 5 * n), unpack(h, 1, 5 * n)) or ''
end

-- Writes those of the packed headers that are not as they were, their rings, and what is in `set`
-- (keys and values) already, in one MSET.
local function store(headers, set)
  local k, ring, fresh = #set, n + 4, nil
  for i = 1, n do
    local header = headers:sub(40 * i - 39, 40 * i)
    if a[5 * i + 1] == 2 then ring = ring + 1 end
    if header ~= m[i + 1] then
      set[k + 1], set[k + 2] = KEYS[i + 1], header
      k = k + 2
      if rings[i] then
        set[k + 1], set[k + 2] = KEYS[ring], rings[i]
        k = k + 2
      end
      if born[i] then
        fresh = fresh or {}
        fresh[#fresh + 1] = KEYS[i + 1]:sub(-16)
      end
    end
  end
  if k > 0 then call('MSET', unpack(set)) end
  if fresh then call('RPUSH', KEYS[n + 3], unpack(fresh)) end
end
