import type { Backend } from "../../src/core/backend.ts";
import type { BackendTestOptions } from "../../src/testing/index.ts";
import { createLogServer, type LogServer, type LogTable } from "./log-table.ts";
import { pollingBackend } from "./polling-backend.ts";

const tables = new WeakMap<Backend, LogTable>();

/** Gives the suite the example: its server, its instances, and all their failures. */
export const pollingConformance = {
  createLog: createLogServer,
  connect(server) {
    const table = server.connect();
    const backend = pollingBackend(table);
    tables.set(backend, table);
    return backend;
  },
  outage: {
    stop: async (server) => void (server.isDown = true),
    start: async (server) => void (server.isDown = false),
  },
  partition: {
    cut: async (server, backend) => void server.cut.add(tableOf(backend)),
    mend: async (server, backend) => void server.cut.delete(tableOf(backend)),
  },
  loseData: async (server) => server.loseData(),
  deleteMessages: async (server, channel) => server.deleteMessages(channel),
} satisfies Omit<BackendTestOptions<LogServer>, "test">;

function tableOf(backend: Backend): LogTable {
  const table = tables.get(backend);
  if (!table) throw new Error("Not a backend of this server");
  return table;
}
