import type { Bus, Gap, Message } from "../../packages/sse-bus/src/index.ts";

/** What a listener heard. */
export interface Ear {
  readonly heard: Message[];
  readonly gaps: Gap[];
  close(): void;
}

export interface EarOptions {
  /** @default "orders" */
  readonly channel?: string;
  readonly after?: string;
}

export function hear(bus: Bus, { channel = "orders", after }: EarOptions = {}): Ear {
  const heard: Message[] = [];
  const gaps: Gap[] = [];
  const close = bus.subscribe((_, message) => void heard.push(message), {
    channel,
    after,
    onGap: (gap) => void gaps.push(gap),
  });
  return { heard, gaps, close };
}

/**
 * {@link hear}, and live when it resolves: "from now on" is otherwise a race with what another bus
 * publishes next. A bus's own publishes wait for its listeners, whatever their channels.
 */
export async function hearLive(bus: Bus, options?: EarOptions): Promise<Ear> {
  const ear = hear(bus, options);
  await bus.publish("live", { channel: "live" });
  return ear;
}
