import { rm } from "node:fs/promises";
import { join } from "node:path";

import { findProgram } from "./find-program.ts";
import { freePort } from "./ports.ts";
import { startProcess } from "./processes.ts";
import { type Restartable, restartable } from "./restartable.ts";
import { type ServerUrl, serverUrl } from "./server-url.ts";
import { tempFolder } from "./temp-folder.ts";

export interface RedisOptions {
  /** Keeps every write on disk, so that a killed server restarts with its data. @default false */
  readonly persist?: boolean;
  /** More of redis-server's own options, such as `["--maxmemory", "2mb"]`. */
  readonly args?: readonly string[];
}

export interface RedisServer extends Restartable {
  /** Deletes what is on disk; call it between `stop` and `start`. */
  wipe(): Promise<void>;
}

/** Starts a Redis (or Valkey) server of the test's own, which it may stop, kill and restart. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const program = await findProgram("redis");
  const port = await freePort();
  const folder = await tempFolder("redis");
  const network = ["--bind", "127.0.0.1", "--port", String(port)];
  const appendOnly = options.persist === true ? ["yes", "--appendfsync", "always"] : ["no"];
  const storage = ["--dir", folder.path, "--save", "", "--appendonly", ...appendOnly];
  const args = [...network, ...storage, ...(options.args ?? [])];
  const server = await restartable({
    port,
    url: `redis://127.0.0.1:${port}`,
    launch: async () => startProcess(program, args, { ready: /Ready to accept connections/ }),
    dispose: async () => folder[Symbol.asyncDispose](),
  });
  return Object.assign(server, {
    wipe: async () => rm(join(folder.path, "appendonlydir"), { recursive: true, force: true }),
  });
}

/** The server at `SSE_BUS_TEST_REDIS_URL`, or else one of the test's own. */
export async function useRedis(): Promise<ServerUrl> {
  return serverUrl("redis", async () => startRedis());
}
