import { defineScript, type Script } from "./script.ts";

/**
 * Tells the head, on the pub/sub channel of markers too when there is a token: whoever receives it
 * there has received everything before it. Begins the log where the server has none.
 *
 * It also finds out a server that went back in time (a failover to a replica that lagged, a disk
 * that missed the last second): when another server than the last one holds the log, positions jump,
 * and a position that somebody has seen and that falls into such a jump, or lies ahead of the log,
 * was lost. The epoch changes then and the log's content stays.
 *
 * Gives epoch, seq, time, and the server's time in ms.
 *
 * KEYS: bus, probe. ARGV: a new epoch, the newest epoch and seq seen by the caller, channel of
 * markers, token or "", "1" to ask which server it is, PUBLISH or SPUBLISH.
 */
export const MARK: Script = defineScript(`
local bus = KEYS[1]
redis.call('DEL', KEYS[2])
local epoch, seq, time, run, jumps, announce = unpack(redis.call('HMGET', bus, 'epoch', 'seq', 'time', 'run', 'jumps', 'announce'))
if not epoch then
  local now = clock()
  begin(bus, ARGV[1], now, ARGV[7])
  epoch, seq, time, run, jumps = ARGV[1], '0', int(now), false, false
elseif announce and announce ~= ARGV[7] then
  return otherWay(announce)
end
if ARGV[6] == '1' or not run then
  local info = redis.pcall('INFO', 'server')
  local itsRun = type(info) == 'string' and string.match(info, 'run_id:(%x+)')
  if itsRun and itsRun ~= run then
    if run then
      local start = int(tonumber(seq) + ${2 ** 20})
      jumps = string.sub(seq .. '-' .. start .. ' ' .. (jumps or ''), 1, 1000)
      redis.call('HSET', bus, 'run', itsRun, 'seq', start, 'jumps', jumps)
      seq = start
    else
      redis.call('HSET', bus, 'run', itsRun)
    end
  end
end
if ARGV[2] == epoch then
  local seen = tonumber(ARGV[3])
  local isLost = seen > tonumber(seq)
  for tail, start in string.gmatch(jumps or '', '(%d+)-(%d+) ') do
    if seen > tonumber(tail) and seen < tonumber(start) then isLost = true end
  end
  if isLost then
    epoch = ARGV[1]
    redis.call('HSET', bus, 'epoch', epoch)
  end
end
if ARGV[5] ~= '' then
  redis.call(ARGV[7], ARGV[4], table.concat({epoch, seq, time, ARGV[5]}, ' '))
end
return {epoch, seq, time, int(clock())}
`);

/**
 * A page of a channel's history, with its horizon.
 *
 * KEYS: bus, log. ARGV: channel, the seq to read after, how many.
 * Gives epoch or "", seq, horizon, the server's time in ms, entries.
 */
export const READ: Script = defineScript(`
local epoch, seq, floor, state = unpack(redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'floor', 'c:' .. ARGV[1]))
if not epoch then return {'', '0', '0', int(clock()), {}} end
if not state then return {epoch, seq, floor, int(clock()), {}} end
local last, n, bytes, horizon = parseState(state)
if n > 0 and redis.call('EXISTS', KEYS[2]) == 0 then
  return {epoch, seq, int(last), int(clock()), {}}
end
local entries = redis.call('XRANGE', KEYS[2], '(' .. ARGV[2] .. '-0', '+', 'COUNT', ARGV[3])
return {epoch, seq, int(horizon), int(clock()), entries}
`);

/**
 * Forgets a channel whose state has not changed since it was seen to be too old; the floor of the
 * bus rises to its last position, so that a cursor from before it gets a gap.
 *
 * KEYS: bus, log, newest. ARGV: channel, the state as seen.
 */
export const FORGET: Script = defineScript(`
local field = 'c:' .. ARGV[1]
local floor, state = unpack(redis.call('HMGET', KEYS[1], 'floor', field))
if state ~= ARGV[2] then return 0 end
local last = parseState(state)
redis.call('HSET', KEYS[1], 'floor', int(math.max(tonumber(floor), last)))
redis.call('HDEL', KEYS[1], field)
redis.call('DEL', KEYS[2], KEYS[3])
return 1
`);
