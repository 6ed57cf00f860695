import { defineLuaScript, type LuaScript } from "./lua-script.ts";

/**
 * Stores and announces messages in one step: all of them or none. No other command runs in between, and a
 * server that refuses the first write (full, read-only) has stored nothing. Everything that can fail is before
 * the first announcement, and is undone. The positions are the next numbers of the bus. The time is the
 * server's clock, and never goes back.
 *
 * The state of a channel is "last n bytes horizon oldest at":
 *
 * - `last`: the position of its newest message
 * - `n`, `bytes`: the size of its history
 * - `horizon`: the newest position dropped from its history
 * - `oldest`: a time; no message of its history is older
 * - `at`: the time of its newest publish
 *
 * KEYS: bus; log and newest of each channel; the ids. ARGV: a new epoch, lifetime of ids in ms, PUBLISH or
 * SPUBLISH, the pub/sub channel of all messages or "", the number of channels; for each channel its name, the
 * start of its pub/sub channel, the field of the floor, maxMessages, maxBytes, maxAgeMs; for each message the
 * number of its channel, attributes, json, key, the number of its id's key or "".
 *
 * Returns the epoch, then "seq time" of each message, or "seq time 1" for a repeated id: then they are those
 * of the first message.
 */
export const PUBLISH: LuaScript = defineLuaScript(`
local CHANNEL, MESSAGE = 6, 5
local call, format = redis.call, string.format
local bus, lifetime, command, all, count = KEYS[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local now = clock()

local fields = {'epoch', 'seq', 'time', 'era', 'announce', 'floor', 'reservedFloor'}
local channels = {}
for c = 1, count do
  local at = 5 + (c - 1) * CHANNEL
  channels[c] = {
    name = ARGV[at + 1], pubsub = ARGV[at + 2] .. ARGV[at + 1], floor = ARGV[at + 3],
    maxMessages = tonumber(ARGV[at + 4]), maxBytes = tonumber(ARGV[at + 5]), maxAge = tonumber(ARGV[at + 6]),
    log = KEYS[2 * c], newest = KEYS[2 * c + 1], keys = {}, changed = false,
  }
  fields[7 + c] = 'c:' .. ARGV[at + 1]
end
local found = call('HMGET', bus, unpack(fields))
local epoch, seq, time, era, announce = unpack(found, 1, 5)
if epoch and announce and announce ~= command then return otherWay(announce) end
local isNew = not epoch
if isNew then epoch, seq, time, era = ARGV[1], 0, now, ARGV[1] end
seq = tonumber(seq)
time = math.max(now, tonumber(time))
local timeText = int(time)

-- Reads everything first: a key of another type ends the script here, before it has written anything.
local messages, results, ids = {}, {epoch}, {}
for at = 6 + count * CHANNEL, #ARGV, MESSAGE do
  local channel, id = channels[tonumber(ARGV[at])], ARGV[at + 4]
  local first
  if id ~= '' then
    id = KEYS[tonumber(id)]
    first = ids[id]
    if not first then
      local seen = call('GET', id)
      if seen then
        local itsEra, itsSeq, itsTime = string.match(seen, '^(%S+) (%S+) (%S+)$')
        if itsEra == era then first = itsSeq .. ' ' .. itsTime end
      end
    end
  end
  if first then
    results[#results + 1] = first .. ' 1'
  else
    seq = seq + 1
    local seqText = format('%.0f', seq)
    local message = {seq = seq, seqText = seqText, channel = channel, head = ARGV[at + 1], json = ARGV[at + 2], key = ARGV[at + 3], previous = 0}
    messages[#messages + 1] = message
    results[#results + 1] = seqText .. ' ' .. timeText
    if id ~= '' then ids[id] = results[#results] end
    channel.changed = true
    if message.key ~= '' then channel.hasKeys = true end
  end
end
if #messages == 0 then return results end

for c, channel in ipairs(channels) do
  if channel.changed then
    local state = found[7 + c]
    channel.isThere = state and call('EXISTS', channel.log) == 1
    if state then
      channel.last, channel.n, channel.bytes, channel.horizon, channel.oldest = parseState(state)
      if channel.n > 0 and not channel.isThere then
        -- Evicted or expired: all its messages count as dropped.
        channel.n, channel.bytes, channel.horizon, channel.oldest = 0, 0, channel.last, time
      end
      call('HGET', channel.newest, '')
    else
      local floor = channel.floor == 'floor' and found[6] or found[7]
      channel.last, channel.n, channel.bytes, channel.horizon, channel.oldest = 0, 0, 0, tonumber(floor or 0), time
      channel.isLeftover = true
    end
    channel.lastText = int(channel.last)
  end
end

if isNew then begin(bus, epoch, now, command) end
for at, message in ipairs(messages) do
  local channel = message.channel
  -- Leftovers of an older log of this bus: their positions mean nothing in this one.
  if channel.isLeftover then
    call('DEL', channel.log, channel.newest)
    channel.isLeftover = false
  end
  local added
  if message.key == '' then
    added = redis.pcall('XADD', channel.log, message.seqText .. '-0', 't', timeText, 'h', message.head, 'j', message.json)
  else
    added = redis.pcall('XADD', channel.log, message.seqText .. '-0', 't', timeText, 'h', message.head, 'j', message.json, 'k', message.key)
  end
  if type(added) == 'table' and added.err then
    for undo = 1, at - 1 do
      local log = messages[undo].channel
      if log.isThere then call('XDEL', log.log, messages[undo].seqText .. '-0')
      else call('DEL', log.log) end
    end
    -- The stream of a channel does not take these positions a second time.
    if at > 1 then call('HSET', bus, 'seq', messages[at].seqText, 'time', timeText) end
    return added
  end
end

for _, message in ipairs(messages) do
  local channel, key = message.channel, message.key
  local size = sizeOf(message.head, message.json)
  channel.n = channel.n + 1
  channel.bytes = channel.bytes + size
  if key ~= '' then
    local older = channel.keys[key] or call('HGET', channel.newest, key)
    if older then
      local itsSeq, itsSize = string.match(older, '^(%S+) (%S+)$')
      if call('XDEL', channel.log, itsSeq .. '-0') == 1 then
        channel.n = channel.n - 1
        channel.bytes = channel.bytes - tonumber(itsSize)
      end
    end
    channel.keys[key] = message.seqText .. ' ' .. int(size)
  end
  message.previous = channel.lastText
  channel.last, channel.lastText = message.seq, message.seqText
end

local state = {'HSET', bus, 'seq', int(seq), 'time', timeText}
for _, channel in ipairs(channels) do
  if channel.changed then
    local log, newest, maxAge = channel.log, channel.newest, channel.maxAge
    for key, place in pairs(channel.keys) do call('HSET', newest, key, place) end
    local n, bytes, oldest = channel.n, channel.bytes, channel.oldest
    local isOver = function() return n > channel.maxMessages or bytes > channel.maxBytes end
    local isDone = false
    while not isDone and n > 0 and (isOver() or oldest < time - maxAge) do
      local first = call('XRANGE', log, '-', '+', 'COUNT', int(math.min(100, math.max(1, n - channel.maxMessages))))
      if #first == 0 then n, bytes = 0, 0 end
      local drop = {}
      for _, entry in ipairs(first) do
        local its = entry[2]
        oldest = tonumber(its[2])
        if n <= 0 or (not isOver() and oldest >= time - maxAge) then
          isDone = true
          break
        end
        local itsSeq = string.match(entry[1], '^(%d+)')
        drop[#drop + 1] = entry[1]
        n = n - 1
        bytes = bytes - sizeOf(its[4], its[6])
        channel.horizon = tonumber(itsSeq)
        if its[8] then
          local kept = call('HGET', newest, its[8])
          if kept and string.match(kept, '^(%S+)') == itsSeq then call('HDEL', newest, its[8]) end
        end
      end
      if #drop > 0 then call('XDEL', log, unpack(drop)) end
    end
    if maxAge < 1e15 then
      call('PEXPIRE', log, maxAge + 1000)
      if channel.hasKeys then call('PEXPIRE', newest, maxAge + 1000) end
    end
    state[#state + 1] = 'c:' .. channel.name
    state[#state + 1] = formatState(channel.last, n, bytes, channel.horizon, oldest, time)
  end
end
call(unpack(state))
for id, place in pairs(ids) do
  call('SET', id, era .. ' ' .. place, 'PX', lifetime)
end
for _, message in ipairs(messages) do
  local channel = message.channel
  local news = epoch .. ' ' .. message.seqText .. ' ' .. timeText .. ' ' .. message.previous .. '\\n' .. message.head .. '\\n' .. message.json
  call(command, channel.pubsub, news)
  if all ~= '' and channel.floor == 'floor' then call(command, all, channel.name .. '\\n' .. news) end
end
return results
`);
