import { expect, test } from "vitest";
import { z } from "zod";
import { createBus } from "./bus.ts";
import { type Schemas, type StandardSchema, validate } from "./schema.ts";

const order = z.object({ total: z.coerce.number(), note: z.string().default("none") });
const schemas = {
  default: { message: z.string() },
  "orders/*": { message: order, cancelled: z.object({ why: z.string() }) },
  "orders/special": { message: z.literal("special") },
} satisfies Schemas;

/** A validator that is not Zod's, with the result that the test chooses. */
function schemaOf(answer: (value: unknown) => unknown): StandardSchema {
  return {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: answer as StandardSchema["~standard"]["validate"],
    },
  };
}

test("without schemas data passes unchanged, a promise too", () => {
  const data = Promise.resolve(1);
  expect(validate(undefined, "any", "thing", data)).toBe(data);
});

test("the parsed output is sent, with defaults and conversions", () => {
  expect(validate(schemas, "orders/42", "message", { total: "5", extra: 1 })).toEqual({
    total: 5,
    note: "none",
  });
});

test("a validator under `*` is for every event without its own validator", () => {
  const open = { "**": { "*": z.number(), named: z.string() } } satisfies Schemas;
  expect(validate(open, "any/channel", "message", 1)).toBe(1);
  expect(validate(open, "any/channel", "toString", 2)).toBe(2);
  expect(validate(open, "any/channel", "named", "text")).toBe("text");
  expect(() => validate(open, "any/channel", "named", 1)).toThrow(
    expect.objectContaining({ code: "VALIDATION_FAILED" }),
  );
});

test("the exact channel takes precedence over a pattern that covers it", () => {
  expect(validate(schemas, "orders/special", "message", "special")).toBe("special");
  expect(() => validate(schemas, "orders/special", "cancelled", { why: "" })).toThrow(
    expect.objectContaining({ code: "UNDECLARED" }),
  );
});

test("an undeclared channel or event is rejected, also if it has the name of an object's method", () => {
  for (const [channel, event] of [
    ["other", "message"],
    ["orders/42/lines", "message"],
    ["default", "added"],
    ["default", "toString"],
    ["constructor", "name"],
    ["__proto__", "message"],
  ] as const) {
    expect(() => validate(schemas, channel, event, "x"), `${event} on ${channel}`).toThrow(
      expect.objectContaining({ code: "UNDECLARED" }),
    );
  }
});

test("a rejection names each issue's path", () => {
  expect(() => validate(schemas, "orders/1", "cancelled", { why: 1 })).toThrow(
    expect.objectContaining({
      code: "VALIDATION_FAILED",
      message: expect.stringContaining("data.why: "),
    }),
  );
  const failing = {
    default: {
      message: schemaOf(() => ({
        issues: [{ message: "bad", path: [{ key: "list" }, 0] }, { message: "worse" }],
      })),
    },
  };
  expect(() => validate(failing, "default", "message", 1)).toThrow(
    /data\.list\.0: bad; data: worse/,
  );
});

test("an asynchronous validator is awaited", async () => {
  const later = {
    default: { message: z.string().refine(async (text) => Promise.resolve(text !== "no")) },
  };
  await expect(validate(later, "default", "message", "yes")).resolves.toBe("yes");
  await expect(validate(later, "default", "message", "no")).rejects.toMatchObject({
    code: "VALIDATION_FAILED",
  });
});

test("rejected data is not published, and subscribers receive the parsed output", async () => {
  await using bus = createBus({ schemas });
  const seen: unknown[] = [];
  bus.subscribe((data) => seen.push(data), { channel: "orders/*" });
  await expect(bus.publish({ total: "x" }, { channel: "orders/1" })).rejects.toMatchObject({
    code: "VALIDATION_FAILED",
  });
  const published = await bus.publish({ total: "7" }, { channel: "orders/1" });
  expect(published.data).toEqual({ total: 7, note: "none" });
  expect(seen).toEqual([{ total: 7, note: "none" }]);
  expect(bus.stats().published).toBe(1);
});

test("publish rejects a promise as data instead of awaiting it", async () => {
  await using bus = createBus();
  await expect(bus.publish(Promise.resolve(1))).rejects.toMatchObject({ code: "INVALID_DATA" });
});
