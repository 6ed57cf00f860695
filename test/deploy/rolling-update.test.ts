import { createHmac } from "node:crypto";
import { test } from "vitest";
import { cli } from "../hub/hub-process.ts";
import { freePort } from "../support/ports.ts";
import { startProcess } from "../support/processes.ts";
import { startRedis } from "../support/redis.ts";
import { serverNode } from "../support/runtimes.ts";
import { readRollout } from "./manifests.ts";
import { expectSeamlessUpdate, type Pod } from "./rolling-update.ts";

const secret = "a secret of at least thirty-two bytes";

/** A JSON Web Token (RFC 7519) for the channel. */
function token(): string {
  const claims = {
    exp: Math.floor(Date.now() / 1000) + 3600,
    sse_bus: { subscribe: ["a"], publish: ["a"] },
  };
  const text = [{ alg: "HS256" }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  return `${text}.${createHmac("sha256", secret).update(text).digest("base64url")}`;
}

test("a rolling update as in deploy/kubernetes/hub.yaml refuses no request and loses no message", async () => {
  await using redis = await startRedis();
  async function startPod(env: Readonly<Record<string, string>>): Promise<Pod> {
    const port = await freePort();
    const running = await startProcess(serverNode(), [cli, "hub", "--port", String(port)], {
      env: { ...env, SSE_BUS_URL: redis.url, SSE_BUS_JWT_KEY: secret },
      ready: port,
    });
    return { port, process: running, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
  }

  await expectSeamlessUpdate({
    rollout: await readRollout("sse-bus-hub"),
    startPod,
    streamPath: "/sse",
    publishPath: "/publish",
    channel: "a",
    headers: { Authorization: `Bearer ${token()}` },
  });
}, 120_000);
