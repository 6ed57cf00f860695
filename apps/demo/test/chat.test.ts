import { expect, test } from "vitest";
import { type ChatMessage, conversation } from "../features/chat/conversation";
import { mockModel } from "../features/chat/mock-model";
import { textOf, toUIMessage } from "../features/chat/ui-message";

const at = { id: "1-0-a", channel: "chats/a", event: "message", time: 0 };
const question = (id: string): ChatMessage => ({ id, role: "user", text: id });

test("a conversation keeps its last 30 messages, each once, until it is cleared", () => {
  const { reduce, initial } = conversation("a");
  const ids = Array.from({ length: 35 }, (_, index) => `m${index}`);
  const full = ids.reduce((all, id) => reduce(all, question(id), at), initial);
  expect(full.map(({ id }) => id)).toEqual(ids.slice(5));
  const again = reduce(full, question("m9"), at);
  expect(again).toHaveLength(30);
  expect(again.at(-1)?.id).toBe("m9");
  expect(reduce(again, null, at)).toEqual([]);
});

test("a message keeps its text in the form of useChat", () => {
  expect(textOf(toUIMessage(question("Who are you?")))).toBe("Who are you?");
});

test.each([
  ["Please count to 4.", "1 2 3 4"],
  ["Count to 0", /mock model/],
  ["What if I reload now?", /reload/],
  ["", /mock model/],
])("the mock model's answer to %j is always the same", async (text, answer) => {
  const prompt = [{ role: "user" as const, content: [{ type: "text" as const, text }] }];
  const { stream } = await mockModel(0).doStream({ prompt });
  let given = "";
  for await (const part of stream) if (part.type === "text-delta") given += part.delta;
  expect(given).toEqual(typeof answer === "string" ? answer : expect.stringMatching(answer));
});
