import { createHmac, createSign, generateKeyPairSync, type KeyObject } from "node:crypto";
import { once } from "node:events";
import { cp, mkdir, symlink } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openStream } from "../support/event-stream.ts";
import { runProcess } from "../support/processes.ts";
import { repository } from "../support/repository.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { cli, runCli, startHub } from "./hub-process.ts";

const secret = "a secret of at least thirty-two bytes";
const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });

/** A token (RFC 7519), made by hand: a secret signs with HS256, a private key with ES256. */
function sign(claims: object, key: KeyObject | string = secret): string {
  const alg = typeof key === "string" ? "HS256" : "ES256";
  const payload = { exp: Math.floor(Date.now() / 1000) + 3600, ...claims };
  const text = [{ alg, kid: "k" }, payload]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  const signature =
    typeof key === "string"
      ? createHmac("sha256", key).update(text).digest()
      : createSign("sha256").update(text).sign({ key, dsaEncoding: "ieee-p1363" });
  return `${text}.${signature.toString("base64url")}`;
}

const granting = (subscribe: string[], publish: string[] = []) => ({
  sse_bus: { subscribe, publish },
});
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

/** The status of a stream request, which is then closed. */
async function read(url: string, channel: string, token?: string): Promise<number> {
  const response = await fetch(`${url}/sse?channel=${channel}`, {
    headers: token === undefined ? {} : bearer(token),
  });
  await response.body?.cancel();
  return response.status;
}

async function publish(url: string, channel: string, token?: string): Promise<number> {
  const response = await fetch(`${url}/publish`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...(token !== undefined && bearer(token)) },
    body: JSON.stringify({ data: 1, channel }),
  });
  return response.status;
}

describe("with --jwt-key", () => {
  test.each([1, 2])("tokens control reading and publishing (%i process(es))", async (workers) => {
    await using hub = await startHub({
      isPublishOpen: false,
      args: ["--workers", `${workers}`, "--jwt-issuer", "https://login", "--jwt-audience", "live"],
      env: { SSE_BUS_JWT_KEY: secret },
    });
    const token = sign({ ...granting(["a/*"], ["a/1"]), iss: "https://login", aud: "live" });
    expect(await read(hub.url, "a/1")).toBe(401);
    expect(await read(hub.url, "**")).toBe(401);
    expect(await read(hub.url, "a/1", token)).toBe(200);
    expect(await read(hub.url, "**", token)).toBe(403);
    expect(await publish(hub.url, "a/1")).toBe(401);
    expect(await publish(hub.url, "a/2", token)).toBe(403);
    await using stream = await openStream(`${hub.url}/sse?channel=a/1`, {
      headers: bearer(token),
    });
    await stream.next("hello");
    expect(await publish(hub.url, "a/1", token)).toBe(200);
    expect((await stream.next("message")).json()).toBe(1);
    for (const claims of [
      granting(["a/*"]),
      { ...granting(["a/*"]), iss: "https://login" },
      { ...granting(["a/*"]), iss: "https://evil", aud: "live" },
    ]) {
      expect(await read(hub.url, "a/1", sign(claims))).toBe(401);
    }
  });

  test("a public key in PEM verifies tokens signed with its private key", async () => {
    const pem = String(pair.publicKey.export({ type: "spki", format: "pem" }));
    await using hub = await startHub({ isPublishOpen: false, args: ["--jwt-key", pem] });
    expect(await read(hub.url, "a", sign(granting(["a"]), pair.privateKey))).toBe(200);
    expect(await read(hub.url, "a", sign(granting(["a"]), pem))).toBe(401);
  });

  test("the publish token still allows publishing, but no reading", async () => {
    const args = ["--jwt-key", secret, "--publish-token", "s3cret"];
    await using hub = await startHub({ isPublishOpen: false, args });
    expect(await publish(hub.url, "a", "s3cret")).toBe(200);
    expect(await publish(hub.url, "a", "wrong")).toBe(401);
    // 401 and not 400: the body is not read.
    const malformed = await fetch(`${hub.url}/publish`, { method: "POST", body: "[" });
    expect(malformed.status).toBe(401);
    expect(await publish(hub.url, "a", sign(granting([], ["a"])))).toBe(200);
    expect(await read(hub.url, "a", "s3cret")).toBe(401);
  });

  test("attempts with a wrong publish token are limited as without tokens for readers", async () => {
    const args = ["--jwt-key", secret, "--publish-token", "s3cret", "--trust-proxy", "1"];
    const limit = ["--max-publishes-per-minute", "250"];
    await using hub = await startHub({ isPublishOpen: false, args: [...args, ...limit] });
    const guess = async (token: string): Promise<number> => {
      const response = await fetch(`${hub.url}/publish`, {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          "X-Forwarded-For": "198.51.100.7",
          ...bearer(token),
        },
        body: JSON.stringify({ data: 1, channel: "a" }),
      });
      return response.status;
    };
    const statuses = [];
    for (let n = 0; n < 4; n++) statuses.push(await guess(`wrong-${n}`));
    expect(statuses).toEqual([401, 401, 401, 429]);
  });

  test("--open-publish lets everybody publish, but nobody read", async () => {
    await using hub = await startHub({ args: ["--jwt-key", secret] });
    expect(await publish(hub.url, "a")).toBe(200);
    expect(await read(hub.url, "a")).toBe(401);
  });
});

