import type { Bus } from "../../core/bus-types.ts";
import { topicCovers } from "../../core/channel-name.ts";
import type { Gap } from "../../core/packet.ts";
import { parseCursor } from "../../core/position.ts";
import { checkEqual, fail } from "./check.ts";
import { eventLoop } from "./load.ts";
import type { TestWatch } from "./test-watch.ts";

/** A message that a test published. */
export interface Sent {
  readonly id: string;
  readonly channel: string;
}

/** A subscriber of a bus, and what it received. */
export interface BusSubscriber {
  readonly channel: string;
  readonly after: string | undefined;
  readonly received: string[];
  readonly gaps: Gap[];
  isClosed: boolean;
  close(): void;
}

/** Publishes, and retries while the server is unreachable. */
export async function send(watch: TestWatch, bus: Bus, channel: string): Promise<Sent> {
  const data = watch.nextValue();
  const id = `send ${data}`;
  const deadline = Date.now() + watch.timeoutMs;
  for (;;) {
    try {
      return await watch.within("bus.publish()", bus.publish(data, { channel, id }));
    } catch (error) {
      if ((error as { code?: string }).code !== "BACKEND_UNAVAILABLE") throw error;
      if (Date.now() > deadline) throw error;
      await eventLoop();
    }
  }
}

/** Publishes a batch. */
export async function sendMany(
  watch: TestWatch,
  bus: Bus,
  channels: readonly string[],
): Promise<Sent[]> {
  const messages = channels.map((channel) => ({ data: watch.nextValue(), channel }));
  return watch.within("bus.publishMany()", bus.publishMany(messages));
}

export function subscribeTo(
  watch: TestWatch,
  bus: Bus,
  { channel, after }: { readonly channel: string; readonly after?: string | undefined },
): BusSubscriber {
  const subscriber: BusSubscriber = {
    channel,
    after,
    received: [],
    gaps: [],
    isClosed: false,
    close: () => {},
  };
  const unsubscribe = bus.subscribe(
    (_data, { id, channel: from }) => {
      if (subscriber.isClosed)
        watch.violated(`A subscriber of "${channel}" was called after it was closed.`);
      if (!topicCovers(channel, from))
        watch.violated(`"${channel}" received a message of "${from}".`);
      const last = subscriber.received.at(-1);
      const isNewer = last === undefined || seqOf(id) > seqOf(last) || subscriber.gaps.length > 0;
      if (!isNewer) watch.violated(`On "${channel}", ${id} came after ${last}.`);
      subscriber.received.push(id);
      watch.changed();
    },
    {
      channel,
      after,
      onGap(gap) {
        subscriber.gaps.push(gap);
        watch.changed();
      },
    },
  );
  subscriber.close = () => {
    subscriber.isClosed = true;
    unsubscribe();
  };
  return subscriber;
}

/** Checks that the subscriber received every message since its start, once and in order. */
export async function checkReceived(
  watch: TestWatch,
  subscriber: BusSubscriber,
  sent: readonly Sent[],
): Promise<void> {
  const { channel, received, gaps, isClosed } = subscriber;
  const expected = sent
    .filter((each) => topicCovers(channel, each.channel))
    .toSorted((a, b) => seqOf(a.id) - seqOf(b.id))
    .map(({ id }) => id);
  // A subscriber without a cursor starts with its first message.
  const start = subscriber.after ?? received[0];
  if (start === undefined) return;
  const from = seqOf(start) + (subscriber.after === undefined ? 0 : 1);
  const due = expected.filter((id) => seqOf(id) >= from);
  if (!isClosed) {
    await watch.until(
      `A subscriber of "${channel}" after ${subscriber.after} to receive ${due.length} messages (${received.length} so far)`,
      () => received.length >= due.length,
    );
  }
  checkEqual(
    received,
    isClosed ? due.slice(0, received.length) : due,
    `A subscriber of "${channel}" after ${subscriber.after} MUST receive:`,
  );
  checkEqual(gaps, [], "Nothing was lost, so no gap:");
}

function seqOf(id: string): number {
  return parseCursor(id)?.seq ?? fail(`Not an id: ${id}`);
}
