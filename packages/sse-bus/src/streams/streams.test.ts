import { getEventListeners } from "node:events";
import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Backend } from "../core/backend.ts";
import { internalsOf } from "../core/bus-internals.ts";
import { createBus } from "../core/bus.ts";
import type { Bus } from "../core/bus-types.ts";
import { instancesOf, retireInstance } from "../core/instances/instances.ts";
import { memoryBackend } from "../core/memory-backend.ts";
import { publishReserved } from "../core/reserved.ts";
import { createArrayLog } from "../../test/support/array-log.ts";
import { createStreams, type StreamsOptions } from "./create-streams.ts";
import { readPage } from "../core/read-page.ts";
import { readStream } from "./read-stream.ts";
import type { Streams } from "./streams-types.ts";

const open: Bus[] = [];
const LEASE_MS = 1000;

afterEach(async () => {
  await Promise.all(open.splice(0).map(async (bus) => bus.close()));
});

interface Instance {
  readonly bus: Bus;
  readonly streams: Streams;
  readonly errors: Error[];
}

function instance(backend = memoryBackend(), options: Partial<StreamsOptions> = {}): Instance {
  const errors: Error[] = [];
  const bus = createBus({ backend, onError: (error) => errors.push(error) });
  internalsOf(bus).attachments.set("leaseMs", LEASE_MS);
  open.push(bus);
  return { bus, streams: createStreams({ bus, ...options }), errors };
}

async function textOf(stream: ReadableStream<Uint8Array> | null): Promise<string> {
  return new Response(stream as BodyInit).text();
}

/** A source whose pieces come when the test says so. */
function manual() {
  let controller!: ReadableStreamDefaultController<string>;
  const cancelled = vi.fn();
  const stream = new ReadableStream<string>({
    start(given) {
      controller = given;
    },
    cancel: cancelled,
  });
  return { stream, cancelled, give: (text: string) => controller.enqueue(text), controller };
}

async function* words(...all: string[]) {
  for (const word of all) yield word;
}

describe("start", () => {
  test("gives the source's text, and its end", async () => {
    const { streams } = instance();
    const body = await streams.start("a", words("Hello", ", ", "world"));
    expect(await textOf(body)).toBe("Hello, world");
    expect(await streams.status("a")).toMatchObject({ state: "done", bytes: 12 });
  });

  test("runs the source to its end when nobody reads", async () => {
    const { streams } = instance();
    const source = manual();
    const body = await streams.start("a", source.stream);
    await body.cancel();
    source.give("one ");
    source.give("two");
    source.controller.close();
    await vi.waitFor(async () =>
      expect(await streams.status("a")).toMatchObject({ state: "done" }),
    );
    expect(await textOf(await streams.resume("a"))).toBe("one two");
  });
});