test("with --jwks-url the issuer's published keys verify tokens", async () => {
  const keys = [
    { ...pair.publicKey.export({ format: "jwk" }), kid: "k", alg: "ES256", use: "sig" },
  ];
  const issuer = createServer((_, response) => response.end(JSON.stringify({ keys })));
  issuer.listen(0, "127.0.0.1");
  await once(issuer, "listening");
  const { port } = issuer.address() as AddressInfo;
  await using hub = await startHub({
    isPublishOpen: false,
    env: { SSE_BUS_JWKS_URL: `http://127.0.0.1:${port}/jwks.json` },
  });
  expect(await read(hub.url, "a")).toBe(401);
  expect(await read(hub.url, "a", sign(granting(["a"]), pair.privateKey))).toBe(200);
  issuer.close();
});

describe("a hub that listens beyond loopback", () => {
  test("does not start without tokens", async () => {
    await expect(runCli("hub", "--port", "0", "--host", "0.0.0.0")).rejects.toThrow(
      /--host 0\.0\.0\.0 lets other machines read[^]*--public[^]*code 2/,
    );
  });

  test("starts with --public, and with --jwt-key", async () => {
    await using open = await startHub({ args: ["--host", "0.0.0.0", "--public"] });
    expect(await read(open.url, "a")).toBe(200);
    await using closed = await startHub({ args: ["--host", "0.0.0.0", "--jwt-key", secret] });
    expect(await read(closed.url, "a")).toBe(401);
  });
});

const privatePem = String(pair.privateKey.export({ type: "pkcs8", format: "pem" }));

test.each([
  [["--jwt-key", "too short"], /^--jwt-key \(SSE_BUS_JWT_KEY\): .* 9 bytes.* at least 32/],
  [["--jwt-key", privatePem], /^--jwt-key \(SSE_BUS_JWT_KEY\) is a private key: give the public/],
  [["--jwt-key", "-----BEGIN x"], /^--jwt-key \(SSE_BUS_JWT_KEY\) is PEM text, but no public key/],
  [["--jwt-key", cli], /^--jwt-key \(SSE_BUS_JWT_KEY\) is the name of a file/],
  [
    ["--jwks-url", "https://ada:pass@issuer.example/k?key=x"],
    /^--jwks-url \(SSE_BUS_JWKS_URL\) "https:\/\/issuer\.example": .*user or password/,
  ],
  [["--jwks-url", "http://issuer.example"], /^--jwks-url .*"http:\/\/issuer\.example": .*https/],
  [["--cors-origin", "*"], /^--cors-origin \(SSE_BUS_CORS_ORIGIN\): .*"\*"/],
  [["--cors-origin", "*", "--cors-credentials"], /^--cors-origin .*"\*"/],
  [["--backend", "mysql://h"], /^--backend .*"mysql:\/\/…" URL names no backend/],
])("%j fails with one line that names the flag", async (args, message) => {
  const failed = await runCli("hub", ...args).catch((error: Error) => error.message);
  const lines = failed.split("\n").filter((line) => /^--[a-z]/.test(line));
  expect(failed).toMatch(/code 2/);
  expect(failed).not.toMatch(/\n\s+at /);
  expect(lines).toEqual([expect.stringMatching(message)]);
});

test("without jose the error says what to install", async () => {
  await using folder = await tempFolder("no-jose");
  const installed = join(folder.path, "node_modules/sse-bus");
  await mkdir(installed, { recursive: true });
  const built = join(repository, "packages/sse-bus");
  for (const name of ["dist", "package.json"]) {
    await cp(join(built, name), join(installed, name), { recursive: true });
  }
  const limiter = "node_modules/rate-limiter-flexible";
  await symlink(join(built, limiter), join(folder.path, limiter));
  const installedCli = join(installed, "dist/hub/cli.js");
  await expect(
    runProcess(process.execPath, [installedCli, "hub", "--port", "0", "--jwt-key", secret]),
  ).rejects.toThrow(
    /--jwt-key \(SSE_BUS_JWT_KEY\) needs the package jose[^]*npm install jose[^]*code 2/,
  );
});
