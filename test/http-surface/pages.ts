import { expect, test } from "vitest";
import { waitFor } from "../support/wait-for.ts";

/** What the tests of pages use of a running server. */
export interface PageSurface {
  /** A channel of its own for each test. */
  channel(): string;
  /** The URL of the stream with this query. */
  stream(query: string): string;
  publish(data: unknown, options: Record<string, string>): Promise<{ id: string }>;
  connections(): Promise<number>;
}

interface JsonPage {
  readonly messages: readonly { readonly id: string; readonly data: unknown }[];
  readonly cursor: string;
  readonly more: boolean;
}

const JSON_TYPE = { Accept: "application/json" };

/** What every server must do with `wait` in the query. */
export function testPages({ channel, stream, publish, connections }: PageSurface): void {
  const from = (cursor: string): string => `from=${encodeURIComponent(cursor)}`;

  test("wait=0 answers with a page, whose events end with the cursor to continue from", async () => {
    const name = channel();
    const ids: string[] = [];
    for (const n of [1, 2, 3]) ids.push((await publish(n, { channel: name })).id);
    const response = await fetch(stream(`channel=${name}&wait=0&limit=1&${from(ids[0] ?? "")}`));
    const text = await response.text();
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    // Next.js sends every answer of a route in chunks, or compressed.
    if (response.headers.get("transfer-encoding") !== "chunked") {
      expect(response.headers.get("content-length")).toBe(String(Buffer.byteLength(text)));
    }
    expect(text.match(/^(?:event|id): .*$/gm)).toEqual([
      expect.stringMatching(/^id: /),
      "event: hello",
      `id: ${ids[1]}`,
      `id: ${ids[1]?.split("@")[0]}`,
      "event: bye",
    ]);
    expect(text).toContain('data: {"reason":"page","retryMs":0,"more":true}');
  });

  test("a program reads history page by page, as JSON", async () => {
    const name = channel();
    for (const n of [1, 2, 3, 4, 5]) await publish(n, { channel: name });
    const seen: unknown[] = [];
    let page: JsonPage | undefined;
    while (page?.more !== false) {
      const start = page ? from(page.cursor) : "from=earliest";
      const url = stream(`channel=${name}&wait=0&limit=2&${start}`);
      const response = await fetch(url, { headers: JSON_TYPE });
      expect(response.headers.get("content-type")).toBe("application/json");
      page = (await response.json()) as JsonPage;
      seen.push(...page.messages.map(({ data }) => data));
    }
    expect(seen).toEqual([1, 2, 3, 4, 5]);
  });

  test("a full page has an ETag, and is not sent again", async () => {
    const name = channel();
    const { id } = await publish(0, { channel: name });
    for (const n of [1, 2]) await publish(n, { channel: name });
    const url = stream(`channel=${name}&wait=0&limit=1&${from(id)}`);
    const first = await fetch(url);
    expect(await first.text()).toContain("data: 1");
    const etag = first.headers.get("etag") ?? "";
    expect(etag).not.toBe("");
    const again = await fetch(url, { headers: { "If-None-Match": etag }, cache: "no-store" });
    expect(again.status).toBe(304);
    expect(again.headers.get("etag")).toBe(etag);
  });

  test("a long poll is answered with the next message, and its cursor continues", async () => {
    const name = channel();
    const { id } = await publish(0, { channel: name });
    let cursor = id;
    for (const n of [1, 2]) {
      const url = stream(`channel=${name}&wait=30&${from(cursor)}`);
      const answer = fetch(url, { headers: JSON_TYPE });
      await waitFor("the poll to wait", async () => (await connections()) > 0);
      const published = publish(n, { channel: name });
      const page = (await (await answer).json()) as JsonPage;
      expect(page.messages.map(({ data }) => data)).toEqual([n]);
      expect((await published).id).toBe(page.messages[0]?.id);
      ({ cursor } = page);
    }
  });

  test("a long poll ends empty after its time", async () => {
    const response = await fetch(stream(`channel=${channel()}&wait=1`), { headers: JSON_TYPE });
    expect(await response.json()).toMatchObject({ messages: [], more: false });
  });

  test("a long poll whose client disconnects is cleaned up at once", async () => {
    await waitFor("no stream to be left", async () => (await connections()) === 0);
    const abort = new AbortController();
    const answer = fetch(stream(`channel=${channel()}&wait=60`), { signal: abort.signal });
    await waitFor("the poll to wait", async () => (await connections()) === 1);
    abort.abort();
    await expect(answer).rejects.toThrow(/abort/i);
    await waitFor("the poll to be freed", async () => (await connections()) === 0);
  });

  test("HEAD with wait returns the headers of a page", async () => {
    const response = await fetch(stream("wait=30"), { method: "HEAD", headers: JSON_TYPE });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("vary")).toContain("Accept");
  });
}
