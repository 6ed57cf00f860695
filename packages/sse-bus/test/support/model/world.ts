import { createBus, internalsOf } from "../../../src/core/bus.ts";
import type { Bus } from "../../../src/core/bus-types.ts";
import { countReaders } from "../../../src/core/cohort.ts";
import { liveCount } from "../../../src/core/topic-log.ts";
import { isPattern } from "../../../src/core/channel-name.ts";
import type { Engine } from "../../../src/core/engine.ts";
import type { HistoryOptions } from "../../../src/core/history.ts";
import type { Start } from "../../../src/core/open-reader.ts";
import { pingReaders } from "../../../src/core/ping.ts";
import { parseCursor } from "../../../src/core/position.ts";
import type { LaggingConnection } from "../lagging-server.ts";
import { turn } from "../test-sink.ts";
import { createModelClient, type ModelClient } from "./client.ts";
import { type ModelStream, type ModelStreamOptions, openModelStream } from "./stream.ts";
import { laggingSide, memorySide, type Side } from "./side.ts";
import { createTruth, type Truth } from "./truth.ts";

export interface WorldOptions {
  readonly kind: "memory" | "lagging";
  readonly buses: number;
  readonly history: HistoryOptions;
  readonly maxHistoryBytes: number;
  /** Nothing is ever evicted, so only a restart of the log may cause a gap. */
  readonly isGenerous: boolean;
  readonly isHeld: boolean;
  /** The most bytes of history that a stream receives; all without it. */
  readonly maxReplayBytes?: number | undefined;
}

/** A process: a bus on the common log. */
export interface Process {
  readonly bus: Bus;
  readonly engine: Engine;
  readonly network: LaggingConnection | undefined;
}

export interface Visitor {
  readonly client: ModelClient;
  stream: ModelStream;
}

/** A message of a batch. */
export interface ModelMessage {
  readonly data: unknown;
  readonly channel: string;
  readonly key: string | undefined;
}

export interface World {
  readonly options: WorldOptions;
  readonly truth: Truth;
  readonly side: Side;
  readonly processes: Process[];
  readonly visitors: Visitor[];
  readonly errors: Error[];
  connect(process: Process, topics: readonly string[], options: ConnectOptions): void;
  /** Connects again from the last id. */
  resume(visitor: Visitor, process: Process, options: Omit<ConnectOptions, "start">): void;
  read(visitor: Visitor, blocks: number): void;
  publish(
    process: Process,
    data: unknown,
    options: { channel: string; key: string | undefined },
  ): void;
  publishMany(process: Process, messages: readonly ModelMessage[]): void;
  reopen(index: number): void;
  loseData(): void;
  /** Waits for a turn of the event loop, then checks what must hold at any time. */
  turn(): Promise<void>;
  /** Delivers everything and lets every client resume and read to the end: none may miss anything. */
  finish(): Promise<void>;
}

export type ConnectOptions = Omit<ModelStreamOptions, "topics">;

