import type { Backend, BackendHost, BackendStatus, Stored } from "../../core/backend.ts";
import { createHistoryResolver, type HistoryOptions } from "../../core/history.ts";
import type { Lab } from "./lab.ts";
import { insistOn } from "./insist.ts";
import { listen, type Recorder } from "./recorder.ts";

/** A backend as one process has it, with everything that it tells its host written down. */
export interface Instance {
  readonly backend: Backend;
  readonly errors: Error[];
  readonly statuses: BackendStatus[];
  /** The epochs that `onRestart` brought. */
  readonly restarts: string[];
  /** Calls of any feed's `message`. */
  handedCount: number;
  /** The newest position handed to any feed. */
  lastSeq: number;
  isClosed: boolean;
  readonly recorders: Recorder[];
  open(): Promise<void>;
  listen(topic: string): Promise<Recorder>;
  publish(channel: string, options?: TestMessage): Promise<Published>;
  /** Publishes and tries again, with the same idempotency id, while the server is away. */
  insist(channel: string, options?: TestMessage): Promise<Published>;
  close(): Promise<void>;
}

export interface TestMessage {
  readonly event?: string;
  readonly key?: string | undefined;
  readonly id?: string;
  readonly json?: string;
  /** `json` is a string, to be sent as it is. */
  readonly raw?: boolean;
}

/** A message and where it went. */
export interface Published extends Stored {
  readonly event: string;
  readonly key: string | undefined;
  readonly json: string;
  readonly raw: boolean;
}

export function createInstance(lab: Lab, backend: Backend, history?: HistoryOptions): Instance {
  let closing: Promise<void> | undefined;
  const instance: Instance = {
    backend,
    errors: [],
    statuses: [],
    restarts: [],
    handedCount: 0,
    lastSeq: 0,
    isClosed: false,
    recorders: [],
    open: async () => backend.open(createHost(lab, instance, history)),
    listen: async (topic) => listen(lab, instance, topic),
    async publish(channel, message = {}) {
      const { event = "message", key, id, json = String(lab.nextValue()), raw = false } = message;
      const record = { channel, event, key, json, raw };
      const stored = await lab.within("publish()", backend.publish({ ...record, id }));
      return { ...record, ...stored };
    },
    async insist(channel, message = {}) {
      const json = message.json ?? String(lab.nextValue());
      const whole = { id: `insist ${json}`, ...message, json };
      return insistOn(lab, async (attempt) => {
        const stored = await instance.publish(channel, whole);
        // A repeat of its own attempt, whose answer was lost, is the message itself.
        return attempt === 1 ? stored : { ...stored, duplicate: false };
      });
    },
    async close() {
      closing ??= backend.close().then(() => {
        instance.isClosed = true;
      });
      return closing;
    },
  };
  return instance;
}

function createHost(lab: Lab, instance: Instance, history?: HistoryOptions): BackendHost {
  return {
    history: createHistoryResolver(history),
    maxHistoryBytes: 67_108_864,
    onError(error) {
      instance.errors.push(error);
      lab.changed();
    },
    onStatus(status) {
      instance.statuses.push(status);
      lab.changed();
    },
    onRestart() {
      const { epoch } = instance.backend.head();
      if (instance.restarts.at(-1) === epoch) {
        lab.violated(`onRestart() was called twice for the epoch ${epoch}.`);
      }
      instance.restarts.push(epoch);
      instance.lastSeq = 0;
      for (const recorder of instance.recorders) recorder.restart();
      lab.changed();
    },
  };
}
