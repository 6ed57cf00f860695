import { once } from "node:events";
import { createReadStream } from "node:fs";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openStream } from "../support/event-stream.ts";
import { packPackage } from "../support/pack-package.ts";
import { freePort } from "../support/ports.ts";
import { runProcess, startProcess } from "../support/processes.ts";
import { type RedisServer, startRedis } from "../support/redis.ts";
import { replaceOnce } from "../support/replace-once.ts";
import { repository } from "../support/repository.ts";
import { tempFolder, type TempFolder } from "../support/temp-folder.ts";
import { buildImage, type Image } from "./build-image.ts";
import { isHealthy, startContainer } from "./container.ts";
import { readRollout } from "./manifests.ts";
import { expectSeamlessUpdate, type Pod } from "./rolling-update.ts";

// Builds both images as their Dockerfiles say, and runs them as a container engine would: as the first process, as
// the user of the image, with its health check.

/** Next.js exits with 128 and the number of SIGTERM, as a shell reports it. */
const NEXT_EXIT_CODE = 143;

const deploy = join(repository, "deploy");

let temp: TempFolder;
/** Serves the packed package, as a registry does: a path in a lockfile would be relative to its folder. */
let registry: Server;
let redis: RedisServer;

beforeAll(async () => {
  temp = await tempFolder("images");
  const [tarball, server] = await Promise.all([packPackage(temp.path), startRedis()]);
  redis = server;
  registry = createServer((_request, response) => createReadStream(tarball).pipe(response));
  await once(registry.listen(0, "127.0.0.1"), "listening");
});
afterAll(async () => {
  registry?.close();
  for (const each of [redis, temp]) await each?.[Symbol.asyncDispose]();
});

/** The folder of an image with its package.json, which has the package as packed, and the lockfile. */
async function prepare(name: string, change: (dependencies: Record<string, string>) => void) {
  const folder = join(temp.path, name);
  const file = join(folder, "package.json");
  const manifest = JSON.parse(await readFile(file, "utf8"));
  change(manifest.dependencies);
  const { port } = registry.address() as AddressInfo;
  manifest.dependencies["sse-bus"] = `http://127.0.0.1:${port}/sse-bus.tgz`;
  await writeFile(file, JSON.stringify(manifest));
  await runProcess("npm", ["install", "--package-lock-only", "--no-audit", "--no-fund"], {
    cwd: folder,
    timeoutMs: 240_000,
  });
  return folder;
}

