-- Every question about the pace, answered in one step by the server's clock. Times are microseconds. ARGV[1] is a JSON object whose
-- `op` names the question. What is known of a limit is one hash:
--   free       when the next message may leave (generic cell rate algorithm, ITU-T I.371 annex A)
--   closed     nothing leaves before; factor: the share of the rate from then on, growing by a quarter each `hour`
--   strikes    how many closures followed one another
--   hour:*     the allowance of the clock's hour: its start, what was used, what was used in the hour before, `free` while spread
--   day:*      the same of the day
-- Beside it, under `<key>:out`, stands how many messages each holder has on their way, and until when that is believed.

local TOLERANCE = 250000     -- how far behind its time an asker may be without loss
local WINDOW = 10000000      -- in any ten seconds …
local EXCESS = 1.05          -- … no more than this multiple of the rate may leave
local FULL = 0.9             -- an allowance that was used so far was too small: the next is spread
local SLOWEST = 1 / 16
local GROWTH = 1.25          -- of the rate in an hour without refusals
local FORGIVEN_AFTER = 4     -- hours after which closures no longer follow one another
local OUT_BELIEVED = 60000000
local KEPT = 259200000       -- milliseconds that a hash is kept after its last change: three days

local ask = cjson.decode(ARGV[1])
local now = ask.now
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end

local function whole(number)
  return string.format('%.0f', number)
end

local function read(key, names)
  local values, found = redis.call('HMGET', key, unpack(names)), {}
  for i, name in ipairs(names) do
    found[name] = tonumber(values[i])
  end
  return found
end

