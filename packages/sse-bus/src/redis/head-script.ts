import { createEpoch, type Cursor } from "../core/position.ts";
import type { ServerClock } from "../core/server-clock.ts";
import type { RedisKeys } from "./keys.ts";
import { defineLuaScript, type LuaScript } from "./lua-script.ts";

/**
 * Returns the head of the log. With a token, it also announces the head on the pub/sub channel of
 * head markers. Starts the log if the server has none.
 *
 * It also detects a server that lost its newest writes: a failover to a replica that lagged, or a
 * disk that missed the last second. Whenever a different server process holds the log, positions
 * jump ahead and the jump is recorded. A position that the caller has seen was lost if it falls into
 * a jump, or is ahead of the head. The epoch then changes; the content of the log stays.
 *
 * KEYS: bus, probe. ARGV: a new epoch, epoch and seq of the newest position that the caller has seen,
 * the pub/sub channel of head markers, token or "", "1" to check which server process it is, PUBLISH
 * or SPUBLISH.
 * Returns epoch, seq, time, and the server's time in ms.
 */
export const READ_HEAD: LuaScript = defineLuaScript(`
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

export interface HeadRequest {
  /** The newest position that the caller has seen, delivered or not. */
  readonly newestSeen: Cursor | undefined;
  /** Left out: no head marker is announced. */
  readonly token?: string;
  /** Whether to check that the server process is still the same one. */
  readonly checksServer?: boolean;
}

/** KEYS of {@link READ_HEAD}. */
export function headKeys({ bus, probe }: RedisKeys): string[] {
  return [bus, probe];
}

/** ARGV of {@link READ_HEAD}. */
export function headArguments(
  { headMarkers, announce }: RedisKeys,
  { newestSeen, token = "", checksServer = false }: HeadRequest,
): string[] {
  const { epoch, seq } = newestSeen ?? { epoch: "", seq: 0 };
  const check = checksServer ? "1" : "";
  return [createEpoch(), epoch, String(seq), headMarkers.name, token, check, announce];
}

/** Decodes the answer of {@link READ_HEAD}, and passes the server's time to `clock`. */
export function decodeHead(answer: unknown, clock: ServerClock): Cursor {
  const [epoch, seq, time, now] = answer as [string, string, string, string];
  clock.sample(Number(now));
  return { epoch, seq: Number(seq), time: Number(time) };
}
