import { inspect } from "node:util";
import { expect, test, vi } from "vitest";
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

test.each([
  ["without a process", undefined],
  ["with a `process` of another script", {}],
  ["in a client bundle of Next.js", { env: { NEXT_RUNTIME: "" } }],
])("an error in a browser has no address: %s", (_, process) => {
  vi.stubGlobal("process", process);
  try {
    expect(new SseBusError("GAP", "Lost.")).not.toHaveProperty("help");
  } finally {
    vi.unstubAllGlobals();
  }
});
