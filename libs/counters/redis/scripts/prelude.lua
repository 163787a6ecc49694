-- Opens every counter script: reads the call's counters and brings them to the present. See
-- ../layout.h for keys and values. Straight-line code: a function call per counter would show.
--
-- KEYS  [1] reservation, [2 .. n+1] counter headers, [n+2] expiry index, [n+3] collection list,
--       [n+4] outbox, [n+5 ..] rings of the sliding counters, in order
-- ARGV  [1] doubles: now in µs (0: ask TIME), four parameters of the script; then, per counter,
--           kind (0 lifetime, 1 calendar, 2 sliding, 3 only its hold matters), amount (hold or
--           charge), max_used, and a, b: period start and end in µs, or slot width in µs and 0
--
-- Leaves a, now, n; m, the raw values of KEYS[1 .. n+1]; h, the header fields, 5 a counter, brought
-- to the present; gaps, by how many slots a sliding counter's head moved, where that has to be
-- remembered; rings, the rings that were read for it; born, which counters did not exist; and
-- turned(), packed_headers(), store().
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

local gaps, rings = {}, {}
local ring_key, wanted, whose = n + 4, nil, nil
for q = 1, 5 * n, 5 do
  local kind = a[q + 5]
  if kind == 2 then
    ring_key = ring_key + 1
    local slot, head = floor(now / a[q + 8]), h[q + 2]
    if slot > head then
      local gap, committed = slot - head, h[q + 1]
      if gap > 60 or committed == 0 then
        h[q + 1] = 0
      else
        local i = (q + 4) / 5
        gaps[i] = gap
        if committed > h[q + 3] then
          wanted, whose = wanted or {}, whose or {}
          wanted[#wanted + 1], whose[#whose + 1] = KEYS[ring_key], i
        end
      end
      h[q + 2], h[q + 3], h[q + 4] = slot, 0, (slot + 61) * a[q + 8]
    end
  elseif kind == 1 then
    if now < a[q + 8] or now >= a[q + 9] then return 'P' .. pack('<d', now) end
    -- A counter that is in a later period already stays there: the store's clock went back.
    if h[q + 2] < a[q + 8] then
      h[q + 1], h[q + 2], h[q + 4] = 0, a[q + 8], a[q + 9]
    end
  end
end

-- The slots head-60 .. slot-61 leave; they sit where head .. slot-1 go. A ring that was written for
-- another head holds nothing that still counts.
if wanted then
  local read = call('MGET', unpack(wanted))
  for j = 1, #whose do
    local i, ring = whose[j], read[j]
    local q, gap = 5 * i - 4, gaps[i]
    local head = h[q + 2] - gap
    if ring and unpacks('<d', ring) == head then
      rings[i] = ring
      local at, gone = head % 60, nil
      if at + gap <= 60 then
        gone = {unpacks('<' .. rep('d', gap), ring, 9 + 8 * at)}
      else
        local first = 60 - at
        gone = {unpacks('<' .. rep('d', first), ring, 9 + 8 * at)}
        gone[first + 1] = nil  -- unpack also returns where it stopped
        local rest = {unpacks('<' .. rep('d', gap - first), ring, 9)}
        for k = 1, gap - first do gone[first + k] = rest[k] end
      end
      for k = 1, gap do h[q + 1] = h[q + 1] - gone[k] end
    end
  end
end

-- The ring of a counter whose head moved, for its new head.
local function turned(i)
  local q, gap = 5 * i - 4, gaps[i]
  local head = h[q + 2] - gap
  local ring, at = rings[i] or rep('\0', 488), head % 60
  local coming = m[i + 1]:sub(25, 32) .. rep('\0', 8 * (gap - 1))
  local slots
  if at + gap <= 60 then
    slots = ring:sub(9, 8 + 8 * at) .. coming .. ring:sub(9 + 8 * (at + gap))
  else
    local over, last = at + gap - 60, 8 * (60 - at)
    slots = coming:sub(last + 1) .. ring:sub(9 + 8 * over, 8 + 8 * at) .. coming:sub(1, last)
  end
  return pack('<d', h[q + 2]) .. slots
end

local function packed_headers()
  return n > 0 and pack('<' .. rep('d', 5 * n), unpack(h, 1, 5 * n)) or ''
end

-- Writes those of the packed headers that are not as they were, and what is in `set` (keys and
-- values) already, in one MSET. Where a head moved, with `turn` the counter moves on, with its ring;
-- without, only its held part is written, and whoever charges it next moves it: most of a
-- reservation's bytes would go into rings that change again at once.
local function store(headers, set, turn)
  local k, ring, fresh = #set, n + 4, nil
  for i = 1, n do
    local header, old = headers:sub(40 * i - 39, 40 * i), m[i + 1]
    if a[5 * i + 1] == 2 then ring = ring + 1 end
    if gaps[i] and not turn then header = header:sub(1, 8) .. old:sub(9) end
    if header ~= old then
      set[k + 1], set[k + 2] = KEYS[i + 1], header
      k = k + 2
      if turn and gaps[i] then
        set[k + 1], set[k + 2] = KEYS[ring], turned(i)
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
