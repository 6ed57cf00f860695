import type { Backend, BackendHost, BackendStatus } from "../../core/backend.ts";
import { createHistoryResolver, type HistoryOptions } from "../../core/history.ts";
import { insistOn } from "./insist.ts";
import { listen, type RecordedInstance, type Recorder } from "./recorder.ts";
import type { TestPublished, TestMessage } from "./test-message.ts";
import type { TestWatch } from "./test-watch.ts";

/** A backend as one process has it, with everything that it reported to its host. */
export interface Instance extends RecordedInstance {
  readonly errors: Error[];
  readonly statuses: BackendStatus[];
  /** The epochs that `onRestart` announced. */
  readonly restarts: string[];
  open(): Promise<void>;
  listen(topic: string): Promise<Recorder>;
  publish(channel: string, options?: TestMessage): Promise<TestPublished>;
  /** Publishes, and again with the same idempotency id while the server is away. */
  insist(channel: string, options?: TestMessage): Promise<TestPublished>;
  close(): Promise<void>;
}

export function createInstance(
  watch: TestWatch,
  backend: Backend,
  history?: HistoryOptions,
): Instance {
  let closing: Promise<void> | undefined;
  const instance: Instance = {
    backend,
    errors: [],
    statuses: [],
    restarts: [],
    deliveredCount: 0,
    lastSeq: 0,
    isClosed: false,
    recorders: [],
    open: async () => backend.open(createHost(watch, instance, history)),
    listen: async (topic) => listen(watch, instance, topic),
    async publish(channel, message = {}) {
      const { event = "message", key, id, json = String(watch.nextValue()), raw = false } = message;
      const content = { channel, event, key, json, raw };
      const stored = await watch.within("publish()", backend.publish({ ...content, id }));
      return { ...content, ...stored };
    },
    async insist(channel, message = {}) {
      const json = message.json ?? String(watch.nextValue());
      const whole = { id: `insist ${json}`, ...message, json };
      return insistOn(watch.timeoutMs, async (attempt) => {
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

function createHost(watch: TestWatch, instance: Instance, history?: HistoryOptions): BackendHost {
  return {
    history: createHistoryResolver(history),
    maxHistoryBytes: 67_108_864,
    onError(error) {
      instance.errors.push(error);
      watch.changed();
    },
    onStatus(status) {
      instance.statuses.push(status);
      watch.changed();
    },
    onRestart() {
      const { epoch } = instance.backend.head();
      if (instance.restarts.at(-1) === epoch) {
        watch.violated(`onRestart() was called twice for the epoch ${epoch}.`);
      }
      instance.restarts.push(epoch);
      instance.lastSeq = 0;
      for (const recorder of instance.recorders) recorder.restart();
      watch.changed();
    },
  };
}
