import type { Backend, TopicSubscription } from "../../core/backend.ts";
import { topicCovers } from "../../core/channel-name.ts";
import { type LogMessage, messageId, messageJson } from "../../core/message.ts";
import type { Cursor, Position } from "../../core/position.ts";
import { check, checkEqual, fail } from "./check.ts";
import type { TestPublished } from "./test-message.ts";
import type { TestWatch } from "./test-watch.ts";

/** What a recorder needs of the instance that it subscribes on, and counts there. */
export interface RecordedInstance {
  readonly backend: Backend;
  isClosed: boolean;
  readonly recorders: Recorder[];
  /** Calls of any feed's `message`. */
  deliveredCount: number;
  /** The newest position delivered to any feed. */
  lastSeq: number;
}

/**
 * A feed that records each message, and checks with each one what a backend MUST keep at any time.
 * So every test also tests the order.
 */
export interface Recorder {
  readonly topic: string;
  /** Where live delivery began. */
  readonly cursor: Cursor;
  /** Delivered since then, or since the log's last restart. */
  readonly messages: LogMessage[];
  /** What `lost` was called with. */
  readonly losses: number[];
  close(): void;
  restart(): void;
}

export async function listen(
  watch: TestWatch,
  instance: RecordedInstance,
  topic: string,
): Promise<Recorder> {
  const { backend } = instance;
  let subscription: TopicSubscription | undefined;
  let isClosed = false;
  let cursor: Cursor | undefined;
  const messages: LogMessage[] = [];
  const losses: number[] = [];

  const violated = (message: LogMessage, rule: string): void =>
    watch.violated(`On "${topic}", message ${message.seq} of "${message.channel}" ${rule}`);

  const recorder: Recorder = {
    topic,
    get cursor() {
      return cursor ?? fail("`cursor` before live");
    },
    messages,
    losses,
    close() {
      isClosed = true;
      subscription?.close();
    },
    restart() {
      messages.length = 0;
      losses.length = 0;
      cursor = instance.backend.head();
    },
  };
  instance.recorders.push(recorder);

  subscription = await watch.within(
    `subscribe("${topic}")`,
    backend.subscribe(topic, {
      message(message) {
        const { seq, channel } = message;
        const head = backend.head();
        if (isClosed) violated(message, "was delivered after its subscription was closed.");
        if (instance.isClosed) violated(message, "was delivered after the backend was closed.");
        if (!topicCovers(topic, channel)) violated(message, "is of a channel it does not cover.");
        if (cursor && seq <= cursor.seq) {
          violated(message, `is at or before the subscription's cursor ${cursor.seq}.`);
        }
        const last = messages.at(-1)?.seq ?? 0;
        if (seq <= last) violated(message, `came after ${last}: out of order, or twice.`);
        if (seq < instance.lastSeq) {
          violated(message, `came after ${instance.lastSeq} was delivered to another feed.`);
        }
        if (head.seq < seq) {
          violated(message, `was delivered while head() was still ${head.seq}.`);
        }
        const id = `id: ${messageId(message, head.epoch, message)}\n`;
        const frame = new TextDecoder().decode(message.frame);
        if (!frame.startsWith(id)) {
          violated(message, `has a frame that does not start with ${JSON.stringify(id)}.`);
        }
        instance.lastSeq = Math.max(instance.lastSeq, seq);
        instance.deliveredCount++;
        messages.push(message);
        watch.changed();
      },
      lost(seq) {
        losses.push(seq);
        watch.changed();
      },
    }),
  );
  cursor ??= subscription.cursor;
  if (cursor.seq > backend.head().seq) {
    watch.violated(
      `subscribe("${topic}") resolved with the cursor ${cursor.seq}, ahead of head() ${backend.head().seq}.`,
    );
  }
  const early = messages.find(({ seq }) => seq <= recorder.cursor.seq);
  if (early) violated(early, `was fed, and the subscription's cursor is ${cursor.seq}.`);
  if (isClosed) subscription.close();
  return recorder;
}

/** Checks that these are exactly the published messages of the topic after `after`, in order. */
export function checkExactly(
  messages: readonly LogMessage[],
  published: readonly TestPublished[],
  { topic, after = 0 }: { readonly topic: string; readonly after?: number },
): void {
  const expected = published
    .filter(
      ({ channel, seq, duplicate }) => topicCovers(topic, channel) && seq > after && !duplicate,
    )
    .toSorted(bySeq);
  checkEqual(
    messages.map(({ seq }) => seq),
    expected.map(({ seq }) => seq),
    `"${topic}" after position ${after} MUST have every published message once and in order:`,
  );
  for (const [index, message] of messages.entries()) {
    const wanted = expected[index] as TestPublished;
    checkEqual(
      describe(message),
      describeContent(wanted),
      "A message differs from what was published:",
    );
  }
}

/** Waits until a recorder has the published messages, then checks that it has nothing else. */
export async function checkArrived(
  watch: TestWatch,
  recorder: Recorder,
  published: readonly TestPublished[],
): Promise<void> {
  const { topic, messages } = recorder;
  const { seq: after } = recorder.cursor;
  const wanted = published.filter((each) => topicCovers(topic, each.channel) && each.seq > after);
  const last = wanted.toSorted(bySeq).at(-1)?.seq ?? 0;
  await watch
    .until(`"${topic}" to receive message ${last}`, () => (messages.at(-1)?.seq ?? 0) >= last)
    .catch((error: unknown) => {
      // The list of what is missing says more than the timeout.
      if (messages.length > 0) checkExactly(messages, published, { topic, after });
      throw error;
    });
  checkExactly(messages, published, { topic, after });
}

/** Checks that one position is after another. */
export function checkFollows(later: Position, earlier: Position, what: string): void {
  check(later.seq > earlier.seq, `${what}: position ${later.seq} MUST be after ${earlier.seq}.`);
}

export function bySeq(a: Position, b: Position): number {
  return a.seq - b.seq;
}

function describe(message: LogMessage): unknown {
  return describeContent({ ...message, json: messageJson(message) });
}

function describeContent({
  channel,
  event,
  key,
  json,
  raw,
}: Pick<TestPublished, "channel" | "event" | "key" | "json" | "raw">): unknown {
  return { channel, event, key: key ?? null, json, raw };
}
