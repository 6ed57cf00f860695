import { type Delivery, statusOf, toDelivery } from "./delivery.ts";
import { type ConsumerConfig, type JetStream, toMs } from "./jetstream.ts";
import type { Link } from "./link.ts";
import type { NatsMessage } from "./nats-connection.ts";
import { unavailable } from "./unavailable.ts";
import { startInterval } from "../core/timers.ts";

/**
 * Everything that comes into the stream from some position on, in order and without a hole on the
 * way: the server counts what it sends and tells the count with every beat, so that a message lost
 * between the servers of a cluster, where no connection of ours breaks, is noticed too.
 */
export interface OrderedConsumer {
  /** How many messages were there when it started. */
  readonly pendingAtStart: number;
  /** The server's time when it started, in ms since 1970. */
  readonly startedMs: number;
  readonly isBroken: boolean;
  /** Lets the server stop after what is under way, until {@link resume}. */
  pause(): void;
  resume(): void;
  /** Ends it here at once, and resolves when the server has been told, if it can be. */
  close(): Promise<void>;
}

export interface OrderedConsumerOptions {
  readonly startSeq: number;
  readonly heartbeatMs: number;
  readonly inboxPrefix: string;
  onDelivery(delivery: Delivery): void;
  /** The server has nothing more to deliver for now, and all that it sent has come. */
  onIdle(): void;
  /** Something was lost on the way, or the server is silent: nothing more comes from this one. */
  onBroken(error: Error, isSilent: boolean): void;
}

const MAX_MISSED_BEATS = 3;

export async function startOrderedConsumer(
  { link, js }: { readonly link: Link; readonly js: JetStream },
  options: OrderedConsumerOptions,
): Promise<OrderedConsumer> {
  const { startSeq, heartbeatMs, inboxPrefix, onDelivery, onIdle, onBroken } = options;
  const name = `sse-bus-${crypto.randomUUID()}`;
  const inbox = `${inboxPrefix}.${name}`;
  let received = 0;
  let missedBeats = 0;
  let isEnded = false;
  let isBroken = false;
  let isPaused = false;
  /** Where the server waits to hear that what it sent has been taken. */
  let unanswered: string | undefined;

  const unsubscribe = link.subscribe(inbox, (message) => {
    if (isEnded) return;
    missedBeats = 0;
    const delivery = toDelivery(message);
    if (!delivery) return control(message);
    if (delivery.count !== received + 1) return fail("A message was lost on the way.");
    received++;
    onDelivery(delivery);
  });
  // A process that stalls gets no beats either, but its timer does not fire for each one missed.
  const timer = startInterval(() => {
    missedBeats++;
    if (missedBeats > MAX_MISSED_BEATS) fail("NATS has gone silent.", true);
  }, heartbeatMs);
  (timer as { unref?: () => void }).unref?.();

  function control(message: NatsMessage): void {
    if (statusOf(message) !== 100) return fail(`NATS ended it: ${message.headers?.description}.`);
    if (message.reply) return answer(message.reply);
    const sent = message.headers?.get("Nats-Last-Consumer");
    if (sent !== undefined && sent !== "" && Number(sent) !== received) {
      return fail("A message was lost on the way.");
    }
    const stalled = message.headers?.get("Nats-Consumer-Stalled");
    if (stalled) answer(stalled);
    else onIdle();
  }

  function answer(subject: string): void {
    unanswered = subject;
    if (isPaused || !link.isUp) return;
    link.publish(subject, "");
    unanswered = undefined;
  }

  function fail(reason: string, isSilent = false): void {
    if (isEnded) return;
    isBroken = true;
    end();
    onBroken(unavailable(reason), isSilent);
  }

  function end(): void {
    isEnded = true;
    clearInterval(timer);
    unsubscribe();
  }

  const consumer = {
    pendingAtStart: 0,
    startedMs: 0,
    get isBroken() {
      return isBroken;
    },
    pause() {
      isPaused = true;
    },
    resume() {
      isPaused = false;
      if (unanswered !== undefined && !isEnded) answer(unanswered);
    },
    async close() {
      if (!isEnded) end();
      // Best effort: without us it goes by itself after a while.
      if (link.isUp) await js.deleteConsumer(name).catch(() => {});
    },
  };

  try {
    const config: ConsumerConfig = {
      deliver_policy: "by_start_sequence",
      opt_start_seq: startSeq,
      deliver_subject: inbox,
      flow_control: true,
      idle_heartbeat: heartbeatMs * 1_000_000,
    };
    const info = await js.createConsumer(name, config);
    consumer.pendingAtStart = info.num_pending;
    consumer.startedMs = toMs(info.created);
  } catch (error) {
    await consumer.close();
    throw error;
  }
  return consumer;
}
