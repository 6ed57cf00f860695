import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { publishTo, startHub } from "../hub/hub-process.ts";
import { openStream } from "../support/event-stream.ts";
import type { ProgramName } from "../support/programs.ts";
import { startProxy } from "../support/proxy.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { repository } from "../support/repository.ts";
import type { Restartable } from "../support/restartable.ts";
import { type BrowserName, launchTestBrowser, type TestBrowser } from "../support/test-browser.ts";
import { waitFor } from "../support/wait-for.ts";

/** Longer than any `retry` at a drain: browsers come back while the proxy still has nobody to ask. */
const downMs = 3_000;

interface DeployFile {
  /** In docs/deploy. */
  readonly name: string;
  /** The file's text, for a proxy of a test: as it is, but for addresses. */
  readonly start: (text: string) => Promise<Restartable>;
}

const files: readonly DeployFile[] = [
  {
    name: "nginx.conf",
    start: (text) =>
      start("nginx", {
        config: ({ port, folder }) => `
          daemon off;
          pid ${folder}/nginx.pid;
          error_log stderr;
          events {}
          http {
            access_log off;
            client_body_temp_path ${folder}/body;
            proxy_temp_path ${folder}/proxy;
            fastcgi_temp_path ${folder}/fastcgi;
            uwsgi_temp_path ${folder}/uwsgi;
            scgi_temp_path ${folder}/scgi;
            ${replaceOnce(text, "listen 80;", `listen 127.0.0.1:${port};`)}
          }`,
        args: ({ folder, file }) => ["-p", folder, "-c", file, "-e", "stderr"],
      }),
  },
  {
    name: "haproxy.cfg",
    start: (text) =>
      start("haproxy", {
        config: ({ port }) => replaceOnce(text, "bind :80", `bind 127.0.0.1:${port}`),
        args: ({ file }) => ["-db", "-f", file],
      }),
  },
  {
    name: "Caddyfile",
    start: (text) =>
      start("caddy", {
        config: ({ port }) =>
          `{\n\tadmin off\n\tauto_https off\n}\n${replaceOnce(text, "example.com {", `http://127.0.0.1:${port} {`)}`,
        args: ({ file }) => ["run", "--config", file, "--adapter", "caddyfile"],
        env: (folder) => ({ HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder }),
      }),
  },
];

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(async () => redis?.[Symbol.asyncDispose]());

describe.each(files)("behind docs/deploy/$name, while the server restarts", (file) => {
  let hub: Restartable;
  let proxy: Restartable;
  beforeAll(async () => {
    // Back at once, while the proxy has nobody to ask: what it answers is what this is about.
    const args = ["--backend", redis.url, "--heartbeat-ms", "1000", "--drain-retry-ms", "0"];
    hub = await startHub({ args });
    const text = await readFile(join(repository, "docs/deploy", file.name), "utf8");
    proxy = await file.start(
      text.replaceAll("127.0.0.1:3000", `127.0.0.1:${hub.port}`).replaceAll("/api/sse", "/sse"),
    );
  });
  afterAll(async () => {
    for (const each of [proxy, hub]) await each?.[Symbol.asyncDispose]();
  });

  test("a stream's request gets an empty stream that says when to retry, any other its error", async () => {
    await hub.stop();
    try {
      await using stream = await openStream(`${proxy.url}/sse?channel=a`);
      expect(stream.headers["content-type"]).toMatch(/^text\/event-stream/);
      expect(await stream.closed).toBe("end");
      expect([stream.events, stream.retryMs]).toEqual([[], 2_000]);
      const health = await fetch(`${proxy.url}/health`);
      expect([502, 503, 504]).toContain(health.status);
    } finally {
      await hub.start();
    }
  });

  test.each<BrowserName>(["Chromium", "Firefox"])(
    "%s's own EventSource reopens by itself and gets what was published meanwhile",
    async (name) => {
      const channel = `restart/${file.name}/${name}`;
      await using browser: TestBrowser = await launchTestBrowser(name);
      // Any page of the same origin that browsers show as it is.
      await using tab = await browser.open(`${proxy.url}/metrics`);
      await tab.evaluate((url) => {
        const source = new EventSource(url);
        const seen: string[] = [];
        Object.assign(globalThis, { source, seen });
        for (const type of ["message", "gap"]) {
          source.addEventListener(type, ({ data }) => seen.push(String(data)));
        }
      }, `${proxy.url}/sse?channel=${channel}`);
      const state = async () =>
        tab.evaluate(() => {
          const { source, seen } = globalThis as unknown as {
            source: EventSource;
            seen: string[];
          };
          return { ready: source.readyState, seen: [...seen] };
        }, null);
      await waitFor("the stream to be open", async () => (await state()).ready === 1);
      await publishTo(hub, 1, channel);
      await waitFor("the first message", async () => (await state()).seen.length === 1);

      await hub.stop();
      const other = await startHub({ args: ["--backend", redis.url] });
      await publishTo(other, 2, channel);
      await other[Symbol.asyncDispose]();
      const downSince = performance.now();
      await waitFor("a while in which nobody answers", () =>
        Promise.resolve(performance.now() - downSince > downMs),
      );
      expect((await state()).ready).not.toBe(2);
      await hub.start();
      await publishTo(hub, 3, channel);
      await waitFor("the other messages", async () => (await state()).seen.length >= 3, {
        timeoutMs: 20_000,
      });
      expect((await state()).seen).toEqual(["1", "2", "3"]);
    },
  );
});

function replaceOnce(text: string, from: string, to: string): string {
  expect(text.split(from)).toHaveLength(2);
  return text.replace(from, to);
}

async function start(
  program: ProgramName,
  definition: Omit<Parameters<typeof startProxy>[0], "program">,
): Promise<Restartable> {
  return startProxy({ program, ...definition });
}
