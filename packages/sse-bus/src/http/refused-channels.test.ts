import { describe, expect, test } from "vitest";
import { createBus } from "../core/bus.ts";
import { createTestBus } from "../testing/test-bus.ts";
import type { Authorize } from "./authorize.ts";

async function refusalOf(authorize: Authorize, channels: readonly string[]) {
  const asked: string[] = [];
  await using bus = createBus({ onError: () => {} });
  await using server = createTestBus({
    bus,
    authorize: (context) => {
      asked.push(context.channels.join(" "));
      return authorize(context);
    },
    authorizeTimeoutMs: 60,
  });
  const query = channels.map((name) => `channel=${encodeURIComponent(name)}`).join("&");
  const response = await server.fetch(`${server.url}?${query}`);
  const problem = (await response.json()) as Record<string, unknown>;
  return { problem, asked };
}

describe("a refusal of several channels", () => {
  test("names the channels that are refused alone, so that a client can omit them", async () => {
    const { problem } = await refusalOf(
      ({ channels }) => channels.every((name) => !name.startsWith("admin")),
      ["news", "admin/**", "orders/1", "admin/x"],
    );
    expect(problem).toMatchObject({ status: 403, code: "FORBIDDEN" });
    expect(problem.channels).toEqual(["admin/**", "admin/x"]);
  });

  test.each([
    ["all are refused", () => false],
    [
      "each alone would be allowed: the rule is about the set",
      ({ channels }) => channels.length < 2,
    ],
    ["authorize threw", () => Promise.reject(new Error("bug"))],
    ["credentials are missing", () => 401],
    [
      "credentials are missing for one of them",
      ({ channels }) => (channels.length > 1 ? 403 : 401),
    ],
  ] satisfies [string, Authorize][])("names none where %s", async (_, authorize) => {
    const { problem } = await refusalOf(authorize, ["a", "b"]);
    expect(problem).not.toHaveProperty("channels");
  });

  test("names a channel for which authorize throws or grants nothing", async () => {
    const { problem } = await refusalOf(
      ({ channels }) => {
        if (channels.length > 1) return 403;
        if (channels[0] === "a") throw new Error("no such channel");
        return { channels: channels.filter((name) => name === "c") };
      },
      ["a", "b", "c"],
    );
    expect(problem.channels).toEqual(["a", "b"]);
  });

  test("names none if the checks take longer than authorize may take", async () => {
    const { problem, asked } = await refusalOf(
      async ({ channels }) => {
        await new Promise((resolve) => setTimeout(resolve, channels.length > 1 ? 0 : 25));
        return false;
      },
      Array.from({ length: 50 }, (_, n) => `c${n}`),
    );
    expect(problem).toMatchObject({ status: 403 });
    expect(problem).not.toHaveProperty("channels");
    expect(asked.length).toBeLessThan(6);
  });

  test("of a single channel calls authorize once", async () => {
    const { problem, asked } = await refusalOf(() => false, ["a"]);
    expect(problem).not.toHaveProperty("channels");
    expect(asked).toEqual(["a"]);
  });
});
