import { rm } from "node:fs/promises";
import { join } from "node:path";

import { findProgram } from "./find-program.ts";
import { freePort } from "./ports.ts";
import { startProcess } from "./processes.ts";
import { type Restartable, restartable } from "./restartable.ts";
import { type ServerUrl, serverUrl } from "./server-url.ts";
import { tempFolder } from "./temp-folder.ts";

export interface NatsServer extends Restartable {
  /** Deletes what is on disk; call it between `stop` and `start`. */
  wipe(): Promise<void>;
}

export interface NatsOptions {
  /** More of nats-server's own flags. */
  readonly args?: readonly string[];
}

/** Starts a NATS server with JetStream, of the test's own, which it may stop, kill and restart. */
export async function startNats(options: NatsOptions = {}): Promise<NatsServer> {
  const program = await findProgram("nats");
  const port = await freePort();
  const folder = await tempFolder("nats");
  const store = join(folder.path, "store");
  const args = [
    "-a",
    "127.0.0.1",
    "-p",
    String(port),
    "-js",
    "-sd",
    store,
    ...(options.args ?? []),
  ];
  const server = await restartable({
    port,
    url: `nats://127.0.0.1:${port}`,
    launch: async () => startProcess(program, args, { ready: /Server is ready/ }),
    dispose: async () => folder[Symbol.asyncDispose](),
  });
  return Object.assign(server, { wipe: async () => rm(store, { recursive: true, force: true }) });
}

/** The server at `SSE_BUS_TEST_NATS_URL`, or else one of the test's own. */
export async function useNats(): Promise<ServerUrl> {
  return serverUrl("nats", async () => startNats());
}
