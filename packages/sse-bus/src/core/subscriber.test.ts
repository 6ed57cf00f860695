import { expect, test } from "vitest";
import type { Backend } from "./backend.ts";
import { createBus } from "./bus.ts";
import { memoryBackend } from "./memory-backend.ts";
import { createMessage, type LogMessage } from "./message.ts";

/** A backend that does not check what its log contains: the data of events "broken" is no JSON. */
function uncheckedBackend(): Backend {
  const inner = memoryBackend();
  const readAs = (message: LogMessage): LogMessage =>
    message.event === "broken"
      ? createMessage({ ...message, json: "{oops", raw: false }, message, inner.head().epoch)
      : message;
  return {
    ...inner,
    subscribe: async (topic, feed) =>
      inner.subscribe(topic, { ...feed, message: (message) => feed.message(readAs(message)) }),
    async read(topic) {
      const { messages, horizon } = await inner.read(topic);
      return { messages: messages.map(readAs), horizon };
    },
  };
}

test("data that cannot be read is reported to onError, and no subscriber misses another message", async () => {
  const errors: Error[] = [];
  await using bus = createBus({
    backend: uncheckedBackend(),
    onError: (error) => errors.push(error),
  });
  const seen: Record<string, unknown[]> = { first: [], second: [], all: [] };
  const gaps: unknown[] = [];
  const follow = (name: string, channel: string, after?: string): void => {
    bus.subscribe((data, { id }) => seen[name]?.push([data, id]), {
      channel,
      after,
      onGap: (gap) => gaps.push(gap),
    });
  };
  follow("first", "a");
  follow("second", "a");
  follow("all", "**");
  const one = await bus.publish(1, { channel: "a" });
  const broken = await bus.publish("x", { channel: "a", event: "broken" });
  const two = await bus.publish(2, { channel: "a" });

  const expected = [
    [1, one.id],
    [2, two.id],
  ];
  expect(seen).toEqual({ first: expected, second: expected, all: expected });
  expect(await bus.cursor()).toBe(two.id.split("@")[0]);
  const unread = expect.objectContaining({
    code: "INVALID_DATA",
    message: expect.stringContaining('of "a" is left out because it cannot be read'),
  });
  expect(errors).toEqual([unread, unread, unread]);

  // From history too: a subscriber can start at the message, before it, and after it.
  for (const [name, { id }] of Object.entries({ before: one, at: broken })) {
    seen[name] = [];
    follow(name, "a", id);
    await expect.poll(() => seen[name]).toEqual([[2, two.id]]);
  }
  expect(gaps).toEqual([]);
  expect(errors).toEqual([unread, unread, unread, unread]);
});