describe("the content of a source", () => {
  test("may be bytes, which are the same for every reader, whatever they are", async () => {
    const { streams } = instance();
    const anyPieces = fc.array(
      fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.string({ unit: "binary" })),
      { maxLength: 20 },
    );
    await fc.assert(
      fc.asyncProperty(anyPieces, fc.uuid(), async (pieces, id) => {
        async function* source() {
          yield* pieces;
        }
        const wanted = Buffer.concat(
          pieces.map((piece) => (typeof piece === "string" ? utf8(piece) : piece)),
        );
        const body = await streams.start(id, source());
        expect((await bytesOf(body)).equals(wanted)).toBe(true);
        expect((await bytesOf(await streams.resume(id))).equals(wanted)).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  test("is whole characters for every reader, wherever its pieces were cut", async () => {
    const { streams } = instance(undefined, { joinMs: 0 });
    const bytes = utf8("a€😀é".repeat(50));
    async function* source() {
      for (const byte of bytes) {
        yield Uint8Array.of(byte);
        await Promise.resolve();
      }
    }
    const body = await streams.start("a", source());
    const decoder = new TextDecoder("utf-8", { fatal: true });
    for await (const piece of body) decoder.decode(piece);
    const [high, low] = ["\uD83D", "\uDE00"];
    expect(await textOf(await streams.start("b", words("a", high, low, high)))).toBe("a😀\uFFFD");
  });

  test("may be the body of a response, or what a function returns later", async () => {
    const { streams } = instance();
    expect(await textOf(await streams.start("a", new Response("body").body!))).toBe("body");
    const later = async () => new Response("later").body!;
    expect(await textOf(await streams.start("b", later))).toBe("later");
    expect(await textOf(await streams.start("c", words()))).toBe("");
  });

  test("must be text or bytes", async () => {
    const { streams, errors } = instance();
    await expect(streams.start("a", {} as never)).rejects.toMatchObject({ code: "INVALID_OPTION" });
    async function* numbers() {
      yield 1 as never;
    }
    const body = await streams.start("a", numbers());
    await expect(textOf(body)).rejects.toMatchObject({ code: "STREAM_FAILED" });
    expect(errors).toMatchObject([{ code: "STREAM_FAILED", cause: { name: "TypeError" } }]);
    await expect(streams.start("", words())).rejects.toMatchObject({ code: "INVALID_ID" });
    await expect(streams.start("€".repeat(21), words())).rejects.toMatchObject({
      code: "INVALID_ID",
    });
    await expect(streams.start("\uD83D", words())).rejects.toMatchObject({ code: "INVALID_ID" });
  });

  test("of a source that fails ends all readers with an error, after what it gave", async () => {
    const backend = memoryBackend();
    const [one, two] = [instance(backend), instance(backend)];
    async function* failing() {
      yield "so far";
      throw new Error("no more");
    }
    await (await one.streams.start("a", failing())).cancel();
    await vi.waitFor(() => expect(one.errors).toMatchObject([{ cause: { message: "no more" } }]));
    const reader = (await two.streams.resume("a"))!.getReader();
    expect(Buffer.from((await reader.read()).value!).toString()).toBe("so far");
    await expect(reader.read()).rejects.toMatchObject({ code: "STREAM_FAILED" });
    expect(await two.streams.status("a")).toMatchObject({ state: "failed", bytes: 6 });
  });
});

describe("bounds", () => {
  test("a stream that exceeds its bytes or its time ends with an error, and its source is aborted", async () => {
    const { streams } = instance(undefined, { maxBytes: 10, maxRunMs: 50 });
    const large = manual();
    const body = await streams.start("large", large.stream);
    large.give("12345");
    large.give("123456");
    await expect(textOf(body)).rejects.toMatchObject({ code: "STREAM_FAILED" });
    expect(large.cancelled).toHaveBeenCalled();
    const long = manual();
    await expect(textOf(await streams.start("long", long.stream))).rejects.toThrow(/maxRunMs/);
    expect(long.cancelled).toHaveBeenCalled();
    expect(await streams.status("long")).toMatchObject({ state: "failed", bytes: 0 });
  });

  test("a process runs as many sources as `maxStreams`, and no more", async () => {
    const { streams } = instance(undefined, { maxStreams: 1 });
    const [first, second] = [manual(), manual()];
    const body = await streams.start("a", first.stream);
    await expect(streams.start("b", second.stream)).rejects.toMatchObject({
      code: "TOO_MANY_STREAMS",
    });
    expect(second.cancelled).toHaveBeenCalled();
    // It is another reader of a stream that runs.
    const again = await streams.start("a", words("not read"));
    first.controller.close();
    expect(await Promise.all([textOf(body), textOf(again)])).toEqual(["", ""]);
    expect(await textOf(await streams.start("b", words("b")))).toBe("b");
  });

  test("options must be in range", () => {
    const { bus } = instance();
    const wrong = [
      { maxBytes: 0 },
      { maxBytes: 8_388_609 },
      { maxStreams: 0 },
      { maxRunMs: 3_000_001 },
      { joinMs: -1 },
    ];
    for (const options of wrong) {
      expect(() => createStreams({ bus, ...options })).toThrow(/must be/);
    }
  });

  test("a long stream is read again page by page, as its reader asks for it", async () => {
    const backend = memoryBackend();
    const pages = vi.fn<NonNullable<Backend["readAfter"]>>(async (...page) =>
      readPage(backend, ...page),
    );
    const { streams } = instance({ ...backend, readAfter: pages });
    async function* source() {
      for (let piece = 0; piece < 64; piece++) yield String(piece % 10).repeat(65_536);
    }
    await textOf(await streams.start("long", source()));
    const reader = (await streams.resume("long"))!.getReader();
    pages.mockClear();
    let text = Buffer.from((await reader.read()).value!).toString();
    expect(pages).not.toHaveBeenCalled();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      text += Buffer.from(value).toString();
    }
    expect(text.length).toBe(4_194_304);
    expect(text).toMatch(/^0+1+2+.*3+$/);
    // Half a megabyte each; the first one came with the stream's state.
    expect(pages.mock.calls.length).toBeGreaterThanOrEqual(6);
    for (const [channel] of pages.mock.calls) expect(channel).toBe("~streams/long");
  });

  test("a long stream is read with one call if the backend has no pages", async () => {
    const backend = memoryBackend();
    const read = vi.spyOn(backend, "read");
    const { streams } = instance(backend);
    async function* source() {
      for (let piece = 0; piece < 64; piece++) yield "x".repeat(65_536);
    }
    await textOf(await streams.start("long", source()));
    read.mockClear();
    expect(await streams.status("long")).toMatchObject({ state: "done", bytes: 4_194_304 });
    expect(read.mock.calls).toEqual([["~streams/long"]]);
  });

  test("5,000 tokens are read again with at most 20 messages of the log", async () => {
    const backend = memoryBackend();
    const read = vi.spyOn(backend, "read");
    const { streams } = instance(backend, { joinMs: 0 });
    async function* tokens() {
      for (let token = 0; token < 5000; token++) {
        yield `data: {"type":"text-delta","id":"0","delta":" t${token}"}\n\n`;
        // One message each, as of a slow model.
        if (token % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    }
    const text = await textOf(await streams.start("a", tokens()));
    await vi.waitFor(async () =>
      expect(await streams.status("a")).toMatchObject({ state: "done" }),
    );
    read.mockClear();
    expect(await textOf(await streams.resume("a"))).toBe(text);
    const results = await Promise.all(read.mock.results.map(async ({ value }) => value));
    const count = results.reduce((sum, { messages }) => sum + messages.length, 0);
    expect(count).toBeLessThanOrEqual(20);
  });
});

describe("readers", () => {
  test("one that is slow does not hold the source or the others, and misses nothing", async () => {
    const backend = memoryBackend();
    const [one, two] = [instance(backend, { joinMs: 0 }), instance(backend)];
    async function* many() {
      for (let line = 0; line < 3000; line++) {
        yield `line ${line}\n`;
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    const body = await one.streams.start("a", many());
    const slow = (await two.streams.resume("a"))!.getReader();
    let text = "";
    const decoder = new TextDecoder();
    const readOnce = async () => {
      const { done, value } = await slow.read();
      text += decoder.decode(value, { stream: true });
      return !done;
    };
    await readOnce();
    const whole = await textOf(body);
    // More messages than a channel keeps.
    expect(whole.split("\n")).toHaveLength(3001);
    while (await readOnce());
    expect(text).toBe(whole);
  });

  test("a reader of a run that has ended reads it to its end, while the next one runs", async () => {
    const { streams } = instance();
    const first = manual();
    const reader = (await streams.start("a", first.stream)).getReader();
    first.give("first");
    expect(Buffer.from((await reader.read()).value!).toString()).toBe("first");
    first.give(" run");
    first.controller.close();
    await vi.waitFor(async () =>
      expect(await streams.status("a")).toMatchObject({ state: "done" }),
    );
    expect(await textOf(await streams.start("a", words("second run")))).toBe("second run");
    expect(Buffer.from((await reader.read()).value!).toString()).toBe(" run");
    expect(await reader.read()).toEqual({ done: true, value: undefined });
    expect(await textOf(await streams.resume("a"))).toBe("second run");
  });

  test("of a log that has lost its data get an error", async () => {
    const log = createArrayLog();
    const [one, two] = [instance(log.connect()), instance(log.connect())];
    const source = manual();
    const readers = [await one.streams.start("a", source.stream)];
    source.give("text");
    readers.push((await two.streams.resume("a"))!);
    const reads = readers.map(async (body) => textOf(body));
    for (const read of reads) read.catch(() => {});
    await vi.waitFor(async () => expect(await two.streams.status("a")).not.toBeNull());
    log.loseData();
    source.give("lost");
    for (const read of reads) await expect(read).rejects.toMatchObject({ code: "GAP" });
    await vi.waitFor(() => expect(source.cancelled).toHaveBeenCalled());
    expect(one.errors).toContainEqual(expect.objectContaining({ code: "GAP" }));
    expect(await textOf(await two.streams.start("a", words("again")))).toBe("again");
  });

  test("leave nothing behind: no reader, no subscription, no listener and no timer", async () => {
    const { bus, streams } = instance();
    const { engine } = internalsOf(bus);
    const source = manual();
    let aborts!: AbortSignal;
    const body = await streams.start("a", ({ signal }) => {
      aborts = signal;
      return source.stream;
    });
    const readers = await Promise.all([streams.resume("a"), streams.resume("a")]);
    source.give("text");
    await readers[0]!.getReader().read();
    const read = readers[1]!.getReader();
    await read.read();
    const pending = read.read();
    expect(engine.readers.size).toBe(3);
    await read.cancel();
    expect(await pending).toEqual({ done: true, value: undefined });
    source.controller.close();
    expect(await textOf(body)).toBe("text");
    await vi.waitFor(() => expect(engine.readers.size).toBe(2));
    await vi.waitFor(async () =>
      expect(await streams.status("a")).toMatchObject({ state: "done" }),
    );
    expect(getEventListeners(aborts, "abort")).toHaveLength(0);
  });
});

describe("instances", () => {
  test("of two starts at once exactly one runs its source, and both give what that gives", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 4 }), async (count) => {
        const backend = memoryBackend();
        const all = Array.from({ length: count }, () => instance(backend));
        let runs = 0;
        const texts = await Promise.all(
          all.map(async ({ streams }, index) => {
            const body = await streams.start("a", async function* () {
              runs++;
              yield `from ${index}`;
              await new Promise((resolve) => setTimeout(resolve, 20));
            });
            return textOf(body);
          }),
        );
        expect(runs).toBe(1);
        expect(new Set(texts).size).toBe(1);
      }),
      { numRuns: 10 },
    );
  });

  test("one that dies gives every reader an error within three leases, and another can start again", async () => {
    const backend = memoryBackend();
    const dying = breakable(backend);
    const [one, two, three] = [instance(dying.backend), instance(backend), instance(backend)];
    const source = manual();
    await one.streams.start("a", source.stream);
    source.give("text");
    const readers = [await two.streams.resume("a"), await three.streams.resume("a")].map((body) =>
      body!.getReader(),
    );
    for (const reader of readers) await reader.read();
    const startedAt = performance.now();
    dying.break();
    await Promise.all(
      readers.map(async (reader) =>
        expect(reader.read()).rejects.toMatchObject({ code: "STREAM_FAILED" }),
      ),
    );
    expect(performance.now() - startedAt).toBeLessThan(3 * LEASE_MS);
    expect(await two.streams.status("a")).toMatchObject({ state: "lost" });
    expect(await textOf(await three.streams.start("a", words("again")))).toBe("again");
  });

  test("one that starts the stream of a dead instance runs it once that is known to be dead", async () => {
    const backend = memoryBackend();
    const dying = breakable(backend);
    const [one, two] = [instance(dying.backend), instance(backend)];
    await one.streams.start("a", manual().stream);
    await two.streams.status("a");
    dying.break();
    await vi.waitFor(
      async () => expect(await textOf(await two.streams.start("a", words("again")))).toBe("again"),
      { timeout: 3 * LEASE_MS },
    );
  });

  test("one that closes ends its streams with an error for all", async () => {
    const backend = memoryBackend();
    const [one, two] = [instance(backend), instance(backend)];
    const source = manual();
    await one.streams.start("a", source.stream);
    source.give("text");
    const reader = (await two.streams.resume("a"))!.getReader();
    await reader.read();
    await one.bus.close();
    await expect(reader.read()).rejects.toMatchObject({ code: "STREAM_FAILED" });
    expect(source.cancelled).toHaveBeenCalled();
  });
});

describe("resume", () => {
  test("gives what there is so far, then what follows, on another instance", async () => {
    const backend = memoryBackend();
    const [one, two] = [instance(backend), instance(backend)];
    const source = manual();
    await one.streams.start("a", source.stream);
    source.give("so far, ");
    const body = (await two.streams.resume("a")) as ReadableStream<BufferSource>;
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    expect(await reader.read()).toEqual({ done: false, value: "so far, " });
    source.give("live");
    expect(await reader.read()).toEqual({ done: false, value: "live" });
    source.controller.close();
    expect(await reader.read()).toEqual({ done: true, value: undefined });
    expect(two.errors).toEqual([]);
  });

  test("gives null for a stream that there is not", async () => {
    const { streams } = instance();
    expect(await streams.resume("a")).toBeNull();
    expect(await streams.status("a")).toBeNull();
    expect(await streams.stop("a")).toBe(false);
  });
});

describe("stop", () => {
  test("aborts a source whose instance seems to be absent, before that is certain", async () => {
    const backend = memoryBackend();
    // Its leases are late.
    const silent: Backend = {
      ...backend,
      publish: async (message) =>
        backend.publish(message.event === "instance" ? { ...message, event: "late" } : message),
    };
    const [one, two] = [instance(silent), instance(backend)];
    const { stream, cancelled } = manual();
    await one.streams.start("a", stream);
    let isKnown = false;
    const stopped = two.streams.stop("a").finally(() => (isKnown = true));
    await vi.waitFor(() => expect(cancelled).toHaveBeenCalled());
    expect(isKnown).toBe(false);
    expect(await stopped).toBe(true);
    expect(await two.streams.status("a")).toMatchObject({ state: "stopped" });
  });

  test("on another instance, aborts the source and ends all readers", async () => {
    const backend = memoryBackend();
    const [one, two] = [instance(backend), instance(backend)];
    let aborted!: AbortSignal;
    const source = manual();
    const body = await one.streams.start("a", ({ signal }) => {
      aborted = signal;
      return source.stream;
    });
    source.give("text");
    const texts = Promise.all([textOf(body), textOf(await two.streams.resume("a"))]);
    await vi.waitFor(async () => expect(await two.streams.status("a")).not.toBeNull());
    expect(await two.streams.stop("a")).toBe(true);
    expect(await texts).toEqual(["text", "text"]);
    expect(aborted.aborted).toBe(true);
    expect(source.cancelled).toHaveBeenCalled();
    expect(await two.streams.status("a")).toMatchObject({ state: "stopped", bytes: 4 });
  });
});

describe("claims", () => {
  test("whose answer was lost are ended: nothing runs them", async () => {
    const backend = memoryBackend();
    const flaky = losing(backend, "start");
    const [one, two] = [instance(flaky), instance(backend)];
    await expect(one.streams.start("a", words("not read"))).rejects.toThrow("start was lost");
    await vi.waitFor(async () =>
      expect(await two.streams.status("a")).toMatchObject({ state: "failed", bytes: 0 }),
    );
    expect(await textOf(await two.streams.start("a", words("again")))).toBe("again");
  });

  test("that their own instance knows nothing of count as lost", async () => {
    const backend = memoryBackend();
    const flaky = losing(losing(backend, "start"), "end");
    const { streams, errors } = instance(flaky);
    await expect(streams.start("a", words("not read"))).rejects.toThrow("start was lost");
    await vi.waitFor(() => expect(errors).toMatchObject([{ message: "The end was lost." }]));
    expect(await streams.stop("a")).toBe(false);
    expect(await streams.status("a")).toMatchObject({ state: "lost" });
    expect(await textOf(await streams.start("a", words("again")))).toBe("again");
  });

  test("that the log has lost are a gap", async () => {
    const backend = memoryBackend();
    const { streams } = instance({
      ...backend,
      read: async (topic) => ({ ...(await backend.read(topic)), messages: [] }),
    });
    await expect(streams.start("a", words())).rejects.toMatchObject({ code: "GAP" });
  });

  test.each(["this instance", "another one"])(
    "are stopped by %s before they run",
    async (where) => {
      const backend = memoryBackend();
      const two = instance(backend);
      const claimed = onClaim(backend, async () => {
        const { streams } = where === "this instance" ? one : two;
        expect(await streams.stop("a")).toBe(true);
      });
      const one = instance(claimed);
      const source = manual();
      expect(await textOf(await one.streams.start("a", source.stream))).toBe("");
      expect(source.cancelled).toHaveBeenCalled();
      expect(await two.streams.status("a")).toMatchObject({ state: "stopped" });
    },
  );
});

describe("a server that shuts down", () => {
  test("starts no source", async () => {
    const { bus, streams } = instance();
    await textOf(await streams.start("a", words("before")));
    retireInstance(internalsOf(bus));
    const source = manual();
    await expect(streams.start("b", source.stream)).rejects.toMatchObject({ code: "BUS_CLOSED" });
    expect(source.cancelled).toHaveBeenCalled();
    expect(await textOf(await streams.resume("a"))).toBe("before");
  });

  test("ends a source that it has claimed already", async () => {
    const backend = memoryBackend();
    const claimed = onClaim(backend, async () => retireInstance(internalsOf(one.bus)));
    const [one, two] = [instance(claimed), instance(backend)];
    const source = manual();
    const body = await one.streams.start("a", source.stream);
    await expect(textOf(body)).rejects.toMatchObject({ code: "STREAM_FAILED" });
    expect(source.cancelled).toHaveBeenCalled();
    expect(await two.streams.status("a")).toMatchObject({ state: "failed" });
  });

  test("closes its readers of streams on other instances, and these continue", async () => {
    const backend = memoryBackend();
    const [one, two] = [instance(backend), instance(backend)];
    const source = manual();
    await one.streams.start("a", source.stream);
    source.give("text");
    const [waiting, slow] = [await two.streams.resume("a"), await two.streams.resume("a")].map(
      (body) => body!.getReader(),
    );
    await Promise.all([waiting!.read(), slow!.read()]);
    const pending = waiting!.read();
    retireInstance(internalsOf(two.bus));
    await expect(pending).rejects.toMatchObject({ code: "BUS_CLOSED" });
    await expect(slow!.closed).rejects.toMatchObject({ code: "BUS_CLOSED" });
    const later = await two.streams.resume("a");
    await expect(textOf(later)).rejects.toMatchObject({ code: "BUS_CLOSED" });
    await vi.waitFor(() => expect(internalsOf(two.bus).engine.readers.size).toBe(1));
    source.controller.close();
    expect(await textOf(await one.streams.resume("a"))).toBe("text");
  });
});

describe("a run that others count as lost", () => {
  test("can be read up to there", async () => {
    const { bus, streams } = instance();
    const source = manual();
    const body = await streams.start("a", source.stream);
    source.give("text");
    await body.getReader().read();
    await declareLost(bus, "a");
    const reader = (await streams.resume("a"))!.getReader();
    expect(Buffer.from((await reader.read()).value!).toString()).toBe("text");
    await expect(reader.read()).rejects.toMatchObject({ code: "STREAM_FAILED" });
  });

  test("ends its source once its instance continues with another id", async () => {
    const { bus, streams } = instance();
    const source = manual();
    await streams.start("a", source.stream);
    await declareLost(bus, "a");
    instancesOf(internalsOf(bus)).own.startAgain();
    await vi.waitFor(() => expect(source.cancelled).toHaveBeenCalled());
    expect(await streams.status("a")).toMatchObject({ state: "lost" });
  });
});

test("a run is read without the parts of later ones", async () => {
  const { bus, streams } = instance();
  await textOf(await streams.start("a", words("first")));
  await stored(bus, "a", 1);
  const { id } = (await readStream(internalsOf(bus), "~streams/a")).fold.newest!;
  await textOf(await streams.start("a", words("second")));
  await stored(bus, "a", 1);
  const { parts } = await readStream(internalsOf(bus), "~streams/a", id);
  expect(parts.map(({ bytes }) => Buffer.from(bytes).toString())).toEqual(["first"]);
});

test("a reader whose client is slow finds in newer parts what the chunks no longer have", async () => {
  const backend = memoryBackend();
  const short: Backend = {
    ...backend,
    async read(topic) {
      const kept = await backend.read(topic);
      // As if most chunks were evicted; there is a part for three of them.
      return topic.includes("/1-") ? { ...kept, messages: kept.messages.slice(-4) } : kept;
    },
  };
  const [one, two] = [instance(backend), instance(short)];
  const source = manual();
  await one.streams.start("a", source.stream);
  const reader = (await two.streams.resume("a"))!.getReader();
  const half = "0123456789abcdef".repeat((6 * 32_768) / 16);
  source.give(half);
  await stored(one.bus, "a", 2);
  let text = Buffer.from((await reader.read()).value!).toString();
  source.give(half);
  await stored(one.bus, "a", 4);
  source.controller.close();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    text += Buffer.from(next.value).toString();
  }
  expect(text).toBe(half + half);
});

test("the place of a stopped source is free, whether or not the source ends", async () => {
  const { streams } = instance(undefined, { maxStreams: 1 });
  const never = async () => new Promise<never>(() => {});
  const source = { [Symbol.asyncIterator]: () => ({ next: never, return: never }) };
  await streams.start("a", source);
  await streams.stop("a");
  expect(await textOf(await streams.start("b", words("b")))).toBe("b");
});

test("the status of a stream that has ended is read once", async () => {
  const backend = memoryBackend();
  const read = vi.spyOn(backend, "read");
  const { bus, streams } = instance(backend);
  await textOf(await streams.start("a", words("text")));
  await stored(bus, "a", 1);
  read.mockClear();
  expect(await streams.status("a")).toMatchObject({ state: "done" });
  expect(read).toHaveBeenCalledOnce();
});

/** Waits until the log has this many parts of the newest run. */
async function stored(bus: Bus, id: string, parts: number): Promise<void> {
  await vi.waitFor(async () => {
    const read = await readStream(internalsOf(bus), `~streams/${id}`);
    expect(read.parts).toHaveLength(parts);
  });
}

async function declareLost(bus: Bus, id: string): Promise<void> {
  const internals = internalsOf(bus);
  const { newest } = (await readStream(internals, `~streams/${id}`)).fold;
  const data = { r: newest!.id, how: "lost", i: newest!.owner };
  await publishReserved(internals, `~streams/${id}`, "end", data);
}

/** Stores the first message of an event on a stream's channel, and loses the answer; an end is not stored. */
function losing(backend: Backend, event: string): Backend {
  let isLost = false;
  return {
    ...backend,
    async publish(message) {
      if (isLost || message.event !== event || !message.channel.startsWith("~streams/")) {
        return backend.publish(message);
      }
      isLost = true;
      if (event === "start") await backend.publish(message);
      throw new Error(`The ${event} was lost.`);
    },
  };
}

/** Calls `run` after the first claim is stored, before its instance knows that it is. */
function onClaim(backend: Backend, run: () => Promise<void>): Backend {
  let isClaimed = false;
  return {
    ...backend,
    async publish(message) {
      const answer = await backend.publish(message);
      if (message.event !== "start" || isClaimed) return answer;
      isClaimed = true;
      await run();
      return answer;
    },
  };
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

async function bytesOf(stream: ReadableStream<Uint8Array> | null): Promise<Buffer> {
  return Buffer.from(await new Response(stream as BodyInit).arrayBuffer());
}

/** A backend that one instance can lose. */
function breakable(backend: Backend): { readonly backend: Backend; break(): void } {
  let isBroken = false;
  const broken: Backend = {
    ...backend,
    publish: async (message) => (isBroken ? new Promise(() => {}) : backend.publish(message)),
    subscribe: async (topic, feed) =>
      backend.subscribe(topic, {
        message: (message) => isBroken || feed.message(message),
        lost: (seq) => isBroken || feed.lost(seq),
      }),
  };
  return { backend: broken, break: () => (isBroken = true) };
}
