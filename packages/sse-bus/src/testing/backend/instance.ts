import type {
  Backend,
  BackendHost,
  BackendStatus,
  NewMessage,
  Outcome,
  Stored,
} from "../../core/backend.ts";
import {
  createHistoryResolver,
  type HistoryOptions,
  type HistoryResolver,
} from "../../core/history.ts";
import { storeMany } from "../../core/store-many.ts";
import { fail } from "./check.ts";
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
  /** Publishes a batch. Fails if a message of it is not stored. */
  publishMany(messages: readonly TestBatchMessage[]): Promise<TestPublished[]>;
  /** The same, with what the backend says of each message. */
  tryMany(messages: readonly TestBatchMessage[]): Promise<readonly Outcome[]>;
  /** Publishes, and retries with the same idempotency id while the server is unreachable. */
  insist(channel: string, options?: TestMessage): Promise<TestPublished>;
  close(): Promise<void>;
}

/** A message of a batch. */
export interface TestBatchMessage extends Omit<TestMessage, "id"> {
  readonly channel: string;
  readonly id?: string | undefined;
}

/** The limits of an instance. A function also decides about reserved channels. */
export type TestHistory = HistoryOptions | HistoryResolver;

export function createInstance(
  watch: TestWatch,
  backend: Backend,
  history?: TestHistory,
): Instance {
  let closing: Promise<void> | undefined;

  function complete(message: TestBatchMessage): Complete {
    const { channel, event = "message", key, id, raw = false } = message;
    return { channel, event, key, id, json: message.json ?? String(watch.nextValue()), raw };
  }

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
      const { id, ...content } = complete({ ...message, channel });
      const stored = await watch.within("publish()", backend.publish({ ...content, id }));
      return { ...content, ...stored };
    },
    async publishMany(messages) {
      const contents = messages.map(complete);
      const outcomes = await instance.tryMany(contents);
      return contents.map((message, index) => {
        const { id: _, ...content } = message;
        const outcome = outcomes[index] ?? fail(`publishMany() says nothing of message ${index}.`);
        if ("error" in outcome) throw outcome.error;
        return { ...content, ...outcome };
      });
    },
    async tryMany(messages) {
      if (messages.length === 0) return [];
      return watch.within("publishMany()", storeMany(backend, messages.map(complete)));
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

/** A message with everything that a test may leave out. */
type Complete = Omit<TestPublished, keyof Stored> & Pick<NewMessage, "channel" | "id">;

function createHost(watch: TestWatch, instance: Instance, history?: TestHistory): BackendHost {
  return {
    history: typeof history === "function" ? history : createHistoryResolver(history),
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
