import { describe, expect, test } from "vitest";

import type { NewMessage } from "../core/backend.ts";
import { createHistoryResolver } from "../core/history.ts";
import { epochOf } from "./epoch.ts";
import { createLogFollower, type NatsLogFollower } from "./log-follower.ts";
import type { PublishAck, StoredMessage, StreamInfo } from "./jetstream-types.ts";
import type { JetStream } from "./jetstream.ts";
import { createPublisher } from "./publisher.ts";
import type { LogStream } from "./log-stream.ts";
import { createSubjects } from "./subjects.ts";
import { unavailableError } from "./errors.ts";

// A real server cannot be made to do this between two steps of the publisher.

const entry: NewMessage = { channel: "a", event: "message", key: undefined, json: "1", id: "x" };
const base64 = Buffer.from("1").toString("base64");
const time = "2026-11-23T01:33:01.603982186Z";
const OLD = "2026-01-01T00:00:00Z";
const NEW = "2026-01-02T00:00:00Z";

describe("publisher", () => {
  test("a message of the old log is lost when the log restarts", async () => {
    const { publish, follower, log } = setUp({ seq: 12 });
    log.created = NEW;
    log.reconnect = () => follower.begin(epoch(NEW), { seq: 3, time: 0 });
    for (const other of [undefined, { subject: "bus.c.b", data: base64 }]) {
      log.stored = other && { ...other, seq: 12, time };
      await expect(publish(entry)).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
      follower.begin(epoch(OLD), { seq: 10, time: 0 });
    }
  });

  test("a message that is in the new log has a position of the new log", async () => {
    const { publish, follower, log } = setUp({ seq: 12 });
    log.created = NEW;
    log.stored = { subject: "bus.c.a", data: base64, seq: 12, time };
    log.reconnect = () => follower.begin(epoch(NEW), { seq: 3, time: 0 });
    expect(await publish(entry)).toEqual({
      seq: 12,
      time: Date.parse(time),
      epoch: epoch(NEW),
      channel: "a",
      duplicate: false,
    });
  });

  test("a position that was assigned before means that the log has lost messages", async () => {
    const { publish, follower, log } = setUp({ seq: 9 });
    log.stored = { subject: "bus.c.a", data: base64, seq: 9, time };
    log.reconnect = () => follower.begin("renewed", { seq: 9, time: 0 });
    expect(await publish(entry)).toMatchObject({ seq: 9, epoch: "renewed" });
    expect(log.reconnects).toBe(1);
  });

  test("a repeated id gets the first message's position and time, from the log", async () => {
    const { publish, log } = setUp({ seq: 5, duplicate: true });
    log.stored = { subject: "bus.k.aGk.a", seq: 5, time };
    expect(await publish(entry)).toEqual({
      seq: 5,
      time: Date.parse(time),
      epoch: epoch(OLD),
      channel: "a",
      duplicate: true,
    });
    log.stored = undefined;
    expect(await publish(entry)).toMatchObject({ seq: 5, channel: "a", duplicate: true });
    expect(log.reconnects).toBe(0);
  });

  test("of a batch, the outcome says which messages are stored", async () => {
    const { publishMany, log, follower } = setUp({ seq: 11 });
    log.failures = 0;
    log.refused = "b";
    const batch = ["a", "b", "a"].map((channel) => ({ ...entry, channel }));
    const published = publishMany(batch);
    await new Promise((resolve) => setImmediate(resolve));
    follower.accept(delivery(11));
    const outcomes = await published;
    expect(outcomes.map((one) => ("error" in one ? one.error : one.seq))).toEqual([
      11,
      expect.objectContaining({ code: "BACKEND_UNAVAILABLE" }),
      11,
    ]);
    // A message that was not received is not sent again: it would be stored after those behind it.
    expect([log.sent, log.reconnects]).toEqual([3, 0]);
  });

  test("a batch of which no server received a message is sent again", async () => {
    const { publishMany, log, follower } = setUp({ seq: 11 });
    log.failures = 2;
    const published = publishMany([entry, entry]);
    await new Promise((resolve) => setImmediate(resolve));
    follower.accept(delivery(11));
    expect(await published).toMatchObject([{ seq: 11 }, { seq: 11 }]);
    expect([log.sent, log.reconnects]).toEqual([4, 1]);
  });

  test("a publish that no server received is retried after the reconnect, at most three times", async () => {
    const { publish, log, follower } = setUp({ seq: 11 });
    log.failures = 1;
    const published = publish(entry);
    await new Promise((resolve) => setImmediate(resolve));
    follower.accept(delivery(11));
    expect(await published).toMatchObject({ seq: 11 });
    expect([log.sent, log.reconnects]).toEqual([2, 1]);
    log.failures = 99;
    await expect(publish(entry)).rejects.toMatchObject({ code: "BACKEND_UNAVAILABLE" });
    expect([log.sent, log.reconnects]).toEqual([5, 3]);
  });
});

interface FakeLog {
  created: string;
  stored: StoredMessage | undefined;
  failures: number;
  /** The channel that no server takes messages of. */
  refused: string | undefined;
  sent: number;
  reconnects: number;
  reconnect(): void;
}

function setUp(ack: PublishAck) {
  const subjects = createSubjects("bus");
  const log: FakeLog = {
    created: OLD,
    stored: undefined,
    failures: 0,
    refused: undefined,
    sent: 0,
    reconnects: 0,
    reconnect: () => {},
  };
  const follower: NatsLogFollower = createLogFollower({
    subjects,
    onError: () => {},
    detectLosses: async () => [],
    onHold: () => {},
    onDelivered: () => {},
  });
  follower.begin(epoch(OLD), { seq: 10, time: 0 });
  const { publish, publishMany } = createPublisher({
    js: {
      async publish(subject) {
        log.sent++;
        if (log.failures-- > 0 || subject === `bus.c.${log.refused}`)
          throw unavailableError("No.", { isNoResponders: () => true });
        return ack;
      },
      message: async () => log.stored,
    } as Partial<JetStream> as JetStream,
    stream: { grow: async () => {} } as Partial<LogStream> as LogStream,
    subjects,
    follower,
    reconnector: {
      start() {
        log.reconnects++;
        log.reconnect();
      },
      settled: async () => true,
    } as never,
    host: { history: createHistoryResolver() } as never,
    timeoutMs: 1000,
    streamInfo: async () => infoOf(log.created),
  });
  return { publish, publishMany, follower, log };
}

function infoOf(created: string): StreamInfo {
  return {
    created,
    config: { name: "bus", max_age: 0, max_msgs_per_subject: -1 },
    state: { first_seq: 1, last_seq: 10, last_ts: created },
  };
}

function epoch(created: string): string {
  return epochOf(infoOf(created));
}

function delivery(seq: number) {
  const data = new TextEncoder().encode("1");
  return { subject: "bus.c.a", data, headers: undefined, seq, time: seq, count: 1, pending: 0 };
}
