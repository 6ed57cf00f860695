import type { Backend } from "../../../src/core/backend.ts";
import type { HistoryOptions } from "../../../src/core/history.ts";
import { createHistoryResolver } from "../../../src/core/history.ts";
import { memoryBackend } from "../../../src/core/memory-backend.ts";
import type { LogMessage } from "../../../src/core/message.ts";
import { createLaggingServer, type LaggingConnection } from "../lagging-server.ts";
import type { Truth } from "./truth.ts";

/** The log that all buses of a world share. */
export interface Side {
  readonly epoch: string;
  connect(): SideConnection;
  /** Deletes all data: the next connections are to a new log. */
  loseData(): void;
  /** Publishes a message from a process outside this world, if there can be one. */
  publish(entry: { channel: string; key: string | undefined; json: string }): void;
  trim(seq: number): void;
}

export interface SideConnection {
  readonly backend: Backend;
  readonly network: LaggingConnection | undefined;
}

export interface SideOptions {
  readonly truth: Truth;
  readonly history: HistoryOptions;
  readonly maxHistoryBytes: number;
  /** Memory: the log outlives the buses. */
  readonly isHeld: boolean;
}

/** Several buses on one log in memory: everything happens at once. */
export function memorySide({ truth, history, maxHistoryBytes, isHeld }: SideOptions): Side {
  let log = createLog();

  function createLog(): { readonly backend: Backend; readonly epoch: string } {
    const backend = memoryBackend();
    const { epoch } = backend.head();
    let hearing: Promise<unknown> | undefined;
    const message = (each: LogMessage): void => truth.add(epoch, each);
    const open: Backend["open"] = async (host) => {
      await backend.open(host);
      await (hearing ??= backend.subscribe("**", { message, lost: () => {} }));
    };
    if (isHeld) {
      const unused = (): void => {};
      const host = { onError: unused, onStatus: unused, onRestart: unused };
      void open({ ...host, history: createHistoryResolver(history), maxHistoryBytes });
    }
    return { backend: { ...backend, open }, epoch };
  }

  return {
    get epoch() {
      return log.epoch;
    },
    connect: () => ({ backend: log.backend, network: undefined }),
    loseData() {
      log = createLog();
    },
    publish() {},
    trim() {},
  };
}

/** A log server behind a network. The schedule decides when each response arrives. */
export function laggingSide({ truth, history }: SideOptions): Side {
  const onStored = (epoch: string, message: LogMessage): void => truth.add(epoch, message);
  const server = createLaggingServer({ history, onStored });
  return {
    get epoch() {
      return server.epoch;
    },
    connect() {
      const network = server.connect();
      network.isPrompt = false;
      return { backend: network.backend, network };
    },
    loseData: () => server.loseData(),
    publish: (entry) => void server.publish(entry),
    trim: (seq) => server.trim(seq),
  };
}
