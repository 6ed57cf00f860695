import { createSecretKey, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import {
  base64url,
  type CryptoKey,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JWTPayload,
  SignJWT,
  UnsecuredJWT,
} from "jose";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { createBus } from "../core/bus.ts";
import type { Bus } from "../core/bus-types.ts";
import { inspectBus } from "../http/inspect.ts";
import { createPublishHandler } from "../http/publish-handler.ts";
import { webHandler } from "../http/web-call.ts";
import { createStreamHandler } from "../http/stream-handler.ts";
import { readTestStream } from "../../test/support/event-stream.ts";
import { jwtAuthorize, type JwtAuthorizeOptions } from "./index.ts";
import { routeContext } from "../http/route-context.ts";

const secret = "0123456789abcdef0123456789abcdef";
const hour = 3600;

type SigningKey = Uint8Array | CryptoKey;

async function sign(
  payload: JWTPayload,
  key: SigningKey = new TextEncoder().encode(secret),
  header: { alg: string; kid?: string } = { alg: "HS256" },
): Promise<string> {
  return new SignJWT(payload).setProtectedHeader(header).sign(key);
}

const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds;
const granting = (subscribe: string[], publish: string[] = []): JWTPayload => ({
  sse_bus: { subscribe, publish },
  exp: inSeconds(hour),
});

const buses: Bus[] = [];
afterEach(async () => {
  await Promise.all(buses.splice(0).map((bus) => bus.close()));
});

function setUp(options: JwtAuthorizeOptions = { key: secret }) {
  const errors: Error[] = [];
  const bus = createBus({ onError: (error) => errors.push(error) });
  buses.push(bus);
  const authorize = jwtAuthorize(options);
  const host = { socketIp: () => undefined, trustedProxies: 0 };
  const stream = createStreamHandler(routeContext(bus), { authorize, heartbeatMs: 50 }, host);
  const handle = webHandler(
    createPublishHandler(routeContext(bus), { authorize }, { env: () => ({}) }),
    host,
  );
  const get = (query: string, headers: Record<string, string> = {}) =>
    stream(new Request(`http://localhost/api/sse${query}`, { headers }));
  const publish = (headers: Record<string, string>, message: object) =>
    handle(
      new Request("http://localhost/api/publish", {
        method: "POST",
        body: JSON.stringify({ data: 1, ...message }),
        headers: { "Content-Type": "application/json", ...headers },
      }),
    );
  const post = (channel: string, headers: Record<string, string>) => publish(headers, { channel });
  const trigger = (query: string) => handle(new Request(`http://localhost/api/publish${query}`));
  return { bus, errors, get, handle, post, publish, trigger };
}

const bearer = (token: string): Record<string, string> => ({ Authorization: `Bearer ${token}` });

describe("the permissions of a token", () => {
  test.each([
    [["orders/*"], "orders/7", 200],
    [["orders/*"], "orders/*", 200],
    [["orders/*"], "orders/**", 403],
    [["orders/*"], "orders/7/lines", 403],
    [["orders/*"], "orders", 403],
    [["orders/**"], "orders/*", 200],
    [["orders/**"], "orders/7/lines", 200],
    [["**"], "anything/**", 200],
    [["*"], "**", 403],
    [["orders/7"], "orders/*", 403],
    [["orders/7"], "orders/8", 403],
    [[], "orders/7", 403],
  ])("%j with a request for %s is %i", async (subscribe, channel, status) => {
    const { get } = setUp();
    const token = await sign(granting(subscribe));
    const query = `?channel=${encodeURIComponent(channel)}`;
    expect((await get(query, bearer(token))).status).toBe(status);
  });

  test("of several requested channels, only the allowed ones are read, and `hello` lists them", async () => {
    const { bus, get } = setUp();
    const token = await sign(granting(["orders/*"]));
    const stream = readTestStream(
      await get("?channel=secrets&channel=orders/7&channel=orders/**", bearer(token)),
    );
    const hello = JSON.parse((await stream.next())?.data ?? "") as { channels: string[] };
    expect(hello.channels).toEqual(["orders/7"]);
    await bus.publish("no", { channel: "secrets" });
    await bus.publish("no", { channel: "orders/8" });
    await bus.publish("yes", { channel: "orders/7" });
    expect(await stream.next()).toMatchObject({ data: '"yes"' });
  });

  test("its sub is the identity of the stream, with the info of the claim that infoClaim names", async () => {
    const identityOf = async (options: Partial<JwtAuthorizeOptions>, payload: JWTPayload) => {
      const { bus, errors, get } = setUp({ key: secret, ...options });
      const token = await sign({ ...granting(["news"]), ...payload });
      const response = await get("?channel=news", bearer(token));
      const [stream] = inspectBus(bus).connections.listed;
      return { status: response.status, identity: stream?.identity, errors };
    };
    const info = { name: "Ada" };
    const payload = { sub: "ada", profile: info };
    expect(await identityOf({}, payload)).toMatchObject({ identity: { id: "ada" } });
    expect((await identityOf({}, payload)).identity).not.toHaveProperty("info");
    expect((await identityOf({ infoClaim: "profile" }, payload)).identity).toEqual({
      id: "ada",
      info,
    });
    // A claim that is missing, or a name that every object has, is no info.
    for (const infoClaim of ["name", "constructor"]) {
      expect((await identityOf({ infoClaim }, payload)).identity).toEqual({ id: "ada" });
    }
    expect(
      (await identityOf({ infoClaim: "profile" }, { profile: info })).identity,
    ).toBeUndefined();
    expect((await identityOf({}, { sub: "é".repeat(101) })).identity).toBeUndefined();
    const large = { sub: "ada", profile: "x".repeat(2000) };
    expect(await identityOf({ infoClaim: "profile" }, large)).toMatchObject({
      status: 403,
      errors: [{ code: "AUTHORIZATION_FAILED" }],
    });
  });

  test("permission to read does not allow publishing, and the reverse", async () => {
    const { bus, get, post } = setUp();
    const token = bearer(await sign(granting(["news"], ["orders/*"])));
    expect((await post("orders/7", token)).status).toBe(200);
    expect((await post("news", token)).status).toBe(403);
    expect((await post("orders/7/x", token)).status).toBe(403);
    expect((await get("?channel=orders/7", token)).status).toBe(403);
    expect((await get("?channel=news", token)).status).toBe(200);
    expect(bus.stats().published).toBe(1);
  });

  test("a token's subject has its own idempotency ids", async () => {
    const { bus, publish } = setUp();
    const idOf = async (sub?: string) => {
      const claims = { ...granting([], ["orders/*"]), ...(sub !== undefined && { sub }) };
      const response = await publish(bearer(await sign(claims)), { channel: "orders/7", id: "x" });
      expect(response.status).toBe(200);
      return ((await response.json()) as { id: string }).id;
    };
    const ids = [await idOf("ada"), await idOf("bob"), await idOf(), await idOf("ada")];
    expect(ids[3]).toBe(ids[0]);
    expect(new Set(ids).size).toBe(3);
    // An invalid subject is no identity.
    expect(await idOf("x".repeat(201))).toBe(ids[2]);
    expect(bus.stats().published).toBe(3);
  });

  test.each([
    undefined,
    null,
    "orders/*",
    { subscribe: "orders/*" },
    { subscribe: { 0: "orders/*" } },
    { subscribe: ["orders/"] },
    { subscribe: ["orders/**/x"] },
    { subscribe: ["orders/*", 7] },
    { Subscribe: ["orders/*"] },
    { publish: ["orders/*"] },
  ])("a claim of %j allows no reading", async (claim) => {
    const { get } = setUp();
    const token = await sign({ sse_bus: claim, exp: inSeconds(hour) });
    expect((await get("?channel=orders/7", bearer(token))).status).toBe(403);
  });

  test("another claim name or a function reads tokens of another shape", async () => {
    const named = setUp({ key: secret, claim: "https://example.com/live" });
    const token = await sign({ "https://example.com/live": { subscribe: ["news"] } });
    expect((await named.get("?channel=news", bearer(token))).status).toBe(200);
    const read = setUp({
      key: secret,
      grants: ({ sub }) => ({ subscribe: [`users/${sub}/**`] }),
    });
    const mine = bearer(await sign({ sub: "7" }));
    expect((await read.get("?channel=users/7/inbox", mine)).status).toBe(200);
    expect((await read.get("?channel=users/8/inbox", mine)).status).toBe(403);
  });
});

describe("an invalid token is 401", () => {
  test("if it is missing, malformed or wrongly signed", async () => {
    const { get, errors } = setUp();
    const good = await sign(granting(["news"]));
    const [header, payload] = good.split(".");
    const other = await sign(granting(["news"]), new TextEncoder().encode("x".repeat(32)));
    const more = Buffer.from(JSON.stringify(granting(["**"]))).toString("base64url");
    for (const headers of [
      {},
      { Authorization: "Bearer" },
      { Authorization: good },
      { Authorization: `Basic ${good}` },
      bearer("a.b.c"),
      bearer(`${header}.${payload}.`),
      bearer(`${header}.${more}.${good.split(".")[2]}`),
      bearer(other),
      bearer(new UnsecuredJWT(granting(["news"])).encode()),
    ] as Record<string, string>[]) {
      const response = await get("?channel=news", headers);
      expect(response.status, JSON.stringify(headers)).toBe(401);
      expect(response.headers.get("www-authenticate")).toBe("Bearer");
    }
    expect(errors, "an invalid token is not an error of the server").toEqual([]);
  });

  test("the body of a publish without a valid token is not read", async () => {
    const { handle } = setUp();
    for (const token of [undefined, "a.b.c", await sign({ exp: inSeconds(-1) })]) {
      let pulls = 0;
      const body = new ReadableStream({ pull: () => void pulls++ }, { highWaterMark: 0 });
      const headers = { "Content-Type": "application/json", ...(token && bearer(token)) };
      const init = { method: "POST", body, duplex: "half", headers };
      const response = await handle(new Request("http://localhost/api/publish", init));
      expect(response.status).toBe(401);
      expect(pulls).toBe(0);
    }
  });

  test("if it is expired, not yet valid, of another issuer or for another audience", async () => {
    const { get } = setUp({ key: secret, issuer: "https://login", audience: ["live", "api"] });
    const right = { ...granting(["news"]), iss: "https://login", aud: "live" };
    const status = async (change: JWTPayload) =>
      (await get("?channel=news", bearer(await sign({ ...right, ...change })))).status;
    expect(await status({})).toBe(200);
    expect(await status({ exp: inSeconds(-1) })).toBe(401);
    expect(await status({ nbf: inSeconds(60) })).toBe(401);
    expect(await status({ iss: "https://evil" })).toBe(401);
    expect(await status({ aud: "shop" })).toBe(401);
    expect(await status({ aud: ["shop", "api"] })).toBe(200);
  });

  test("clocks may differ by the tolerance, in both directions", async () => {
    const { get } = setUp({ key: secret, clockToleranceMs: 5000 });
    const token = await sign({ ...granting(["news"]), exp: inSeconds(-2) });
    const stream = readTestStream(await get("?channel=news", bearer(token)));
    expect((await stream.next())?.event, "and the stream is not ended at once").toBe("hello");
    expect((await stream.next())?.event).toBe("ping");
  });

  test("a public key cannot be used as an HMAC secret", async () => {
    const { publicKey, privateKey } = await generateKeyPair("RS256", { extractable: true });
    const pem = await exportSPKI(publicKey);
    const { get } = setUp({ key: publicKey });
    const good = await sign(granting(["news"]), privateKey, { alg: "RS256" });
    expect((await get("?channel=news", bearer(good))).status).toBe(200);
    const forged = await sign(granting(["news"]), new TextEncoder().encode(pem));
    expect((await get("?channel=news", bearer(forged))).status).toBe(401);
    expect(() => jwtAuthorize({ key: pem })).toThrow(/importSPKI/);
    expect(() => jwtAuthorize({ key: new TextEncoder().encode(pem) })).toThrow(/importSPKI/);
  });
});

describe("how often a token is verified", () => {
  /** Counts the checks of signatures from now on. */
  function countVerifications(): { readonly count: number } {
    const verify = vi.spyOn(crypto.subtle, "verify");
    onTestFinished(() => verify.mockRestore());
    return {
      get count() {
        return verify.mock.calls.length;
      },
    };
  }

  const contextOf = (request: Request, channel: string) =>
    ({ request, channels: [channel], action: "publish" }) as const;
  const requestWith = (token: string) =>
    new Request("http://localhost/api/publish", { headers: bearer(token) });

  test("once for each publish, however it is sent", async () => {
    const { bus, post, handle } = setUp();
    const token = await sign(granting([], ["news"]));
    const verifications = countVerifications();
    expect((await post("news", bearer(token))).status).toBe(200);
    expect(verifications.count).toBe(1);
    const trigger = new Request("http://localhost/api/publish?msg=x&channel=news", {
      headers: bearer(token),
    });
    expect((await handle(trigger)).status).toBe(200);
    expect(verifications.count).toBe(2);
    expect((await post("secrets", bearer(token))).status, "other channels stay closed").toBe(403);
    expect(verifications.count).toBe(3);
    expect(bus.stats().published).toBe(2);
  });

  test("again each time that the same request is asked about again", async () => {
    const { authenticate, ask } = withAuthenticate({ key: secret });
    const request = requestWith(await sign(granting([], ["news"])));
    const verifications = countVerifications();
    expect(await authenticate(request)).toBe(true);
    for (const count of [1, 2, 3]) {
      expect(await ask(contextOf(request, "news"))).toMatchObject({ channels: ["news"] });
      expect(verifications.count).toBe(count);
    }
  });

  test("again where another token has taken the place of the one that was accepted", async () => {
    const { authenticate, ask } = withAuthenticate({ key: secret });
    const request = requestWith(await sign(granting([], ["news"])));
    expect(await authenticate(request)).toBe(true);
    request.headers.set("authorization", `Bearer ${await sign(granting([], ["other"]))}`);
    expect(await ask(contextOf(request, "news"))).toBe(403);
    expect(await authenticate(request)).toBe(true);
    request.headers.set("authorization", "Bearer a.b.c");
    expect(await ask(contextOf(request, "other"))).toBe(401);
    expect(await authenticate(request)).toBe(false);
  });

  test("and one that expires while the body comes publishes nothing", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    onTestFinished(() => void vi.useRealTimers());
    const { bus, handle } = setUp();
    const token = await sign({ ...granting([], ["news"]), exp: inSeconds(5) });
    const body = new ReadableStream(
      {
        pull(controller) {
          vi.setSystemTime(Date.now() + 6_000);
          controller.enqueue(new TextEncoder().encode('{"data":1,"channel":"news"}'));
          controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    const headers = { "Content-Type": "application/json", ...bearer(token) };
    const init = { method: "POST", body, duplex: "half", headers };
    const response = await handle(new Request("http://localhost/api/publish", init));
    expect(response.status).toBe(401);
    expect(bus.stats().published).toBe(0);
  });
});

/** The two functions of `jwtAuthorize`. */
function withAuthenticate(options: JwtAuthorizeOptions) {
  const ask = jwtAuthorize(options);
  const authenticate = ask.authenticate as (request: Request) => Promise<boolean>;
  return { ask, authenticate };
}

describe("the token is read", () => {
  test("from the header, which takes precedence and must be valid", async () => {
    const { get } = setUp();
    const token = await sign(granting(["news"]));
    const both = { ...bearer("nonsense"), Cookie: `sse_bus_token=${token}` };
    expect((await get("?channel=news", both)).status).toBe(401);
  });

  test("from the cookie, next to other cookies, unless that is turned off", async () => {
    const token = await sign(granting(["news"]));
    const cookie = { Cookie: `a=b; sse_bus_token=${token}; c=d=e` };
    expect((await setUp().get("?channel=news", cookie)).status).toBe(200);
    const off = setUp({ key: secret, cookie: false });
    expect((await off.get("?channel=news", cookie)).status).toBe(401);
    const named = setUp({ key: secret, cookie: "__Host-live" });
    const own = { Cookie: `sse_bus_token=x; __Host-live=${token}` };
    expect((await named.get("?channel=news", own)).status).toBe(200);
  });

  test("from the query only if that is enabled, and never for publishing", async () => {
    const token = await sign(granting(["news"], ["news"]));
    expect((await setUp().get(`?channel=news&token=${token}`)).status).toBe(401);
    const { bus, get, trigger } = setUp({ key: secret, queryParameter: "token" });
    expect((await get(`?channel=news&token=${token}`)).status).toBe(200);
    // The trigger broadcasts its query, so a token in it would reach every reader.
    expect((await trigger(`?msg=x&channel=news&token=${token}`)).status).toBe(401);
    expect(bus.stats().published).toBe(0);
  });
});

test("a stream ends with its token, and no byte follows", async () => {
  const { bus, get } = setUp();
  // `exp` is in whole seconds: with one, the token might end before it is used.
  const token = await sign({ ...granting(["news"]), exp: inSeconds(3) });
  const answer = await get("?channel=news", bearer(token));
  expect(answer.status).toBe(200);
  const stream = readTestStream(answer);
  const bye = await stream.until("bye");
  expect(JSON.parse(bye.data)).toMatchObject({ reason: "unauthorized" });
  await bus.publish("late", { channel: "news" });
  expect(await stream.next()).toBeUndefined();
  expect((await get("?channel=news", bearer(token))).status).toBe(401);
});

test("a token without `exp` does not expire", async () => {
  const { get } = setUp();
  const { exp: _, ...payload } = granting(["news"]);
  const stream = readTestStream(await get("?channel=news", bearer(await sign(payload))));
  await stream.next();
  for (let n = 0; n < 3; n++) expect((await stream.next())?.event).toBe("ping");
});

describe("keys from the issuer's URL", () => {
  let server: Server;
  let url: string;
  let keys: { kid?: string; key: CryptoKey; jwk: object }[] = [];
  let answer: "keys" | "broken" = "keys";
  let asked = 0;

  beforeAll(async () => {
    server = createServer((_, response) => {
      asked++;
      if (answer === "broken") response.writeHead(500).end();
      else response.end(JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }));
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });

  async function makeKey(kid?: string) {
    const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
    const named = kid === undefined ? {} : { kid };
    return {
      ...named,
      key: privateKey,
      jwk: { ...(await exportJWK(publicKey)), alg: "ES256", ...named },
    };
  }

  test("are fetched once for all tokens and found by their id", async () => {
    keys = [await makeKey("a"), await makeKey("b")];
    asked = 0;
    const { get } = setUp({ jwksUrl: url });
    for (const { key, kid } of [...keys, ...keys]) {
      const token = await sign(granting(["news"]), key, { alg: "ES256", kid: kid as string });
      expect((await get("?channel=news", bearer(token))).status).toBe(200);
    }
    expect(asked).toBe(1);
    const stranger = await makeKey("c");
    const token = await sign(granting(["news"]), stranger.key, { alg: "ES256", kid: "c" });
    expect((await get("?channel=news", bearer(token))).status).toBe(401);
    expect(asked, "an unknown id does not cause repeated requests").toBe(1);
  });

  test("are all tried for a token without a key id", async () => {
    keys = [await makeKey(), await makeKey()];
    const { get } = setUp({ jwksUrl: url });
    for (const { key } of keys) {
      const token = await sign(granting(["news"]), key, { alg: "ES256" });
      expect((await get("?channel=news", bearer(token))).status).toBe(200);
    }
    const stranger = await makeKey();
    const token = await sign(granting(["news"]), stranger.key, { alg: "ES256" });
    expect((await get("?channel=news", bearer(token))).status).toBe(401);
  });

  test("that cannot be fetched are reported and cause a 503, not a final 403 for every client", async () => {
    keys = [await makeKey("a")];
    answer = "broken";
    const { errors, get } = setUp({ jwksUrl: url });
    const token = bearer(
      await sign(granting(["news"]), (keys[0] as { key: CryptoKey }).key, {
        alg: "ES256",
        kid: "a",
      }),
    );
    const refused = await get("?channel=news", token);
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).not.toBeNull();
    expect(await refused.text()).not.toContain("127.0.0.1");
    expect(errors).toEqual([expect.objectContaining({ code: "AUTHORIZATION_UNAVAILABLE" })]);
    answer = "keys";
    const clock = vi.spyOn(performance, "now").mockReturnValue(performance.now() + 6000);
    onTestFinished(() => clock.mockRestore());
    expect((await get("?channel=news", token)).status, "fetched again once it is up").toBe(200);
  });

  test("are fetched once and reported once while the issuer is down", async () => {
    keys = [await makeKey("a")];
    answer = "broken";
    const { errors, get } = setUp({ jwksUrl: url });
    const before = asked;
    const { key } = keys[0] as { key: CryptoKey };
    const tokens = await Promise.all(
      Array.from({ length: 10 }, async (_, n) =>
        sign(granting(["news"]), key, { alg: "ES256", kid: `${n}` }),
      ),
    );
    const statuses = await Promise.all(
      tokens.map(async (token) => (await get("?channel=news", bearer(token))).status),
    );
    for (const token of tokens) statuses.push((await get("?channel=news", bearer(token))).status);
    expect(new Set(statuses)).toEqual(new Set([503]));
    expect(asked - before).toBe(1);
    expect(errors).toHaveLength(1);
  });
});

async function hmacKey(bytes: number): Promise<CryptoKey> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  return crypto.subtle.importKey("raw", new Uint8Array(bytes), algorithm, false, ["verify"]);
}

test("a secret of 32 bytes is accepted in every form", async () => {
  const bytes = new TextEncoder().encode(secret);
  const forms: JwtAuthorizeOptions["key"][] = [
    bytes,
    createSecretKey(bytes),
    { kty: "oct", k: base64url.encode(bytes) },
    await hmacKey(32),
  ];
  for (const key of forms) expect(() => jwtAuthorize({ key: key as never })).not.toThrow();
});

const publicKey = (await generateKeyPair("ES256", { extractable: true })).publicKey;
const spki = await exportSPKI(publicKey);
const body = spki.replaceAll(/-----.*-----|\s/g, "");
const jwk = JSON.stringify(await exportJWK(publicKey));

test.each([
  ["PEM text", spki, /PEM text/],
  ["the body of PEM text", body, /DER/],
  ["the body of PEM text in lines", spki.replaceAll(/-----.*-----/g, ""), /DER/],
  ["a key in DER form", Buffer.from(body, "base64"), /DER/],
  ["a JWK", jwk, /JWK/],
  ["a JWKS", `{"keys":[${jwk}]}`, /JWKS/],
  ["a URL", "https://login.example.com/.well-known/jwks.json", /URL/],
  ["a path", "/etc/sse-bus/keys/issuer-public-key.pem", /file/],
  ["a key of SSH", `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${"xY".repeat(20)} ada@host`, /SSH/],
  ["the body of a key of SSH", `AAAAB3NzaC1yc2EAAAADAQABAAABgQC${"xY".repeat(20)}`, /SSH/],
  ["one repeated character", "a".repeat(40), /repeated/],
])("%s is rejected as a secret", (_, key, message) => {
  expect(() => jwtAuthorize({ key })).toThrow(
    expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringMatching(message) }),
  );
});

