import { defineLuaScript, type LuaScript } from "./lua-script.ts";

/**
 * Reads a page of a channel's history, and its horizon.
 *
 * KEYS: bus, log. ARGV: channel, the seq to read after, the page size in entries and in bytes, by the average
 * entry, and the field of the floor.
 * Returns epoch or "", seq, horizon, the server's time in ms, entries, and the newest position of the channel.
 */
export const READ_PAGE: LuaScript = defineLuaScript(`
local epoch, seq, floor, state = unpack(redis.call('HMGET', KEYS[1], 'epoch', 'seq', ARGV[5], 'c:' .. ARGV[1]))
if not epoch then return {'', '0', '0', int(clock()), {}, '0'} end
if not state then return {epoch, seq, floor or '0', int(clock()), {}, '0'} end
local last, n, bytes, horizon = parseState(state)
if n > 0 and redis.call('EXISTS', KEYS[2]) == 0 then
  return {epoch, seq, int(last), int(clock()), {}, '0'}
end
local count = tonumber(ARGV[3])
if n > 0 and bytes > 0 then count = math.max(1, math.min(count, math.floor(tonumber(ARGV[4]) * n / bytes))) end
local entries = redis.call('XRANGE', KEYS[2], '(' .. ARGV[2] .. '-0', '+', 'COUNT', int(count))
return {epoch, seq, int(horizon), int(clock()), entries, int(last)}
`);

/**
 * Deletes the state and history of a channel, unless its state has changed since the caller read it.
 * The floor rises to the newest position of the channel, so that an older cursor gets a gap. Reserved
 * channels have a floor of their own.
 *
 * KEYS: bus, log, newest. ARGV: channel, the state that the caller read, the field of the floor.
 */
export const FORGET_CHANNEL: LuaScript = defineLuaScript(`
local field = 'c:' .. ARGV[1]
local floor, state = unpack(redis.call('HMGET', KEYS[1], ARGV[3], field))
if state ~= ARGV[2] then return 0 end
local last = parseState(state)
redis.call('HSET', KEYS[1], ARGV[3], int(math.max(tonumber(floor or 0), last)))
redis.call('HDEL', KEYS[1], field)
redis.call('DEL', KEYS[2], KEYS[3])
return 1
`);
