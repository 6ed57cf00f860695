import { describe, expect, test } from "vitest";
import { isSseBusError, SseBusError } from "../core/errors.ts";
import type { Authorize } from "./authorize.ts";
import { requirePermission } from "./permission.ts";
import { toRefusal } from "./refusal.ts";

const asked = ["orders/*", "news"];

async function ask(authorize: Authorize, timeoutMs = 1000) {
  const errors: Error[] = [];
  const context = { request: new Request("http://localhost/"), channels: asked } as const;
  const decision = await requirePermission(
    authorize,
    { ...context, action: "subscribe" },
    { timeoutMs, onError: (error) => errors.push(error) },
  ).catch(toRefusal);
  const status = "problem" in decision ? decision.problem.status : 200;
  return { decision, status, codes: errors.map((error) => isSseBusError(error) && error.code) };
}

describe("a permission", () => {
  test.each([
    ["of the requested channels", ["orders/*", "news"], 200],
    ["of channels that a requested pattern covers", ["orders/7", "orders/8"], 200],
    ["that widens a pattern", ["orders/**"], 403],
    ["of a channel that was not requested", ["orders/*", "admin"], 403],
    ["of a channel below the pattern", ["orders/7/lines"], 403],
    ["of all channels", ["**"], 403],
    ["of an invalid channel name", ["orders/\n"], 403],
  ])("%s: %j is %i", async (_, channels, status) => {
    expect((await ask(() => ({ channels }))).status).toBe(status);
  });

  test.each([
    "yes",
    1,
    {},
    { ok: false },
    { channels: "news" },
    { channels: undefined },
    { channels: [undefined] },
    { expiresAt: undefined },
    { expiresAt: "2099-01-01" },
    { identity: undefined },
    { identity: "ada" },
    { identity: {} },
    { identity: { id: 7 } },
    { identity: { id: "" } },
    { identity: { id: "x".repeat(201) } },
    { identity: { id: "ada\nbob" } },
    new Response(null, { status: 401 }),
    ["news"],
    undefined,
    null,
    Number.NaN,
  ] as unknown[])("of %o, which the types do not allow, denies access", async (answer) => {
    expect((await ask(() => answer as boolean)).status).toBe(403);
  });

  test.each([Number.NaN, "soon", new Date(Number.NaN)])(
    "that expires at %s denies access",
    async (time) => {
      const { status, codes } = await ask(() => ({ expiresAt: time as number }));
      expect({ status, codes }).toEqual({ status: 403, codes: ["AUTHORIZATION_FAILED"] });
    },
  );

  test("that has already expired requires fresh credentials", async () => {
    expect((await ask(() => ({ expiresAt: Date.now() - 1 }))).status).toBe(401);
  });
});

describe("without a permission", () => {
  test("`authorize` that throws or rejects denies access and is reported with its cause", async () => {
    const cause = new Error("database is down");
    const throwing = await ask(() => {
      throw cause;
    });
    expect(throwing).toMatchObject({ status: 403, codes: ["AUTHORIZATION_FAILED"] });
    // oxlint-disable-next-line prefer-promise-reject-errors -- some code does
    const rejecting = await ask(() => Promise.reject("a string"));
    expect(rejecting).toMatchObject({ status: 403, codes: ["AUTHORIZATION_FAILED"] });
  });

  test("a permission that never arrives is refused in time, so that clients retry", async () => {
    const { decision, status, codes } = await ask(() => new Promise(() => {}), 20);
    expect({ status, codes }).toEqual({ status: 503, codes: ["AUTHORIZATION_UNAVAILABLE"] });
    expect(decision).toMatchObject({ problem: { headers: { "Retry-After": expect.any(String) } } });
  });

  test("a rejection that arrives too late is not an unhandled rejection", async () => {
    const unhandled: unknown[] = [];
    const listen = (reason: unknown): unknown => unhandled.push(reason);
    process.on("unhandledRejection", listen);
    let fail: (error: Error) => void = () => {};
    const late = new Promise<boolean>((_, reject) => (fail = reject));
    expect((await ask(() => late, 5)).status).toBe(503);
    fail(new Error("late"));
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", listen);
    expect(unhandled).toEqual([]);
  });

  test("authorize may report that it is unavailable, and its internal reason is not sent", async () => {
    const { decision, status } = await ask(() => {
      throw new SseBusError("AUTHORIZATION_UNAVAILABLE", "https://keys.internal is down");
    });
    expect(status).toBe(503);
    expect(JSON.stringify(decision)).not.toContain("keys.internal");
  });
});