test("random bytes in base64 and hex are accepted as a secret", () => {
  for (let n = 0; n < 500; n++) {
    const bytes = randomBytes(32);
    for (const key of [
      bytes,
      ...(["base64", "base64url", "hex"] as const).map((f) => bytes.toString(f)),
    ]) {
      expect(() => jwtAuthorize({ key })).not.toThrow();
    }
  }
});

test.each([
  [{}, /either/],
  [{ key: secret, jwksUrl: "https://issuer/jwks.json" }, /either/],
  [{ key: "short" }, /secret of 5 bytes.*at least 32/],
  [{ key: Uint8Array.from({ length: 31 }, (_, n) => n) }, /secret of 31 bytes.*at least 32/],
  [{ key: createSecretKey(new Uint8Array(31)) }, /secret of 31 bytes.*at least 32/],
  [{ key: { kty: "oct", k: base64url.encode(new Uint8Array(31)) } }, /secret of 31 bytes/],
  [{ key: { kty: "oct" } }, /secret of 0 bytes/],
  [{ key: await hmacKey(31) }, /secret of 31 bytes.*at least 32/],
  [{ jwksUrl: "http://issuer.example/jwks.json" }, /https/],
  [{ jwksUrl: "https://ada:secret@issuer.example/jwks.json" }, /user or password/],
  [{ jwksUrl: "/jwks.json" }, /absolute/],
  [{ key: secret, clockToleranceMs: -1 }, /clockToleranceMs/],
] as const)("options %j are rejected at start", (options, message) => {
  expect(() => jwtAuthorize(options)).toThrow(
    expect.objectContaining({ code: "INVALID_OPTION", message: expect.stringMatching(message) }),
  );
});
