import { expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { createBus } from "../src/core/bus.ts";
import type { Bus } from "../src/core/bus-types.ts";
import type { ChannelsOf } from "../src/core/types.ts";

// What must not compile is marked; `pnpm check:types` fails when it does.

type Channels = {
  default: { message: string };
  "orders/*": { message: { total: number }; cancelled: { why: string } };
  "logs/**": { line: string };
};

/** Never called: only its types are of interest. */
async function declared(bus: Bus<Channels>): Promise<void> {
  await bus.publish("text");
  await bus.publish({ total: 1 }, { channel: "orders/42" });
  await bus.publish({ why: "x" }, { channel: "orders/42", event: "cancelled" });
  await bus.publish("a line", { channel: "logs/app/http", event: "line" });
  await bus.channel("orders/7").publish({ total: 2 });

  await bus.publish("text", { raw: true });
  await bus.publish("a line", { channel: "logs/app/http", event: "line", raw: true });
  // @ts-expect-error -- only strings are sent as they are
  await bus.publish({ total: 1 }, { channel: "orders/42", raw: true });
  // @ts-expect-error -- the default channel carries strings
  await bus.publish(42);
  // @ts-expect-error -- no such channel is declared
  await bus.publish("x", { channel: "nowhere" });
  // @ts-expect-error -- data of another event
  await bus.publish({ total: 1 }, { channel: "orders/42", event: "cancelled" });
  // @ts-expect-error -- no such event on this channel
  await bus.publish({ total: 1 }, { channel: "orders/42", event: "shipped" });
  // @ts-expect-error -- one publishes to a channel, and logs carry only `line`
  await bus.publish("x", { channel: "logs/app" });

  bus.subscribe((data) => expectTypeOf(data).toEqualTypeOf<string>());
  bus.subscribe(
    (data, message) => {
      expectTypeOf(data).toEqualTypeOf<{ total: number } | { why: string }>();
      if (message.event === "cancelled") expectTypeOf(message.data.why).toBeString();
    },
    { channel: "orders/*" },
  );
  // @ts-expect-error -- no such channel is declared
  bus.subscribe(() => {}, { channel: "nowhere" });
  expectTypeOf<ChannelsOf<typeof bus>>().toEqualTypeOf<Channels>();
}

async function undeclared(bus: Bus): Promise<void> {
  await bus.publish({ anything: true }, { channel: "anywhere", event: "any" });
  await bus.publish("<li>", { channel: "anywhere", raw: true });
  // @ts-expect-error -- only strings are sent as they are
  await bus.publish({ anything: true }, { channel: "anywhere", raw: true });
  bus.subscribe((data) => data, { channel: "any/**" });
}

test("types are checked by the compiler", () => {
  expect([declared, undeclared]).toHaveLength(2);
});

test("validators give the types, take their input, and send their output", async () => {
  await using bus = createBus({
    schemas: {
      default: { message: z.object({ at: z.string().transform((text) => text.length) }) },
      "prices/*": { tick: z.object({ price: z.number() }) },
    },
  });
  const seen: unknown[] = [];
  bus.subscribe((data) => {
    expectTypeOf(data).toEqualTypeOf<{ at: number }>();
    seen.push(data);
  });
  await bus.publish({ at: "four" });
  expect(seen).toEqual([{ at: 4 }]);

  // @ts-expect-error -- the input is a string
  const wrong = bus.publish({ at: 4 });
  await expect(wrong).rejects.toMatchObject({ code: "VALIDATION_FAILED" });
  // @ts-expect-error -- not declared
  const unknown = bus.publish({ price: 1 }, { channel: "prices/x", event: "tock" });
  await expect(unknown).rejects.toMatchObject({ code: "UNDECLARED" });
  await bus.publish({ price: 1 }, { channel: "prices/x", event: "tick" });
});
