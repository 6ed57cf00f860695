import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { publishTo, startHub } from "../hub/hub-process.ts";
import { startNginxHttp } from "../support/nginx.ts";
import { replaceOnce } from "../support/replace-once.ts";
import { repository } from "../support/repository.ts";
import type { Restartable } from "../support/restartable.ts";

const READERS = 1000;
const LIMIT = 50;
const PAGES = 10;

interface JsonPage {
  readonly messages: readonly { readonly data: unknown }[];
  readonly cursor: string;
  readonly more: boolean;
}

/** deploy/proxies/nginx-cache.conf with the addresses of the test. */
async function startCache(upstreamPort: number): Promise<Restartable> {
  const text = await readFile(join(repository, "deploy/proxies/nginx-cache.conf"), "utf8");
  return startNginxHttp((port) =>
    [
      ["/var/cache/nginx/sse-bus", "cache"],
      ["listen 80;", `listen 127.0.0.1:${port} backlog=4096;`],
      ["127.0.0.1:4000", `127.0.0.1:${upstreamPort}`],
    ].reduce((config, [from = "", to = ""]) => replaceOnce(config, from, to), text),
  );
}

test(`${READERS} cold readers of the same pages through an nginx cache cost a few requests to the server`, async () => {
  await using hub = await startHub({ args: ["--public"] });
  await using nginx = await startCache(hub.port);
  const count = LIMIT * PAGES + 1;
  const first = await publishTo(hub, 0, "news");
  for (let n = 1; n < count; n++) await publishTo(hub, n, "news");
  const before = await requestsTo(hub.url);

  async function readPage(cursor: string): Promise<JsonPage> {
    const url = `${nginx.url}/sse?channel=news&wait=0&limit=${LIMIT}&from=${encodeURIComponent(cursor)}`;
    const response = await fetch(url, { headers: { Accept: "application/json" } });
    expect(response.status).toBe(200);
    return (await response.json()) as JsonPage;
  }

  const one = await Promise.all(Array.from({ length: READERS }, async () => readPage(first.id)));
  const forOnePage = (await requestsTo(hub.url)) - before;
  expect(one.every(({ messages, more }) => more && messages.length === LIMIT)).toBe(true);

  // Each page names the next, and the last one, which is not full, is not cached.
  async function readFull(): Promise<number[]> {
    const seen: number[] = [];
    let cursor = first.id;
    for (let page = 1; page < PAGES; page++) {
      const { messages, cursor: next } = await readPage(cursor);
      seen.push(...messages.map(({ data }) => data as number));
      cursor = next;
    }
    return seen;
  }
  const all = await Promise.all(Array.from({ length: READERS / 10 }, readFull));
  const forAllPages = (await requestsTo(hub.url)) - before - forOnePage;
  const expected = Array.from({ length: LIMIT * (PAGES - 1) }, (_, n) => n + 1);
  for (const seen of all) expect(seen).toEqual(expected);

  console.log(
    `${READERS} readers of one page: ${forOnePage} requests; ${READERS / 10} of the ${PAGES - 2} after it: ${forAllPages}`,
  );
  expect(forOnePage).toBeLessThanOrEqual(20);
  expect(forAllPages).toBeLessThanOrEqual(PAGES - 2);
});

/** How many pages the hub has made. */
async function requestsTo(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^sse_bus_pages_total (\d+)$/m.exec(text)?.[1]);
}