export function createWorld(options: WorldOptions): World {
  const { kind, history, maxHistoryBytes, isGenerous, maxReplayBytes } = options;
  const truth = createTruth();
  const createSide = kind === "memory" ? memorySide : laggingSide;
  const side = createSide({ truth, history, maxHistoryBytes, isHeld: options.isHeld });
  const errors: Error[] = [];
  const failures: unknown[] = [];
  const visitors: Visitor[] = [];
  const under: Promise<unknown>[] = [];
  let names = 0;

  function openProcess(): Process {
    const { backend, network } = side.connect();
    const onError = (error: Error): void => void errors.push(error);
    const bus = createBus({ backend, history, maxHistoryBytes, onError });
    return { bus, engine: internalsOf(bus).engine, network };
  }
  const processes = Array.from({ length: options.buses }, openProcess);

  function track(promise: Promise<unknown>): void {
    under.push(promise.catch((error: unknown) => failures.push(error)));
  }

  const world: World = {
    options,
    truth,
    side,
    processes,
    visitors,
    errors,
    connect({ engine }, topics, own) {
      const client = createModelClient(`client ${names++}`, topics, truth);
      client.isGenerous = isGenerous;
      client.asksForKept = own.start === "earliest" || own.start === "latest";
      if (own.start === "latest") client.snapshotUntil = Number.POSITIVE_INFINITY;
      const mustResume = isGenerous && isKnown(own.start, engine, world);
      const stream = openModelStream(engine, truth.head, { topics, ...own, maxReplayBytes });
      visitors.push({ client, stream });
      track(
        stream.opened.then(() => {
          if (own.start === "latest") {
            // The head of the log on which it opened: the log may have restarted since.
            const hello = stream.waiting.find(({ event }) => event === "hello");
            client.snapshotUntil = truth.head((hello ?? engine.backend.head()).epoch);
          }
          if (mustResume && isKnown(own.start, engine, world)) checkResumed(stream, own.start);
          checkNotAhead(stream, own.start, truth);
        }),
      );
    },
    resume(visitor, { engine }, own) {
      const { client } = visitor;
      if (client.lastId === undefined) return;
      visitor.stream.cut();
      client.strictFrom = undefined;
      const start = { cursor: client.lastId };
      const mustResume = isGenerous && isKnown(start, engine, world);
      visitor.stream = openModelStream(engine, truth.head, {
        topics: client.topics,
        start,
        ...own,
        maxReplayBytes,
      });
      const { stream } = visitor;
      track(
        stream.opened.then(() => {
          if (mustResume && isKnown(start, engine, world)) checkResumed(stream, start);
        }),
      );
    },
    read({ client, stream }, blocks) {
      if (stream.state === "opening") return;
      for (const block of stream.waiting.splice(0, blocks)) client.accept(block);
    },
    publish({ bus }, data, given) {
      track(bus.publish(data, given).then(({ id }) => checkStored(truth, id, given), ignoreOutage));
    },
    publishMany({ bus }, messages) {
      track(
        bus.publishMany(messages).then((all) => {
          const seqs = all.map(({ id }) => parseCursor(id)?.seq ?? 0);
          if (seqs.some((seq, at) => at > 0 && seq <= (seqs[at - 1] ?? 0))) {
            throw new Error(`A batch was stored out of order: ${seqs.join()}`);
          }
          for (const [at, { id }] of all.entries()) {
            checkStored(truth, id, messages[at] as ModelMessage);
          }
        }, ignoreOutage),
      );
    },
    reopen(index) {
      const { bus } = processes[index] as Process;
      track(bus.close());
      processes[index] = openProcess();
    },
    loseData() {
      if (kind === "memory") {
        for (const { bus } of processes) track(bus.close());
        side.loseData();
        processes.forEach((_, index) => (processes[index] = openProcess()));
      } else {
        side.loseData();
      }
    },
    async turn() {
      await turn();
      if (failures.length > 0) throw failures[0];
      for (const { engine } of processes) checkEngine(engine, maxHistoryBytes);
      const isDown = processes.some(({ network }) => network?.isUp === false);
      for (const { client, stream } of visitors) {
        if (
          isDown ||
          !stream.isFast ||
          stream.state !== "open" ||
          stream.waiting.length > 0 ||
          !stream.isAtHead
        )
          continue;
        if (client.epoch === side.epoch) client.strictFrom ??= truth.head(client.epoch);
      }
    },
    async finish() {
      // Losses of an outage are reported only now.
      for (const { client } of visitors) client.strictFrom = undefined;
      for (const { network } of processes) {
        network?.restore();
        network?.notice();
      }
      await settle(processes);
      await Promise.all(under);
      for (const [index, visitor] of visitors.entries()) {
        world.read(visitor, Number.POSITIVE_INFINITY);
        const to = processes[index % processes.length] as Process;
        const capacity = Number.POSITIVE_INFINITY;
        const { stream } = visitor;
        if (stream.state === "open" && !stream.isBrittle && index % 3 > 0) stream.give(capacity);
        else {
          const isCompressed = index % 2 === 0;
          world.resume(visitor, to, { capacity, isLocal: false, isCompressed, breaksAt: 0 });
        }
      }
      await settle(processes);
      for (const { engine } of processes) pingReaders(engine, engine.readers);
      await settle(processes);
      if (failures.length > 0) throw failures[0];
      for (const visitor of visitors) {
        world.read(visitor, Number.POSITIVE_INFINITY);
        checkComplete(visitor, world);
        visitor.stream.cut();
      }
      for (const { engine } of processes) checkEmpty(engine);
      await settle(processes);
      for (const { network } of processes) {
        if ((network?.subscriptions ?? 0) > 0) throw new Error("A subscription was left open");
      }
      await Promise.all(processes.map(async ({ bus }) => bus.close()));
      const unexpected = errors.find(
        ({ message }) => !/The test (has cut|breaks)|sink threw/.test(message),
      );
      if (unexpected) throw unexpected;
    },
  };
  return world;
}

function checkStored(truth: Truth, id: string, { channel }: { readonly channel: string }): void {
  const { seq, epoch } = parseCursor(id) ?? { seq: 0, epoch: "" };
  const [stored] = truth.between(epoch, { topics: ["**"], after: seq - 1, upTo: seq });
  if (stored?.channel !== channel) throw new Error(`${id} was not stored`);
}

function ignoreOutage(error: { code?: string }): void {
  if (error.code !== "BUS_CLOSED" && error.code !== "BACKEND_UNAVAILABLE") throw error;
}