/** What each container does between its start and its end. */
async function expectContainer(image: Image, options: ContainerOptions): Promise<void> {
  const { env, args = [], origin, streamPath, publishPath, exitCode = 0 } = options;
  await using container = await startContainer(image, env, args);
  expect(container.uid).toBe(process.getuid?.() === 0 ? 1000 : process.getuid?.());
  await using stream = await openStream(`${origin}${streamPath}`);
  await stream.next("hello");
  const response = await fetch(`${origin}${publishPath}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ data: "Hello" }),
  });
  expect(response.status).toBe(200);
  expect((await stream.next("message")).json()).toBe("Hello");

  const stopped = performance.now();
  const code = await container.stop();
  const tookMs = performance.now() - stopped;
  expect((await stream.next("bye")).json()).toMatchObject({ reason: "drain" });
  expect(await stream.closed).toBe("end");
  console.log(`process 1 exited with ${code}, ${Math.round(tookMs)} ms after SIGTERM`);
  expect(code).toBe(exitCode);
  expect(await isHealthy(image, { ...image.env, ...env })).toBe(false);
}

interface ContainerOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  readonly origin: string;
  readonly streamPath: string;
  readonly publishPath: string;
  readonly exitCode?: number;
}

describe("the image of an app", () => {
  let image: Image;

  beforeAll(async () => {
    const folder = join(temp.path, "app");
    const example = join(repository, "examples/minimal");
    await cp(example, folder, {
      recursive: true,
      filter: (path) => !/\/(node_modules|\.next)(\/|$)|tsbuildinfo$/.test(path),
    });
    await cp(join(deploy, "docker/app"), folder, { recursive: true });
    await writeFile(join(folder, "next.config.mjs"), `export default { output: "standalone" };\n`);
    const health = join(folder, "app/api/health/route.ts");
    await mkdir(dirname(health));
    await writeFile(health, await snippet("docs/deploy/node.md", "app/api/health/route.ts"));
    const route = join(folder, "app/api/sse/route.ts");
    // What docs/deploy/kubernetes.md says to do.
    const text = replaceOnce(
      await readFile(route, "utf8"),
      "({ bus })",
      "({ bus, drainRetryMs: 0 })",
    );
    await writeFile(route, text);
    await writeFile(join(folder, ".env.local"), "SSE_BUS_URL=redis://no-such-host:1\n");
    await prepare("app", (dependencies) => (dependencies["redis"] = "6.3.1"));
    image = await buildImage(folder);
  }, 600_000);
  afterAll(async () => image?.[Symbol.asyncDispose]());

  test("starts as its user, is healthy, delivers, and drains as the first process", async () => {
    const port = await freePort();
    await expectContainer(image, {
      env: { PORT: String(port), SSE_BUS_URL: redis.url, SSE_BUS_OPEN_PUBLISH: "1" },
      origin: `http://127.0.0.1:${port}`,
      streamPath: "/api/sse",
      publishPath: "/api/publish",
      exitCode: NEXT_EXIT_CODE,
    });
  }, 120_000);

  test("is not healthy while its backend is down", async () => {
    const port = await freePort();
    const env = { PORT: String(port), SSE_BUS_URL: redis.url };
    await using container = await startContainer(image, env);
    const all = { ...image.env, ...env };
    expect(await isHealthy(image, all)).toBe(true);
    redis.pause();
    await expect.poll(() => isHealthy(image, all), { timeout: 20_000 }).toBe(false);
    redis.resume();
    await expect.poll(() => isHealthy(image, all), { timeout: 20_000 }).toBe(true);
    expect(await container.stop()).toBe(NEXT_EXIT_CODE);
  }, 120_000);

  test("a rolling update as in deploy/kubernetes/app.yaml refuses no request and loses no message", async () => {
    async function startPod(env: Readonly<Record<string, string>>): Promise<Pod> {
      const port = await freePort();
      const [program = "", ...args] = image.command;
      const running = await startProcess(program, args, {
        cwd: image.folder,
        env: {
          ...image.env,
          ...env,
          PORT: String(port),
          SSE_BUS_URL: redis.url,
          SSE_BUS_OPEN_PUBLISH: "1",
        },
        ready: port,
      });
      return {
        port,
        process: running,
        [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
      };
    }
    await expectSeamlessUpdate({
      rollout: await readRollout("app"),
      startPod,
      streamPath: "/api/sse",
      publishPath: "/api/publish",
      channel: "rolling",
      exitCode: NEXT_EXIT_CODE,
    });
  }, 180_000);
});

describe("the image of the hub", () => {
  let image: Image;

  beforeAll(async () => {
    const folder = join(temp.path, "hub");
    await cp(join(deploy, "docker/hub"), folder, { recursive: true });
    await prepare("hub", () => {});
    image = await buildImage(folder);
  }, 300_000);
  afterAll(async () => image?.[Symbol.asyncDispose]());

  test("starts as its user, is healthy, delivers, and drains as the first process", async () => {
    const port = await freePort();
    await expectContainer(image, {
      env: { SSE_BUS_PORT: String(port), SSE_BUS_URL: redis.url },
      args: ["--public", "--open-publish"],
      origin: `http://127.0.0.1:${port}`,
      streamPath: "/sse",
      publishPath: "/publish",
    });
  }, 120_000);

  test("serves metrics, and does not start without a decision about who may read", async () => {
    const port = await freePort();
    const env = { SSE_BUS_PORT: String(port) };
    await using container = await startContainer(image, env, ["--public"]);
    const metrics = await fetch(`http://127.0.0.1:${port}/metrics`);
    expect(await metrics.text()).toContain("\nsse_bus_connections 0\n");
    expect(await container.stop()).toBe(0);
    const [program = "", ...args] = image.command;
    const refused = runProcess(program, args, { cwd: image.folder, env: { ...image.env, ...env } });
    await expect(refused).rejects.toThrow(/--public/);
  }, 120_000);
});

/** The code block of a page that begins with this file's name. */
async function snippet(page: string, name: string): Promise<string> {
  const text = await readFile(join(repository, page), "utf8");
  const found = new RegExp(`\`\`\`ts\\n// ${name}\\n([\\s\\S]*?)\`\`\``).exec(text)?.[1];
  if (found === undefined) throw new Error(`${page} has no ${name}`);
  return found;
}