local function write(key, values)
  local flat = {}
  for name, value in pairs(values) do
    flat[#flat + 1] = name
    flat[#flat + 1] = value
  end
  redis.call('HSET', key, unpack(flat))
  redis.call('PEXPIRE', key, KEPT)
end

local function factor(known)
  if not known.factor then
    return 1
  end
  local hours = math.max(0, now - known.closed) / known.hour
  return math.min(1, known.factor * GROWTH ^ hours)
end

-- How far ahead of its time a message may leave: as much as makes up for askers that come late, and no more than `EXCESS` bears.
local function tolerance(interval)
  return math.max(0, math.min(TOLERANCE, interval * math.floor(EXCESS * WINDOW / interval) - WINDOW))
end

local function allowed(free, interval)
  return math.max(0, math.floor((now + tolerance(interval) - free) / interval) + 1)
end

-- When the next message may leave. No grant leads further than this; what does was granted before the server's clock was set back.
local function turn(free, interval)
  if not free or free > now + tolerance(interval) + 2 * interval then
    return now
  end
  return math.max(free, now)
end

-- When it is worth while to ask again: not for each message by itself.
local function next_turn(free, interval)
  local bunch = math.max(1, math.floor(tolerance(interval) / 2 / interval))
  return free + (bunch - 1) * interval - tolerance(interval) - now
end

-- The allowance as it stands; nil where nothing is known of it. Of a window that is yet to come something is known when the server's
-- clock has been set back: the present one is then counted anew.
local function read_cap(key, cap)
  local name = cap.name
  local known = read(key, {name .. ':start', name .. ':used', name .. ':before', name .. ':free'})
  local state = {used = known[name .. ':used'], before = known[name .. ':before'], free = known[name .. ':free'] or 0}
  local start = known[name .. ':start']
  if not start or start > cap.start then
    if not cap.used then
      return nil
    end
    state.used, state.before = cap.used, cap.before
  elseif start ~= cap.start then
    state.before = start == cap.last and state.used or 0
    state.used = 0
  end
  state.left = cap.count - state.used
  if state.before >= FULL * cap.count and state.left > 0 then
    -- What is left is spread over what is left of the time, at no more than twice the even pace.
    state.interval = math.max((cap.till - now) / state.left, (cap.till - cap.from) / cap.count / 2, 1)
  end
  state.free = state.interval and turn(state.free, state.interval) or now
  return state
end

local function others_out(limit)
  local entries, sum = redis.call('HGETALL', limit.key .. ':out'), 0
  for i = 1, #entries, 2 do
    local count, believed = string.match(entries[i + 1], '(%d+) (%d+)')
    if tonumber(believed) < now or tonumber(believed) > now + OUT_BELIEVED then
      redis.call('HDEL', limit.key .. ':out', entries[i])
    elseif entries[i] ~= ask.holder then
      sum = sum + tonumber(count)
    end
  end
  return sum
end

local function take()
  local granted, wait, by, states = ask.wanted, 0, 0, {}
  local function wait_for(pause, i)
    if pause > wait then
      wait, by = pause, i
    end
  end
  local function at_most(count, pause, i)
    if count < granted then
      granted = math.max(0, count)
    end
    if count <= 0 then
      wait_for(pause, i)
    end
  end

  for i, limit in ipairs(ask.limits) do
    local state = read(limit.key, {'free', 'closed', 'factor', 'hour'})
    states[i] = state
    if state.closed and state.closed > now then
      at_most(0, state.closed - now, i)
    end
    state.factor = factor(state)
    if limit.interval then
      state.interval = limit.interval / state.factor
      state.free = turn(state.free, state.interval)
      at_most(allowed(state.free, state.interval), 0, i)
    end
    if limit.at_once then
      at_most(math.max(1, math.floor(limit.at_once * state.factor)) - others_out(limit) - ask.out, TOLERANCE, i)
    end
    state.caps = {}
    for j, cap in ipairs(limit.caps) do
      if now < cap.start or now >= cap.stop then
        return {'window', whole(now)}
      end
      local known = read_cap(limit.key, cap)
      if not known then
        return {'unseeded', i}
      end
      state.caps[j] = known
      at_most(known.left, cap.stop - now, i)
      if known.interval then
        at_most(allowed(known.free, known.interval), 0, i)
      end
    end
  end

  for i, limit in ipairs(ask.limits) do
    local state, changed = states[i], {}
    if limit.interval then
      local free = state.free + granted * state.interval
      changed.free = whole(free)
      wait_for(next_turn(free, state.interval), i)
    end
    for j, cap in ipairs(limit.caps) do
      local known = state.caps[j]
      if known.interval then
        known.free = known.free + granted * known.interval
        wait_for(next_turn(known.free, known.interval), i)
      end
      changed[cap.name .. ':start'] = whole(cap.start)
      changed[cap.name .. ':used'] = whole(known.used + granted)
      changed[cap.name .. ':before'] = whole(known.before)
      changed[cap.name .. ':free'] = whole(known.free)
    end
    if next(changed) and (granted > 0 or #limit.caps > 0) then
      write(limit.key, changed)
    end
    if limit.at_once then
      if ask.out + granted > 0 then
        redis.call('HSET', limit.key .. ':out', ask.holder, whole(ask.out + granted) .. ' ' .. whole(now + OUT_BELIEVED))
        redis.call('PEXPIRE', limit.key .. ':out', KEPT)
      else
        redis.call('HDEL', limit.key .. ':out', ask.holder)
      end
    end
  end
  return {'granted', granted, whole(wait), by}
end

-- So many that were granted have not left and will not: allowances count what leaves. What the rate made of them is over,
-- and so may be the window that they were granted in: one that began later has counted none of them.
local function give_back()
  for _, limit in ipairs(ask.limits) do
    for _, cap in ipairs(limit.caps) do
      local known = read(limit.key, {cap.name .. ':start', cap.name .. ':used'})
      if known[cap.name .. ':start'] == cap.start and cap.start <= now - ask.age then
        write(limit.key, {[cap.name .. ':used'] = whole(math.max(0, known[cap.name .. ':used'] - ask.count))})
      end
    end
  end
  return {}
end

-- Close for a while. Refusals of what was on its way when it was closed are part of the same closure.
local function cool()
  local known = read(ask.key, {'closed', 'factor', 'hour', 'strikes'})
  local closed, strikes = known.closed or 0, known.strikes or 0
  if closed > now then
    closed = math.max(closed, now + ask.pause)
    write(ask.key, {closed = whole(closed)})
    return {whole(closed - now)}
  end
  if now - closed > FORGIVEN_AFTER * ask.hour then
    strikes = 0
  end
  local pause = math.max(ask.pause, math.min(ask.pause * 4 ^ strikes, ask.longest))
  local share = ask.slower and math.max(SLOWEST, factor(known) / 2) or factor(known)
  write(ask.key, {closed = whole(now + pause), factor = tostring(share), hour = whole(ask.hour), strikes = strikes + 1})
  return {whole(pause)}
end

local function standing()
  local known = read(ask.key, {'closed', 'factor', 'hour'})
  return {whole(math.max(0, (known.closed or 0) - now)), math.floor(factor(known) * 1000 + 0.5)}
end

return ({take = take, give_back = give_back, cool = cool, standing = standing})[ask.op]()
