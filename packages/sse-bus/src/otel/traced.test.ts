import { context, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createBus } from "../core/bus.ts";
import type { Bus } from "../core/bus-types.ts";
import { memoryBackend } from "../core/memory-backend.ts";
import { createPublishHandler } from "../http/publish-handler.ts";
import { webHandler } from "../http/web-call.ts";
import { traced } from "./index.ts";
import { routeContext } from "../http/route-context.ts";

const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
const tracer = provider.getTracer("test");

let bus: Bus;
beforeEach(() => {
  exporter.reset();
  bus = traced(createBus(), { tracer });
});
afterEach(async () => {
  await bus.close();
  trace.disable();
});

const spans = () => exporter.getFinishedSpans();

test("a publish is a producer span with the channel and the message's id, but without its data", async () => {
  const { id } = await bus.publish({ card: "4111" }, { channel: "orders/7", event: "paid" });
  expect(spans()).toHaveLength(1);
  expect(spans()[0]).toMatchObject({
    name: "send",
    kind: SpanKind.PRODUCER,
    attributes: {
      "messaging.system": "sse_bus",
      "messaging.destination.name": "orders/7",
      "messaging.message.id": id,
      "sse_bus.event": "paid",
    },
    status: { code: SpanStatusCode.UNSET },
  });
  expect(JSON.stringify(spans()[0]?.attributes)).not.toContain("4111");
});

test("a publish without options is on the default channel, and one through a channel's handle on that channel", async () => {
  await bus.publish(1);
  await bus.channel("a").publish(2);
  const channels = spans().map(({ attributes }) => attributes["messaging.destination.name"]);
  expect(channels).toEqual(["default", "a"]);
});

test("a batch is one span with the number of its messages, and with their channel if it is one", async () => {
  await bus.publishMany([{ data: 1 }, { data: 2, channel: "a" }]);
  await bus.channel("a").publishMany([{ data: 3 }]);
  await expect(bus.publishMany([{ data: 1, channel: "no spaces" }])).rejects.toMatchObject({
    code: "INVALID_CHANNEL",
  });
  const batches = spans().map(({ attributes }) => [
    attributes["messaging.batch.message_count"],
    attributes["messaging.destination.name"],
    attributes["error.type"],
  ]);
  expect(batches).toEqual([
    [2, undefined, undefined],
    [1, "a", undefined],
    [1, "no spaces", "INVALID_CHANNEL"],
  ]);
});

test("a rejected publish is recorded as an error with its code, and still rejects", async () => {
  await expect(bus.publish(1, { channel: "no spaces" })).rejects.toMatchObject({
    code: "INVALID_CHANNEL",
  });
  expect(spans()[0]).toMatchObject({
    attributes: { "error.type": "INVALID_CHANNEL" },
    status: { code: SpanStatusCode.ERROR },
    events: [{ name: "exception" }],
  });
});

test("a retry that stores nothing is marked", async () => {
  await bus.publish(1, { id: "once" });
  await bus.publish(1, { id: "once" });
  const duplicates = spans().map(({ attributes }) => attributes["sse_bus.duplicate"]);
  expect(duplicates).toEqual([undefined, true]);
});

test("a span is a child of the active one, and a parent of the backend's spans", async () => {
  const manager = new AsyncLocalStorageContextManager().enable();
  context.setGlobalContextManager(manager);
  let within: string | undefined;
  const memory = memoryBackend();
  const watched = traced(
    createBus({
      backend: {
        ...memory,
        publish(entry) {
          within = trace.getActiveSpan()?.spanContext().spanId;
          return memory.publish(entry);
        },
      },
    }),
    { tracer },
  );
  const request = tracer.startSpan("request");
  await context.with(trace.setSpan(context.active(), request), () => watched.publish(1));
  await watched.close();
  context.disable();
  const [span] = spans();
  expect(span?.parentSpanContext?.spanId).toBe(request.spanContext().spanId);
  expect(within).toBe(span?.spanContext().spanId);
});

test("routes accept the traced bus and publish through it", async () => {
  const host = { socketIp: () => undefined, trustedProxies: 0 };
  const env = () => ({ NODE_ENV: "development" });
  const handle = webHandler(createPublishHandler(routeContext(bus), {}, { env }), host);
  const response = await handle(new Request("http://localhost/api/publish?msg=Hello"));
  const { id } = (await response.json()) as { id: string };
  expect(spans()[0]?.attributes["messaging.message.id"]).toBe(id);
});

test("subscriptions, cursors, stats and closing are those of the bus", async () => {
  const seen: unknown[] = [];
  const unsubscribe = bus.subscribe((data) => seen.push(data));
  const { id } = await bus.publish(1);
  expect(seen).toEqual([1]);
  expect(await bus.cursor()).toBe(id);
  expect(bus.stats().published).toBe(1);
  unsubscribe();
  await bus.close();
  await expect(bus.publish(2)).rejects.toMatchObject({ code: "BUS_CLOSED" });
});

test("a provider registered later is used, and publishing works without one", async () => {
  const late = traced(createBus());
  await late.publish(1);
  expect(spans()).toHaveLength(0);
  trace.setGlobalTracerProvider(provider);
  await late.publish(2);
  expect(spans()).toHaveLength(1);
  await late.close();
});
