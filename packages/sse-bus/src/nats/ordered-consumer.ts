import { type Delivery, statusOf, toDelivery } from "./delivery.ts";
import { type ConsumerConfig, toMs } from "./jetstream-types.ts";
import type { JetStream } from "./jetstream.ts";
import type { NatsServerConnection } from "./connection.ts";
import type { NatsMessage } from "./client-types.ts";
import { unavailableError } from "./errors.ts";
import { inBackground, startInterval } from "../core/timers.ts";

/**
 * Delivers all messages of the stream from a position on, in order. The server numbers its deliveries
 * and sends the count with each idle heartbeat. So a message lost between the servers of a cluster is
 * detected too, although no connection of this process breaks.
 */
export interface OrderedConsumer {
  /** The number of messages to deliver when it started. */
  readonly pendingAtStart: number;
  /** The server's time when it started, in ms since 1970. */
  readonly startedMs: number;
  readonly isBroken: boolean;
  /** Flow control: the server stops after the messages already sent, until {@connection resume}. */
  pause(): void;
  resume(): void;
  /** Stops deliveries immediately. Resolves when the server has deleted the consumer, if it is reachable. */
  close(): Promise<void>;
}

export interface OrderedConsumerOptions {
  readonly startSeq: number;
  readonly heartbeatMs: number;
  readonly inboxPrefix: string;
  onDelivery(delivery: Delivery): void;
  /** All messages of the stream are delivered for now. */
  onIdle(): void;
  /** A message was lost, or the server stopped sending. No delivery follows. */
  onBroken(error: Error, isSilent: boolean): void;
}

const MAX_MISSED_HEARTBEATS = 3;

export async function startOrderedConsumer(
  { connection, js }: { readonly connection: NatsServerConnection; readonly js: JetStream },
  options: OrderedConsumerOptions,
): Promise<OrderedConsumer> {
  const { startSeq, heartbeatMs, inboxPrefix, onDelivery, onIdle, onBroken } = options;
  const name = `sse-bus-${crypto.randomUUID()}`;
  const inbox = `${inboxPrefix}.${name}`;
  let received = 0;
  let missedHeartbeats = 0;
  let isEnded = false;
  let isBroken = false;
  let isPaused = false;
  /** The subject on which the server waits for a flow control answer. */
  let unansweredFlowControl: string | undefined;

  const unsubscribe = connection.subscribe(inbox, (message) => {
    if (isEnded) return;
    missedHeartbeats = 0;
    const delivery = toDelivery(message);
    if (!delivery) return control(message);
    if (delivery.count !== received + 1) return fail("A message was lost on the way.");
    received++;
    onDelivery(delivery);
  });
  // While this process stalls, the timer does not fire either, so a stall does not count as silence.
  const countMissed = (): void => {
    missedHeartbeats++;
    if (missedHeartbeats > MAX_MISSED_HEARTBEATS) fail("NATS has gone silent.", true);
  };
  const timer = inBackground(startInterval(countMissed, heartbeatMs));

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
    unansweredFlowControl = subject;
    if (isPaused || !connection.isUp) return;
    connection.publish(subject, "");
    unansweredFlowControl = undefined;
  }

  function fail(reason: string, isSilent = false): void {
    if (isEnded) return;
    isBroken = true;
    end();
    onBroken(unavailableError(reason), isSilent);
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
      if (unansweredFlowControl !== undefined && !isEnded) answer(unansweredFlowControl);
    },
    async close() {
      if (!isEnded) end();
      // Best effort: the server deletes an unused consumer by itself.
      if (connection.isUp) await js.deleteConsumer(name).catch(() => {});
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
