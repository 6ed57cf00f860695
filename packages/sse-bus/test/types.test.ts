import { expect, expectTypeOf, test } from "vitest";
import { z } from "zod";
import { createBus } from "../src/core/bus.ts";
import type { Bus } from "../src/core/bus-types.ts";
import type { Jsonify } from "../src/core/jsonify.ts";
import type { ChannelsOf } from "../src/core/types.ts";
import type { PresenceMember, UsePresenceOptions } from "../src/react/index.ts";

// Lines that must not compile are marked; `pnpm check:types` fails if one compiles.

type Channels = {
  default: { message: string };
  "orders/*": { message: { total: number }; cancelled: { why: string } };
  "logs/**": { line: string };
};

/** Never called: only its types are checked. */
async function declared(bus: Bus<Channels>): Promise<void> {
  await bus.publish("text");
  await bus.publish({ total: 1 }, { channel: "orders/42" });
  await bus.publish({ why: "x" }, { channel: "orders/42", event: "cancelled" });
  await bus.publish("a line", { channel: "logs/app/http", event: "line" });
  await bus.channel("orders/7").publish({ total: 2 });

  await bus.publish("text", { raw: true });
  await bus.publish("a line", { channel: "logs/app/http", event: "line", raw: true });
  // @ts-expect-error -- only strings can be raw
  await bus.publish({ total: 1 }, { channel: "orders/42", raw: true });
  // @ts-expect-error -- the default channel carries strings
  await bus.publish(42);
  // @ts-expect-error -- the channel is not declared
  await bus.publish("x", { channel: "nowhere" });
  // @ts-expect-error -- data of another event
  await bus.publish({ total: 1 }, { channel: "orders/42", event: "cancelled" });
  // @ts-expect-error -- the channel has no such event
  await bus.publish({ total: 1 }, { channel: "orders/42", event: "shipped" });
  // @ts-expect-error -- `logs` has only the event `line`
  await bus.publish("x", { channel: "logs/app" });

  const { data: rows } = await bus.snapshot(async () => [{ id: 1 }]);
  expectTypeOf(rows).toEqualTypeOf<{ id: number }[]>();
  // @ts-expect-error -- no function
  await bus.snapshot([{ id: 1 }]);

  bus.subscribe((data) => expectTypeOf(data).toEqualTypeOf<string>());
  bus.subscribe(
    (data, message) => {
      expectTypeOf(data).toEqualTypeOf<{ total: number } | { why: string }>();
      if (message.event === "cancelled") expectTypeOf(message.data.why).toBeString();
    },
    { channel: "orders/*" },
  );
  // @ts-expect-error -- the channel is not declared
  bus.subscribe(() => {}, { channel: "nowhere" });
  expectTypeOf<ChannelsOf<typeof bus>>().toEqualTypeOf<Channels>();
}

async function undeclared(bus: Bus): Promise<void> {
  await bus.publish({ anything: true }, { channel: "anywhere", event: "any" });
  await bus.publish("<li>", { channel: "anywhere", raw: true });
  // @ts-expect-error -- only strings can be raw
  await bus.publish({ anything: true }, { channel: "anywhere", raw: true });
  bus.subscribe((data) => data, { channel: "any/**" });
}

test("types are checked by the compiler", () => {
  expect([declared, undeclared]).toHaveLength(2);
});

class Money {
  private readonly cents: number;
  constructor(cents: number) {
    this.cents = cents;
  }
  toJSON() {
    return { amount: this.cents / 100, on: new Date(0) };
  }
}

class Point {
  x = 1;
  length(): number {
    return this.x;
  }
}

interface Tree {
  readonly at?: Date;
  readonly children: readonly Tree[];
}

test("a type that JSON changes arrives as its JSON type", async () => {
  expectTypeOf<Jsonify<{ at: Date; price: number }>>().toEqualTypeOf<{
    at: string;
    price: number;
  }>();
  expectTypeOf<Jsonify<Money>>().toEqualTypeOf<{ amount: number; on: string }>();
  expectTypeOf<Jsonify<Point>>().toEqualTypeOf<{ x: number }>();
  expectTypeOf<Jsonify<[Date, ...URL[]]>>().toEqualTypeOf<[string, ...string[]]>();
  expectTypeOf<Jsonify<Record<string, Date | null>>>().toEqualTypeOf<
    Record<string, string | null>
  >();
  expectTypeOf<Jsonify<Tree>["at"]>().toEqualTypeOf<string | undefined>();
  expectTypeOf<Jsonify<Tree>["children"][number]["at"]>().toEqualTypeOf<string | undefined>();
  expectTypeOf<Jsonify<bigint | Map<string, number> | Uint8Array>>().toBeNever();
  expectTypeOf<Jsonify<"a" | 1 | true | null>>().toEqualTypeOf<"a" | 1 | true | null>();
  expectTypeOf<Jsonify<unknown>>().toBeUnknown();
  // oxlint-disable-next-line typescript/no-explicit-any -- undeclared data is `any`
  expectTypeOf<Jsonify<any>>().toBeAny();

  await using bus = createBus<{ default: { message: { at: Date; paid: Money; to: Point } } }>();
  const at = new Date(86_400_000);
  const seen: unknown[] = [];
  bus.subscribe((data, message) => {
    expectTypeOf(data).toEqualTypeOf<{
      at: string;
      paid: { amount: number; on: string };
      to: { x: number };
    }>();
    expectTypeOf(message.data).toEqualTypeOf<typeof data>();
    seen.push(data);
  });
  const published = await bus.publish({ at, paid: new Money(250), to: new Point() });
  expect(seen).toEqual([
    {
      at: "1970-01-02T00:00:00.000Z",
      paid: { amount: 2.5, on: new Date(0).toJSON() },
      to: { x: 1 },
    },
  ]);
  // The publisher has the original type.
  expectTypeOf(published.data.at).toEqualTypeOf<Date>();
  expect(published.data.at).toBe(at);
});

test("a validator's output arrives as its JSON type", async () => {
  await using bus = createBus({ schemas: { default: { message: z.object({ at: z.date() }) } } });
  const seen: unknown[] = [];
  bus.subscribe((data) => {
    expectTypeOf(data).toEqualTypeOf<{ at: string }>();
    seen.push(data);
  });
  await bus.publish({ at: new Date(0) });
  expect(seen).toEqual([{ at: "1970-01-01T00:00:00.000Z" }]);
});

test("validators define the types: publish takes their input, and readers get their output", async () => {
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

test("the members that the server lists fit `initial` of usePresence", () => {
  type Info = { name: string };
  type State = { typing: boolean };
  type Initial = UsePresenceOptions<Info, State>["initial"];
  const list = (bus: Bus) => bus.presence<Info, State>("rooms/1").list();
  type Listed = Awaited<ReturnType<typeof list>>;
  expectTypeOf<Listed>().toExtend<Initial>();
  expectTypeOf<Listed[number]>().toExtend<PresenceMember<Info, State>>();
  const subscribe = (bus: Bus) =>
    bus.presence<Info>("rooms/1").subscribe((change) => {
      if (change.type === "join")
        expectTypeOf(change.member.info).toEqualTypeOf<Info | undefined>();
    });
  expectTypeOf(subscribe).returns.toEqualTypeOf<() => void>();
});
