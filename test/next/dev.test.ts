import { existsSync } from "node:fs";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { request as send } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { countSinks } from "../direct-sink/direct-app.ts";
import { openStream } from "../support/event-stream.ts";
import { type DevServer, startDev } from "../support/demo-app.ts";
import { demoFolder } from "../support/repository.ts";

/** Has the form of a Server Action's id. */
const ACTION = "60".padEnd(42, "a");

test("in development the app accepts only localhost, addresses and the configured names", async () => {
  await using app = await startDev({ env: { SSE_BUS_ALLOWED_HOSTS: "laptop.local" } });
  for (const path of ["/api/publish?msg=x", "/api/sse", "/api/health"]) {
    const url = `${app.url}${path}`;
    for (const host of ["localhost:3000", "127.0.0.1", "192.168.1.20:3000", "laptop.local:3000"]) {
      expect(await status(url, host), host).toBe(200);
    }
    // A page whose own host name resolves to this machine (DNS rebinding).
    expect(await status(url, "rebound.evil.example:3000")).toBe(403);
  }
  const rest = ["/", "/guarantees", "/favicon.ico"];
  for (const path of ["/inspector", "/inspector?_rsc=1", ...rest]) {
    expect(await status(app.url + path, "rebound.evil.example:3000"), path).toBe(403);
  }
  for (const path of ["/inspector", "/", "/api/upload?name=x", "/api/presence"]) {
    const code = await status(app.url + path, "rebound.evil.example:3000", "POST");
    expect(code, `POST ${path}`).toBe(403);
  }
}, 180_000);

describe("in development, without options,", () => {
  const buildOf = async () => readFile(join(demoFolder, ".next/BUILD_ID"), "utf8");
  let app: DevServer;
  let build: string;
  beforeAll(async () => {
    build = await buildOf();
    app = await startDev();
  });
  afterAll(async () => app?.[Symbol.asyncDispose]());

  const publish = async (msg: string): Promise<void> => {
    const response = await fetch(`${app.url}/api/publish?msg=${msg}`);
    expect(response.status).toBe(200);
  };

  test("the app answers to localhost, and to no other host name", async () => {
    expect(await status(`${app.url}/api/publish?msg=x`, "localhost")).toBe(200);
    expect(await status(`${app.url}/api/publish?msg=x`, "laptop.local:3000")).toBe(403);
  });

  test("the bus is one across routes and survives an edit of lib/sse-bus.ts", async () => {
    await using stream = await openStream(`${app.url}/api/sse`, { timeoutMs: 60_000 });
    await stream.next("hello", { timeoutMs: 30_000 });

    const started = performance.now();
    await using second = await openStream(`${app.url}/api/sse`);
    await second.next("hello");
    expect(performance.now() - started, "hello once the route is compiled").toBeLessThan(4000);
    expect(await countSinks(app.url)).toEqual({ direct: 2, web: 0 });

    await publish("before");
    expect((await stream.next("message")).json()).toMatchObject({ msg: "before" });

    await appendFile(join(app.folder, "lib/sse-bus.ts"), "\nexport const edited = true;\n");
    const page = join(app.folder, "app/api/publish/route.ts");
    await writeFile(page, `${await readFile(page, "utf8")}\n// edited\n`);
    await publish("after");
    expect((await stream.next("message")).json()).toMatchObject({ msg: "after" });
  }, 120_000);

  test("an open stream does not keep the server from exiting", async () => {
    await using stream = await openStream(`${app.url}/api/sse`, { timeoutMs: 60_000 });
    await stream.next("hello", { timeoutMs: 30_000 });
    app.process.signal("SIGTERM");
    // Next.js ends its own child here, so `bye` may not be sent. If it waited for the stream, it would not exit.
    await app.process.exited;
  }, 120_000);

  test("development runs in a copy, and the production build does not change", async () => {
    await app[Symbol.asyncDispose]();
    expect(existsSync(app.folder)).toBe(false);
    expect(await buildOf()).toBe(build);
    expect(existsSync(join(demoFolder, ".next/dev/lock"))).toBe(false);
  });
});

/** The status for a `Host`, as a page of that host would get it. */
async function status(url: string, host: string, method = "GET"): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { Host: host, Origin: `http://${host}`, "X-Upload": "1" };
    const action = method === "POST" && { "Next-Action": ACTION };
    const request = send(url, { method, headers: { ...headers, ...action } }, (response) => {
      resolve(response.statusCode);
      response.destroy();
    }).on("error", reject);
    request.setTimeout(60_000);
    request.end();
  });
}
