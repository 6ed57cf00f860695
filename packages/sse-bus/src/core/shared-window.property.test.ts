import fc from "fast-check";
import { expect, test } from "vitest";
import { createInflater } from "../../test/support/inflate.ts";
import { parseStream } from "../../test/support/event-stream.ts";
import { turn } from "../../test/support/test-sink.ts";
import { gzip } from "../node/gzip.ts";
import { createBus, internalsOf } from "./bus.ts";
import type { Codec } from "./codec.ts";
import type { Reader } from "./cohort.ts";
import { deliver, resumeReader } from "./deliver.ts";
import { closeReader, type Engine } from "./engine.ts";
import { openReader, type Start } from "./open-reader.ts";
import { createBytesPacket, packetBytes } from "./packet.ts";
import { pingReader, pingReaders } from "./ping.ts";

/** A reader whose client decodes what it receives. */
interface Client {
  reader: Reader | undefined;
  capacity: number;
  /** Called at each write: what a sink may cause during it. */
  onWrite: (() => void) | undefined;
  /** Ids and data of everything but heartbeats. */
  readonly received: string[];
}

async function open(engine: Engine, start: Start, codec: Codec | undefined): Promise<Client> {
  const { inflate } = createInflater();
  const client: Client = { reader: undefined, capacity: 50, onWrite: undefined, received: [] };
  const opened = await openReader(engine, {
    topics: ["default"],
    start,
    codec,
    isLocal: false,
    isReady: false,
    sink: {
      write(packet) {
        const bytes = packetBytes(packet);
        for (const { event, id, data } of parseStream([codec ? inflate(bytes) : bytes])) {
          if (event !== "ping") client.received.push(`${event} ${id} ${data}`);
        }
        client.capacity--;
        client.onWrite?.();
        return client.capacity > 0;
      },
      end() {},
    },
  });
  client.reader = opened.reader;
  resumeReader(opened.reader);
  return client;
}

/** A compressed stream, and one without compression to which the same happens. */
interface Twins {
  readonly both: readonly [Client, Client];
  /**
   * It left while its sink was full: what a stream receives first during a write depends on its place in the cohort, and
   * may have filled the sink of one of the two a message earlier.
   */
  isCut: boolean;
}

const anyStep = fc.record({
  do: fc.constantFrom(
    ...(["publish", "publish", "publish", "burst", "turn", "turn", "turn", "turn"] as const),
    ...(["join", "join", "leave", "stall", "take", "take"] as const),
    ...(["pingAll", "pingOne", "other", "otherWhileWriting"] as const),
  ),
  pick: fc.nat({ max: 100 }),
  size: fc.nat({ max: 400 }),
});

const anyCodec = fc
  .record({ minReaders: fc.integer({ min: 1, max: 4 }), windowBytes: fc.constantFrom(150, 2048) })
  .map((own): Codec => ({ ...gzip, ...own }));

test("a compressed stream decodes to what the same stream without compression receives", async () => {
  const schedule = fc.array(anyStep, { minLength: 20, maxLength: 120, size: "max" });
  let windowed = 0;
  await fc.assert(
    fc.asyncProperty(anyCodec, schedule, async (given, steps) => {
      const encode: Codec["encode"] = (bytes, window) => {
        if (window.length > 0) windowed++;
        return gzip.encode(bytes, window);
      };
      await run({ ...given, encode }, steps);
    }),
    { numRuns: 60, endOnFailure: true },
  );
  expect(windowed).toBeGreaterThan(200);
});

async function run(
  codec: Codec,
  steps: readonly { do: string; pick: number; size: number }[],
): Promise<void> {
  const errors: unknown[] = [];
  await using bus = createBus({ onError: ({ cause }) => void errors.push(cause) });
  const { engine } = internalsOf(bus);
  const twins: Twins[] = [];
  let count = 0;

  const publish = (size: number): void => {
    void bus.publish({ count: count++, text: "abc ".repeat(size / 4) });
  };
  const each = (pick: number, act: (client: Client, reader: Reader) => void): void => {
    for (const client of twins[pick % twins.length]?.both ?? [])
      act(client, client.reader as Reader);
  };
  const sendOther = (client: Client, reader: Reader): void => {
    if (!reader.ready || reader.isWriting) return;
    deliver(reader, createBytesPacket(OTHER, reader.cursor));
  };
  async function join(start: Start): Promise<void> {
    twins.push({
      both: [await open(engine, start, codec), await open(engine, start, undefined)],
      isCut: false,
    });
  }

  for (let first = 0; first < 3; first++) await join("now");
  for (const { do: action, pick, size } of steps) {
    if (action === "publish") publish(size);
    else if (action === "burst") for (let n = 0; n < pick % 9; n++) publish(size * 20);
    else if (action === "turn") await turn();
    else if (action === "join" && twins.length < 9) await join(pick % 2 ? "now" : "earliest");
    else if (action === "pingAll") pingReaders(engine, engine.readers);
    else if (action === "stall") each(pick, (client) => (client.capacity = 1));
    else if (action === "pingOne") each(pick, (_, reader) => pingReader(engine, reader));
    else if (action === "other") each(pick, sendOther);
    else if (action === "take") {
      each(pick, (client, reader) => {
        client.capacity = 1 + (size % 40);
        resumeReader(reader);
      });
    } else if (action === "leave") {
      const twin = twins[pick % twins.length] as Twins;
      each(pick, (_, reader) => {
        if (reader.state === "behind") twin.isCut = true;
        closeReader(engine, reader);
      });
    } else if (action === "otherWhileWriting") {
      // What one stream receives may cause something else to be sent to another one.
      const target = twins[size % twins.length] as Twins;
      for (const [kind, client] of twins[pick % twins.length]?.both.entries() ?? []) {
        const other = target.both[kind] as Client;
        client.onWrite = () => {
          client.onWrite = undefined;
          sendOther(other, other.reader as Reader);
        };
      }
    }
  }
  for (let pass = 0; pass < 3; pass++) {
    for (let pick = 0; pick < twins.length; pick++) {
      each(pick, (client, reader) => {
        client.capacity = Number.POSITIVE_INFINITY;
        resumeReader(reader);
      });
    }
    await turn();
  }
  expect(errors).toEqual([]);
  for (const { both, isCut } of twins) {
    const [compressed = [], plain = []] = both.map(({ received }) =>
      received.filter((one) => !isOther(one)),
    );
    const length = isCut ? Math.min(compressed.length, plain.length) : undefined;
    expect(compressed.slice(0, length)).toEqual(plain.slice(0, length));
  }
}

/** As presence sends it to a single stream. */
const OTHER = new TextEncoder().encode('event: presence\ndata: {"members":["alice","bob"]}\n\n');

function isOther(received: string): boolean {
  return received.startsWith("presence");
}
