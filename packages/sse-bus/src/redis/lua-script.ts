import { createHash } from "node:crypto";

/** A Lua script, and the hash under which the server caches it. */
export interface LuaScript {
  readonly text: string;
  readonly sha: string;
}

/** The start of every script. `int` writes large numbers exactly, where `%s` would write 1e+15. */
const COMMON = `
local function int(n) return string.format('%.0f', n) end
local function clock()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
local function begin(bus, epoch, now, announce)
  redis.call('HSET', bus, 'epoch', epoch, 'era', epoch, 'seq', '0', 'time', int(now), 'floor', '0', 'reservedFloor', '0', 'announce', announce)
end
local function otherWay(announce)
  return redis.error_reply('ANNOUNCE This bus announces by ' .. announce)
end
local function parseState(state)
  local last, n, bytes, horizon, oldest, at = string.match(state, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+)$')
  return tonumber(last), tonumber(n), tonumber(bytes), tonumber(horizon), tonumber(oldest), tonumber(at)
end
local function formatState(last, n, bytes, horizon, oldest, at)
  return table.concat({int(last), int(n), int(bytes), int(horizon), int(oldest), int(at)}, ' ')
end
local function sizeOf(head, json) return #head + #json + 320 end
`;

export function defineLuaScript(body: string): LuaScript {
  const text = COMMON + body;
  return { text, sha: createHash("sha1").update(text).digest("hex") };
}