/** Delivers everything in flight. */
async function settle(processes: readonly Process[]): Promise<void> {
  for (let quiet = 0; quiet < 4; quiet++) {
    for (const { network } of processes) {
      while (network && (network.inbox > 0 || network.replies > 0)) {
        network.deliver();
        await network.reply();
        quiet = 0;
      }
    }
    await turn();
  }
}

/** Whether it is a cursor of the current log: if nothing is evicted, it must resume exactly. */
function isKnown(start: Start, { backend }: Engine, { truth, side }: World): boolean {
  const cursor = typeof start === "object" ? parseCursor(start.cursor) : undefined;
  // A process that has not yet detected the new log may send a gap.
  if (backend.head().epoch !== side.epoch) return false;
  return cursor?.epoch === side.epoch && cursor.seq <= truth.head(side.epoch);
}

function checkResumed({ waiting, state }: ModelStream, start: Start): void {
  const hello = waiting.find(({ event }) => event === "hello");
  if (state !== "open" || !hello || (hello.data as { resumed: boolean }).resumed) return;
  throw new Error(`${JSON.stringify(start)} was not resumed from`);
}

/** A client with a cursor beyond the head would never receive the messages before it. */
function checkNotAhead({ waiting }: ModelStream, start: Start, truth: Truth): void {
  const cursor = typeof start === "object" ? parseCursor(start.cursor) : undefined;
  const hello = waiting.find(({ event }) => event === "hello");
  if (!cursor || !(hello?.data as { resumed?: boolean } | undefined)?.resumed) return;
  if (cursor.seq > truth.head(cursor.epoch))
    throw new Error("A cursor beyond the head was accepted");
}

function checkComplete({ client, stream }: Visitor, { truth, side }: World): void {
  if (client.lastId === undefined) return;
  const { name, topics, epoch, position, owed } = client;
  const at = `${name} (${topics.join(" ")}) at ${position} of ${epoch}`;
  if (stream.state !== "open") throw new Error(`${at} could not reconnect`);
  if (owed.length > 0) {
    throw new Error(`${at} got no gap for ${owed.map(({ seq }) => seq).join()}`);
  }
  if (epoch !== side.epoch) throw new Error(`${at} got no gap for the new log ${side.epoch}`);
  const [missing] = truth.between(epoch, {
    topics,
    after: position,
    upTo: Number.POSITIVE_INFINITY,
  });
  if (missing) throw new Error(`${at} did not receive ${missing.seq}`);
  if (position < truth.head(epoch)) throw new Error(`${at} did not get a heartbeat of the head`);
}

/** What must hold after any turn. */
function checkEngine(engine: Engine, maxHistoryBytes: number): void {
  const { store, readers, cohorts, topics, unsettled } = engine;
  let placed = 0;
  for (const cohort of cohorts.values()) {
    const { atHead, behind, waiting } = cohort;
    placed += countReaders(cohort);
    for (const [index, reader] of atHead.entries()) {
      if (reader.index !== index || reader.state !== "head")
        throw new Error("A reader is misplaced");
    }
    for (const { state } of behind)
      if (state !== "behind") throw new Error(`One behind is ${state}`);
    for (const { state } of waiting)
      if (state !== "waiting") throw new Error(`One waiting is ${state}`);
    if (placed === 0) throw new Error("A cohort without readers was not freed");
    if (cohort.packets.size > 0 && cohort.context.flusher.pending() === 0) {
      throw new Error("Packets outlived their turn");
    }
  }
  if (placed !== readers.size) throw new Error(`${readers.size} readers, ${placed} of them placed`);
  let bytes = 0;
  for (const log of store.logs.values()) bytes += log.bytes + 512 + log.name.length;
  if (bytes !== store.bytes) throw new Error(`The store counts ${store.bytes} bytes for ${bytes}`);
  if (unsettled.size > 0) return;
  const isEmpty = [...store.logs.values()].every(
    ({ messages, first }) => messages.length === first,
  );
  if (!isEmpty && bytes > maxHistoryBytes) throw new Error(`${bytes} bytes of history are kept`);
  for (const { name, log, hydration } of topics.values()) {
    if (isPattern(name) || hydration) continue;
    if (liveCount(log) > log.limits.maxMessages) throw new Error(`${name} keeps ${liveCount(log)}`);
  }
}

function checkEmpty({ cohorts, topics, readers, store, unsettled }: Engine): void {
  const left = [
    cohorts.size,
    topics.size,
    readers.size,
    store.logs.size,
    store.bytes,
    unsettled.size,
  ];
  if (left.some((count) => count !== 0) || store.sweepTimer !== undefined) {
    throw new Error(`After all readers have closed, this is left: ${left.join()}`);
  }
}
