import { createBus } from "sse-bus";
import { createHub } from "sse-bus/hub";
import { expect, test } from "vitest";

interface Page {
  messages: { id: string; channel: string; event: string; data: { n: number }; time: number }[];
  gap?: { channels: string[]; reason: string };
  cursor: string;
  more: boolean;
}

test("a program reads history page by page, then waits for what is new", async () => {
  await using bus = createBus();
  await using hub = createHub({ bus });
  const url = await hub.listen(0);

  async function* follow(channel: string) {
    let from = "earliest";
    for (;;) {
      const query = new URLSearchParams({ channel, from, limit: "2", wait: "20" });
      const response = await fetch(`${url}/sse?${query}`, {
        headers: { Accept: "application/json" },
      });
      if (!response.ok) throw new Error(await response.text()); // 429, 503: retry later
      const page = (await response.json()) as Page;
      if (page.gap) console.warn("messages may be missing", page.gap);
      yield* page.messages;
      from = page.cursor;
    }
  }

  for (let n = 1; n <= 5; n++) await bus.publish({ n }, { channel: "orders/1" });
  const seen: number[] = [];
  for await (const { data } of follow("orders/*")) {
    seen.push(data.n);
    if (data.n === 5) void bus.publish({ n: 6 }, { channel: "orders/2" });
    if (data.n === 6) break;
  }
  expect(seen).toEqual([1, 2, 3, 4, 5, 6]);
});
