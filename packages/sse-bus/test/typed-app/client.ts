// Lines that must not compile are marked; typed-app.test.ts compiles this folder.
import { createSseClient, type SseClient } from "sse-bus/client";
import type { bus, Channels } from "./bus.ts";
import { same } from "./same.ts";

const client = createSseClient<typeof bus>();
same<typeof client, SseClient<Channels>>();

client.subscribe("default", (text) => same<typeof text, string>());
client.subscribe("orders/42", (data, message) => {
  same<typeof data, { total: number } | { why: string }>();
  if (message.event === "cancelled") same<typeof message.data, { why: string }>();
});
client.subscribe("orders/*", (data) => same<typeof data, { why: string }>(), {
  event: "cancelled",
});
// A Date travels as JSON.
client.subscribe("clock", (data, message) => {
  same<typeof data, { at: string }>();
  same<typeof message.data, { at: string }>();
});
// @ts-expect-error -- the channel is not declared
client.subscribe("nowhere", () => {});
// @ts-expect-error -- the channel has no such event
client.subscribe("orders/42", () => {}, { event: "shipped" });
// @ts-expect-error -- data of another type
client.subscribe("default", (text: number) => text);

const untyped = createSseClient();
untyped.subscribe("anything", (data: { any: true }) => data, { event: "any" });
