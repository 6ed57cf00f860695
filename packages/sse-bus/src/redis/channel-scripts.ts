import { defineLuaScript, type LuaScript } from "./lua-script.ts";

/**
 * Reads a page of a channel's history, and its horizon.
 *
 * KEYS: bus, log. ARGV: channel, the seq to read after, the page size.
 * Returns epoch or "", seq, horizon, the server's time in ms, entries.
 */
export const READ_PAGE: LuaScript = defineLuaScript(`
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
 * Deletes the state and history of a channel, unless its state has changed since the caller read it.
 * The floor of the bus rises to the newest position of the channel, so that an older cursor gets a
 * gap.
 *
 * KEYS: bus, log, newest. ARGV: channel, the state that the caller read.
 */
export const FORGET_CHANNEL: LuaScript = defineLuaScript(`
local field = 'c:' .. ARGV[1]
local floor, state = unpack(redis.call('HMGET', KEYS[1], 'floor', field))
if state ~= ARGV[2] then return 0 end
local last = parseState(state)
redis.call('HSET', KEYS[1], 'floor', int(math.max(tonumber(floor), last)))
redis.call('HDEL', KEYS[1], field)
redis.call('DEL', KEYS[2], KEYS[3])
return 1
`);
