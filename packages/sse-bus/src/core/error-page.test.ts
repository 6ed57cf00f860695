import { inspect } from "node:util";
import { expect, test } from "vitest";
import { createBus } from "./bus.ts";
import { errorPage } from "./error-page.ts";
import { SseBusError } from "./errors.ts";

const PAGE = errorPage("INVALID_CHANNEL");

test("a thrown error has the address of its page, on a line of its own where Node.js prints it", async () => {
  await using bus = createBus();
  const error: unknown = await bus.publish(1, { channel: "two words" }).catch((cause) => cause);
  expect(error).toMatchObject({ code: "INVALID_CHANNEL", help: PAGE });
  expect(inspect(error).split("\n")).toContain(`  help: '${PAGE}'`);
  expect(JSON.parse(JSON.stringify(error))).toMatchObject({ help: PAGE });
});

test("in a browser, an error has no address", () => {
  const scope = globalThis as { window?: unknown };
  scope.window = scope;
  try {
    expect(new SseBusError("GAP", "Lost.")).not.toHaveProperty("help");
  } finally {
    delete scope.window;
  }
});
