import type { Bus, Gap, Message } from "../../packages/sse-bus/src/index.ts";

/** A subscriber that keeps what it receives. */
export interface TestSubscriber {
  readonly messages: Message[];
  readonly gaps: Gap[];
  readonly ids: string[];
  readonly data: unknown[];
  close(): void;
}

export interface SubscribeOptions {
  /** @default "orders" */
  readonly channel?: string;
  readonly after?: string | undefined;
}

export function subscribe(
  bus: Pick<Bus, "subscribe">,
  { channel = "orders", after }: SubscribeOptions = {},
): TestSubscriber {
  const messages: Message[] = [];
  const gaps: Gap[] = [];
  const ids: string[] = [];
  const data: unknown[] = [];
  const close = bus.subscribe(
    (_, message) => {
      messages.push(message);
      ids.push(message.id);
      data.push(message.data);
    },
    { channel, after, onGap: (gap) => void gaps.push(gap) },
  );
  return { messages, gaps, ids, data, close };
}

/**
 * Like {@link subscribe}, but resolves when the subscriber is live, so that it cannot miss what
 * another bus publishes next: a publish waits for all subscribers of its own bus.
 */
export async function subscribeLive(bus: Bus, options?: SubscribeOptions): Promise<TestSubscriber> {
  const subscriber = subscribe(bus, options);
  await bus.publish("live", { channel: "live" });
  return subscriber;
}
