import { defineLuaScript, type LuaScript } from "./lua-script.ts";

/**
 * Stores and announces one message in one step. No other command runs in between, and a server that
 * refuses the first write (full, read-only) has stored nothing. The position is the next number of
 * the bus. The time is the server's clock, and never goes back.
 *
 * The state of a channel is "last n bytes horizon oldest at":
 *
 * - `last`: the position of its newest message
 * - `n`, `bytes`: the size of its history
 * - `horizon`: the newest position dropped from its history
 * - `oldest`: a time; no message of its history is older
 * - `at`: the time of its newest publish
 *
 * KEYS: bus, log, newest, id. ARGV: a new epoch, channel, attributes, json, key, start of the pub/sub
 * channels, lifetime of the id in ms or "", maxMessages, maxBytes, maxAgeMs, PUBLISH or SPUBLISH, the
 * pub/sub channel of all messages or "".
 * Returns epoch, seq, time, and "1" for a repeated id: then they are those of the first message.
 */
export const PUBLISH: LuaScript = defineLuaScript(`
local bus, log, newest, id = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local channel, head, json, key = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local maxMessages, maxBytes, maxAge = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local field = 'c:' .. channel
local now = clock()
local epoch, seq, time, era, floor, state, announce = unpack(redis.call('HMGET', bus, 'epoch', 'seq', 'time', 'era', 'floor', field, 'announce'))
if not epoch then
  epoch, seq, time, era, floor, state = ARGV[1], 0, now, ARGV[1], 0, false
  begin(bus, epoch, now, ARGV[11])
elseif announce and announce ~= ARGV[11] then
  return otherWay(announce)
end

if ARGV[7] ~= '' then
  local seen = redis.call('GET', id)
  if seen then
    local itsEra, itsSeq, itsTime = string.match(seen, '^(%S+) (%S+) (%S+)$')
    if itsEra == era then return {epoch, itsSeq, itsTime, '1'} end
  end
end

seq = tonumber(seq) + 1
time = math.max(now, tonumber(time))
local last, n, bytes, horizon, oldest = 0, 0, 0, tonumber(floor), time
if state then
  last, n, bytes, horizon, oldest = parseState(state)
  if n > 0 and redis.call('EXISTS', log) == 0 then
    -- Evicted or expired: all its messages count as dropped.
    n, bytes, horizon, oldest = 0, 0, last, time
  end
else
  -- Leftovers of an older log of this bus: their positions mean nothing in this one.
  redis.call('DEL', log, newest)
end

local entry = {'XADD', log, int(seq) .. '-0', 't', int(time), 'h', head, 'j', json}
if key ~= '' then
  entry[#entry + 1] = 'k'
  entry[#entry + 1] = key
end
redis.call(unpack(entry))
local size = sizeOf(head, json)
n = n + 1
bytes = bytes + size

if key ~= '' then
  local older = redis.call('HGET', newest, key)
  if older then
    local itsSeq, itsSize = string.match(older, '^(%S+) (%S+)$')
    if redis.call('XDEL', log, itsSeq .. '-0') == 1 then
      n = n - 1
      bytes = bytes - tonumber(itsSize)
    end
  end
  redis.call('HSET', newest, key, int(seq) .. ' ' .. int(size))
end

while n > 0 and (n > maxMessages or bytes > maxBytes or oldest < time - maxAge) do
  local first = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
  if not first then
    n, bytes = 0, 0
    break
  end
  local fields = first[2]
  oldest = tonumber(fields[2])
  if n <= maxMessages and bytes <= maxBytes and oldest >= time - maxAge then break end
  redis.call('XDEL', log, first[1])
  local itsSeq = string.match(first[1], '^(%d+)')
  n = n - 1
  bytes = bytes - sizeOf(fields[4], fields[6])
  horizon = tonumber(itsSeq)
  if fields[8] then
    local kept = redis.call('HGET', newest, fields[8])
    if kept and string.match(kept, '^(%S+)') == itsSeq then redis.call('HDEL', newest, fields[8]) end
  end
end

if maxAge < 1e15 then
  redis.call('PEXPIRE', log, maxAge + 1000)
  if key ~= '' then redis.call('PEXPIRE', newest, maxAge + 1000) end
end
redis.call('HSET', bus, 'seq', int(seq), 'time', int(time), field, formatState(seq, n, bytes, horizon, oldest, time))
if ARGV[7] ~= '' then
  redis.call('SET', id, table.concat({era, int(seq), int(time)}, ' '), 'PX', ARGV[7])
end
local news = table.concat({epoch, int(seq), int(time), int(last)}, ' ') .. '\\n' .. head .. '\\n' .. json
redis.call(ARGV[11], ARGV[6] .. channel, news)
if ARGV[12] ~= '' then redis.call(ARGV[11], ARGV[12], channel .. '\\n' .. news) end
return {epoch, int(seq), int(time)}
`);
